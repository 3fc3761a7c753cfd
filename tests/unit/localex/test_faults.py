from bot.localex.faults import Faults, NoMischief, Params, ReplyFault, RequestFault
from bot.localex.rpc import RpcError


def test_without_planted_faults_nothing_is_wrong() -> None:
    """An empty object of faults changes nothing."""
    faults = Faults()

    assert faults.take_refusal("private/buy", {}) is None
    assert faults.take_reply("private/buy", {}, is_error=False) == ReplyFault()
    assert not faults.takes_book_change("X")
    assert not faults.is_muted("ticker.X.raw")
    assert not faults.is_frozen("X")
    assert faults.drop_sockets() == 0


def test_counted_faults_end() -> None:
    """A fault planted for two calls hits the next two, of that method only."""
    faults = Faults()
    faults.refuse("private/buy", 10028, "too_many_requests", times=2)
    faults.lose_reply("private/sell")
    faults.delay_reply("private/sell", 0.5)
    faults.gap_book("X")

    codes = [error.code if error else None for error in (faults.take_refusal("private/buy", {}) for _ in range(3))]
    replies = [faults.take_reply("private/sell", {}, is_error=False) for _ in range(3)]

    assert codes == [10028, 10028, None]
    assert replies == [ReplyFault(is_lost=True), ReplyFault(delay_s=0.5), ReplyFault()]
    assert [faults.takes_book_change("X") for _ in range(2)] == [True, False]


def test_named_faults_are_lifted_by_name() -> None:
    """Muted channels and frozen tickers come back."""
    faults = Faults()
    faults.mute_channel("book.X.raw")
    faults.freeze_ticker("X")
    assert (faults.is_muted("book.X.raw"), faults.is_frozen("X")) == (True, True)

    faults.unmute_channel("book.X.raw")
    faults.thaw_ticker("X")
    assert (faults.is_muted("book.X.raw"), faults.is_frozen("X")) == (False, False)


class _Mischief(NoMischief):
    """Refuses, loses and doubles everything."""

    def request(self, method: str, params: Params) -> RequestFault:
        del method, params
        return RequestFault(is_lost=True)

    def refusal(self, method: str, params: Params) -> RpcError | None:
        del method, params
        return RpcError(13028, "temporarily_unavailable")

    def reply(self, method: str, params: Params) -> ReplyFault:
        del method, params
        return ReplyFault(is_lost=True)


def test_mischief_decides_where_nothing_is_planted() -> None:
    """What is planted comes first; a reply that is an error already is left alone."""
    faults = Faults(mischief=_Mischief())
    faults.refuse("private/buy", 10028, "too_many_requests")
    codes = [error.code if error else None for error in (faults.take_refusal("private/buy", {}) for _ in range(2))]

    assert codes == [10028, 13028]
    assert faults.take_request("private/buy", {}).is_lost
    assert faults.take_reply("private/buy", {}, is_error=False).is_lost
    assert not faults.take_reply("private/buy", {}, is_error=True).is_lost
    assert NoMischief().copies("book.X.raw") == 1
