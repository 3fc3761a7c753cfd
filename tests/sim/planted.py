"""Bugs that hedgers have had, one small change of our source each: the soak must find every one of them.

A change names a file and a text that must stand in it exactly once, so that code that moves breaks the list loudly.
"""

from typing import Final

from planting import RESTS, Bug, Change, bug

_LIFE = "execution/lifecycle.py"
_WORK = "execution/working.py"
_VIEW = "market/view.py"
_TRUST = "market/quality.py"
_STAND = "execution/standing.py"
_RECONCILE = "execution/reconcile.py"
_DECIDE = "hedging/decide.py"
_LEDGER = "journal/ledger.py"
_BOOK = "venues/deribit_book.py"

_NO_LATCH: Final = Change(
    "execution/stops.py", "        if kind is None or kind not in rules.FORBIDS_ORDERS:\n", "        if True:\n"
)
"""The phase and the latch both hold a halt."""

BUGS: Final = (
    Bug(
        "resend_on_timeout",
        "an order without an answer is sent again, under its own label",
        (
            Change(
                _WORK,
                '        assert self.find(command.label) is None, f"label {command.label} used twice"\n',
                '        self.__dict__.setdefault("sent_before", {})[command.label] = command\n',
            ),
            Change(
                "execution/answers.py",
                "        return told(self._working.hear(event.label, Signal.LOST, event.received_ns, event.cause))\n",
                '        again = self._working.__dict__.get("sent_before", {}).get(event.label)\n'
                "        moved = self._working.hear(event.label, Signal.LOST, event.received_ns, event.cause)\n"
                "        return Outcome(commands=() if again is None else (again,), notes=tuple(some(moved)))\n",
            ),
        ),
    ),
    bug(
        "unknown_forgotten",
        "an order without an answer counts as refused",
        _LIFE,
        "        _G.LOST: _S.UNKNOWN,\n        _G.ABSENT: _S.ABSENT,\n    },\n    _S.OPEN",
        "        _G.LOST: _S.REFUSED,\n        _G.ABSENT: _S.ABSENT,\n    },\n    _S.OPEN",
    ),
    bug(
        "unknown_not_counted",
        "an order in doubt is missing from the worst case",
        _WORK,
        "            left = order.open_native\n",
        "            left = ZERO if order.state is OrderState.UNKNOWN else order.open_native\n",
    ),
    bug(
        "pending_ignored",
        "a hedge is made while another is under way",
        _DECIDE,
        "    if now.has_pending:\n        return Verdict(action=Action.SKIP, reason=Reason.ORDER_PENDING)\n"
        "    if now.held_back",
        "    if now.held_back",
    ),
    bug(
        "order_doubled",
        "each decision sends its order twice",
        "deciding.py",
        "                [order for _, order in placed],\n",
        "                [order for _, order in (*placed, *placed)],\n",
    ),
    bug(
        "fill_counted_twice",
        "a fill told twice counts twice",
        "risk/positions.py",
        "        if fill.fill_id in self._counted:\n            return False\n",
        "",
    ),
    bug(
        "fills_before_restart_forgotten",
        "after a restart the fills inside the ledger's position count again",
        _RECONCILE,
        "        positions.count(event.fill_ids)\n",
        "",
    ),
    bug(
        "filled_may_fall",
        "an older message takes back what was filled",
        _WORK,
        "        order.filled_native = max(order.filled_native, event.filled_native)\n",
        "        order.filled_native = event.filled_native\n",
    ),
    bug(
        "fill_news_ignored",
        "fills found by a look at the account are not booked",
        "execution/account.py",
        "        for fill in reconciler.news(event, self._positions, instruments):\n",
        "        for fill in ():\n",
    ),
    bug(
        "gap_ignored",
        "a gap in the book leaves its touch in use",
        _VIEW,
        "        self._distrusted[event.instrument] = event.cause\n        self._touches.pop(event.instrument, None)\n",
        "",
    ),
    bug(
        "gap_healed_by_a_ticker",
        "a ticker ends the distrust of a book with a gap",
        _VIEW,
        "        if marked.instrument not in self._distrusted:\n",
        "        if self._distrusted.pop(marked.instrument, None) is None or True:\n",
    ),
    Bug(
        "book_merged_after_reconnect",
        "a new snapshot is merged with what the book held before the connection was lost",
        (
            Change(
                _BOOK,
                "            self._bids.clear()\n            self._asks.clear()\n        elif",
                "            pass\n        elif",
            ),
            Change(
                _BOOK,
                "        self._bids.clear()\n        self._asks.clear()\n        self._change_id = None\n",
                "        self._change_id = None\n",
            ),
        ),
        is_wire=True,
    ),
    Bug(
        "old_replaces_new",
        "a late message replaces a newer one",
        (
            Change(_VIEW, "        if seen is None or not _is_older(touch, seen):\n", "        if True:\n"),
            Change(
                _VIEW,
                "        if marked.instrument not in self.instruments or (seen is not None and"
                " _is_older(marked, seen)):\n",
                "        if marked.instrument not in self.instruments:\n",
            ),
        ),
    ),
    bug(
        "hedged_while_stale",
        "no datum is ever too old",
        _TRUST,
        "    if age_ns > age_ns_max:\n        return DistrustCause.STALE\n",
        "",
    ),
    bug(
        "crossed_book_traded",
        "a bid above the ask is traded on",
        _TRUST,
        "    if touch.bid_native >= touch.ask_native:\n        return DistrustCause.CROSSED\n",
        "",
    ),
    bug(
        "one_sided_book_traded",
        "a touch without an ask is traded on",
        _TRUST,
        "    if touch.bid_native is None or touch.ask_native is None:\n        return DistrustCause.ONE_SIDED\n",
        "",
    ),
    bug(
        "closed_instrument_traded",
        "orders for an instrument the venue has closed",
        _TRUST,
        "    if not marked.is_open:\n        return DistrustCause.NOT_OPEN\n    if marked.mark_usd",
        "    if marked.mark_usd",
    ),
    bug(
        "doubt_traded_away",
        "an estimate is traded on where only an interval is known",
        _DECIDE,
        "    if high - low <= _POINT_COIN:\n",
        "    if True:\n",
    ),
    bug(
        "traded_as_if_flat",
        "orders before the account was compared with the venue's",
        _STAND,
        "        if self.phase is Phase.RECONCILING:\n",
        "        if False:\n",
    ),
    Bug(
        "halt_ignored",
        "orders while halted",
        (Change(_STAND, "        if self.phase is Phase.HALTED:\n", "        if False:\n"), _NO_LATCH),
    ),
    Bug(
        "halt_lifts_itself",
        "the next agreement with the venue ends a halt",
        (
            Change(
                _STAND,
                "        if phase is before or before in {Phase.HALTED, Phase.STOPPED}:\n",
                "        if phase is before or before is Phase.STOPPED:\n",
            ),
            _NO_LATCH,
        ),
    ),
    bug(
        "maintenance_halts",
        "a locked venue ends trading for good",
        _STAND,
        "    RefusalKind.PAUSE: Ns(5 * NS_PER_S),\n",
        "",
    ),
    bug(
        "no_back_off",
        "a refused order is tried again at once",
        _STAND,
        "        return any(now_ns < refused.get(held, 0) for held in (instrument, venue_of(instrument)))\n",
        "        return False\n",
    ),
    bug(
        "refused_in_silence",
        "a hedge that cannot be made raises no alarm",
        "hedging/notices.py",
        "decided.now_ns - self._refusing_since_ns < _ALARM_AFTER_NS",
        "decided.now_ns - self._refusing_since_ns < 60 * _ALARM_AFTER_NS",
    ),
    bug(
        "doubt_never_asked",
        "nobody asks the venue about an order in doubt",
        _WORK,
        "            if order.ask_due_ns is not None and now_ns >= order.ask_due_ns:\n",
        "            if False:\n",
    ),
    bug(
        "absence_believed_early",
        "an order not found before its deadline counts as absent",
        _WORK,
        "            not_before_ns=Ns(order.valid_until_ns + ANSWER_GRACE_NS),\n",
        "            not_before_ns=Ns(0),\n",
    ),
    bug(
        "never_compared_again",
        "the account is compared at the start and never again",
        _RECONCILE,
        "        self._due_ns = Ns(now_ns + self._interval_ns)\n",
        "        self._due_ns = Ns(now_ns + 10_000 * self._interval_ns)\n",
    ),
    bug(
        "deadline_is_now",
        "`valid_until` is the moment of sending",
        "execution/trader.py",
        "            valid_until_ns=bounded(Ns(now.now_ns + step.valid_for_ns), moment.lease_until_ns),\n",
        "            valid_until_ns=Ns(now.now_ns),\n",
    ),
    bug(
        "no_deadline",
        "an order may start an hour later",
        "execution/trader.py",
        "            valid_until_ns=bounded(Ns(now.now_ns + step.valid_for_ns), moment.lease_until_ns),\n",
        "            valid_until_ns=Ns(now.now_ns + 1800 * step.valid_for_ns),\n",
    ),
    bug(
        "labels_used_again",
        "labels begin anew with every start",
        "execution/trader.py",
        "            label=make_label(self._label_prefix, self._run_tag, self._orders_count),\n",
        '            label=make_label(self._label_prefix, "1", self._orders_count),\n',
    ),
    bug(
        "latch_dropped_on_restart",
        "a stop is forgotten by the next start",
        _LEDGER,
        "*self.intents_unresolved(book), self.stops_on(book), self.losses_of(book))",
        "*self.intents_unresolved(book), self.losses_of(book))",
    ),
    bug(
        "intents_not_looked_up",
        "a restart does not ask about the orders before it",
        _LEDGER,
        "            if base is None or base_of(order.instrument) == base\n",
        "            if base is None\n",
    ),
    bug(
        "intents_not_durable",
        "an order leaves before its intent is committed",
        _LEDGER,
        "        self._write(batch)\n        self._told[decided.book] = decided\n",
        "        self._buffer += batch\n        self._told[decided.book] = decided\n",
    ),
    bug(
        "found_fills_not_written",
        "fills found by a look at the account are missing in the ledger",
        _LEDGER,
        "                for fill in event.fills:\n",
        "                for fill in ():\n",
    ),
    bug(
        "wrong_way",
        "a hedge is made in the wrong direction",
        _DECIDE,
        "    amount = _amount(now, target - delta_from)\n",
        "    amount = _amount(now, delta_from - target)\n",
    ),
    bug(
        "size_doubled",
        "a hedge is twice what is due",
        _DECIDE,
        "    return _in_lots(now, want_coin)\n",
        "    return _in_lots(now, 2.0 * want_coin)\n",
    ),
    bug(
        "price_without_a_cap",
        "an order takes any price",
        "execution/tactic.py",
        "        return max(touch, capped)\n",
        "        return price_to_tick(instrument, ask_usd * 1.01, Rounding.DOWN)\n",
    ),
    bug(
        "fees_forgotten",
        "fees are missing in our books",
        "risk/bookkeeping.py",
        "            self._cash[fill.fee_currency] -= fill.fee_native\n",
        "            pass\n",
    ),
    Bug(
        "cancel_believed_unheard",
        "an order counts as cancelled as soon as the cancel has left",
        (
            Change(
                _WORK,
                "        for order in self._live.values():\n            is_meant =",
                "        for order in self.live():\n            is_meant =",
            ),
            Change(
                _WORK,
                "                commands += self._cancel(order)\n        return commands\n",
                "                commands += self._cancel(order)\n"
                "                order.state = OrderState.CANCELLED\n"
                "                self._file(order, now_ns)\n"
                "        return commands\n",
            ),
        ),
        RESTS,
    ),
    bug(
        "rests_through_the_touch",
        "an order that should rest takes",
        "execution/tactic.py",
        "    if now.is_buy:\n        return price_to_tick(now.instrument, now.bid_native, Rounding.DOWN)\n",
        "    if now.is_buy:\n        return price_to_tick(now.instrument, now.ask_native + 5.0, Rounding.DOWN)\n",
        env=RESTS,
    ),
)
