"""How wide a book's band is now: the policy's, by pin, appetite, regime and guards, cut to limits.

Owns what watches the market and our part in it; fed with prices, orders and fills. Decides no trade.
"""

from msgspec import Struct, structs

from bot.domain.decided import Features, Note
from bot.domain.instruments import Instrument
from bot.domain.time import Ns
from bot.domain.units import float_from_decimal
from bot.hedging.appetite import width_ratio
from bot.hedging.band import Band, BandInputs, BandPolicy, TradeTo, aim_coin, around, inside, stretched, within
from bot.hedging.expiry import ExpiryParams, widened
from bot.hedging.regime import RegimeParams, RegimeSeen, RegimeWatch
from bot.hedging.situation import Bands, Hedge, at_depth
from bot.hedging.stability import Guard, Moment, Stability, StabilityParams

_UNWATCHED = RegimeSeen()


class Widths(Struct, frozen=True):
    """The bands of a decision, and what made them as wide as they are."""

    inputs: BandInputs
    """At the cost of the size that is due."""
    bands: Bands
    guard: Guard = Guard()
    regime: RegimeSeen = _UNWATCHED
    is_watched: bool = False
    """Whether the regime was looked at."""

    @property
    def ratio(self) -> float:
        """Times the width of what policy and pin give."""
        return self.guard.width_ratio * self.regime.width_ratio

    def features(self) -> Features | None:
        """For the record; nothing where nothing is looked at and no guard has anything to say."""
        guard, seen = self.guard, self.regime
        if not self.is_watched:
            if guard.gain_ratio is None and guard.width_ratio == 1.0:
                return None
            return Features(loop_gain_ratio=guard.gain_ratio, width_ratio=guard.width_ratio)
        return Features(
            loop_gain_ratio=guard.gain_ratio,
            width_ratio=self.ratio,
            regime=seen.regime,
            vol_ratio=seen.vol_ratio,
            cusum_ratio=seen.cusum_ratio,
            jump_test_sigmas=seen.jump_test_sigmas,
            hour_ratio=seen.hour_ratio,
            has_jumped=seen.has_jumped,
        )


class Width:
    """Of one book; its state is that of the watchers."""

    def __init__(
        self,
        policy: BandPolicy,
        *,
        expiry: ExpiryParams,
        delta_coin_max: float,
        stability: StabilityParams,
        regime: RegimeParams | None,
        maker_cost_fraction: float | None,
        trade_to: TradeTo,
    ) -> None:
        """`policy` is shaped by the modifiers already; `delta_coin_max` is the hard limit of the worst case."""
        self._policy = policy
        self._expiry = expiry
        self._delta_coin_max = delta_coin_max
        self._maker_cost_fraction = maker_cost_fraction
        self._trade_to = trade_to
        self._share = 1.0
        """Of the appetite, at this decision."""
        self._regime = None if regime is None else RegimeWatch(regime)
        self.stability = Stability(stability)
        """Fed by the engine, and told of orders."""

    def see_price(self, price_usd: float, now_ns: Ns) -> None:
        """Mark of the hedge instrument."""
        self.stability.see_price(price_usd, now_ns)
        if self._regime is not None:
            self._regime.see_price(price_usd, now_ns)

    def notes(self) -> list[Note]:
        """What was noticed since the last call."""
        return self.stability.notes() + ([] if self._regime is None else self._regime.notes())

    def at_maker_cost(self, inputs: BandInputs, spec: Instrument) -> BandInputs | None:
        """The same inputs at what a maker's fill costs; None where hedges only take."""
        if self._maker_cost_fraction is None:
            return None
        maker_cost = float_from_decimal(spec.fee_rate_maker) + self._maker_cost_fraction
        return structs.replace(inputs, fee_rate_taker=maker_cost, half_spread_usd=0.0)

    def at(
        self,
        inputs: BandInputs,
        cheap: BandInputs | None,
        hedge: Hedge,
        *,
        is_pinned: bool,
        appetite_share: float = 1.0,
    ) -> Widths:
        """The bands at the cost of the size that is due, and what they came from; a guard that steps in widens now."""
        self._share = appetite_share
        asked = self._asked(inputs, is_pinned=is_pinned)
        asked_cheap = None if cheap is None else self._asked(cheap, is_pinned=is_pinned)
        seen = _UNWATCHED if self._regime is None else self._regime.at(inputs.now_ns, inputs.price_usd)
        ratio = self.stability.width_ratio(inputs.now_ns)
        bands = self._bands(asked, asked_cheap, seen, ratio)
        deep = at_depth(inputs, hedge, self._due_coin(inputs.delta_coin_net, bands))
        if deep is not inputs:
            inputs, asked = deep, self._asked(deep, is_pinned=is_pinned)
            bands = self._bands(asked, asked_cheap, seen, ratio)
        guard = self.stability.at(
            Moment(
                now_ns=inputs.now_ns,
                gamma_coin_per_usd=inputs.gamma_coin_per_usd,
                vol_per_year=inputs.iv_mark,
                half_coin=0.5 * (bands.acted_on.high_coin - bands.acted_on.low_coin),
                price_usd=inputs.price_usd,
                volume_usd_per_day=hedge.volume_usd_per_day,
            )
        )
        if guard.width_ratio != ratio:
            bands = self._bands(asked, asked_cheap, seen, guard.width_ratio)
        if guard.width_ratio > 1.0:
            bands = structs.replace(bands, narrow=self._bands(asked, asked_cheap, seen, 1.0).acted_on)
        return Widths(inputs, bands, guard, seen, self._regime is not None)

    def _due_coin(self, net_coin: float, bands: Bands) -> float:
        """What would be taken at the touch now, signed; 0.0 where the taker's band holds."""
        outer = bands.acted_on if bands.taker is None else bands.taker
        if outer.low_coin <= net_coin <= outer.high_coin:
            return 0.0
        return aim_coin(outer, net_coin, self._trade_to) - net_coin

    def _asked(self, inputs: BandInputs, *, is_pinned: bool) -> Band:
        asked = self._policy(inputs)
        assert asked.low_coin <= asked.target_coin <= asked.high_coin, f"band policy gave {asked}"
        return widened(self._expiry, asked) if is_pinned else asked

    def _bands(self, asked: Band, asked_cheap: Band | None, seen: RegimeSeen, ratio: float) -> Bands:
        """The band hedges start from, and the taker's around it where a maker's cost makes the first."""
        taker = self._cut(asked, seen, ratio)
        if asked_cheap is None:
            return Bands(acted_on=taker, taker=None)
        return Bands(acted_on=inside(self._cut(asked_cheap, seen, ratio), taker), taker=taker)

    def _cut(self, asked: Band, seen: RegimeSeen, ratio: float) -> Band:
        band = stretched(asked, ratio * seen.width_ratio * width_ratio(self._share))
        if 0.5 * (band.high_coin - band.low_coin) > seen.half_coin_max:
            band = inside(band, around(band.target_coin, seen.half_coin_max))
        return within(band, self._delta_coin_max * self._share)
