from bot.localex.faults import Faults, ReplyFault


def test_without_planted_faults_nothing_is_wrong() -> None:
    """An empty object of faults changes nothing."""
    faults = Faults()

    assert faults.take_refusal("private/buy") is None
    assert faults.take_reply("private/buy") == ReplyFault()
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

    codes = [error.code if error else None for error in (faults.take_refusal("private/buy") for _ in range(3))]
    replies = [faults.take_reply("private/sell") for _ in range(3)]

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
