"""The words of the simulated venue."""

from bot.sim.facts import Side, TimeInForce, VenueSays


def test_a_refusal_reads_as_code_and_word() -> None:
    """The text is for logs, code, name and data for the protocol."""
    said = VenueSays(-32602, "Invalid params", {"param": "price"})

    assert str(said) == "-32602 Invalid params"
    assert (said.code, said.name, said.data) == (-32602, "Invalid params", {"param": "price"})


def test_words_are_the_venues() -> None:
    """Values go on the wire as they are."""
    assert [item.value for item in TimeInForce] == [
        "good_til_cancelled",
        "good_til_day",
        "immediate_or_cancel",
        "fill_or_kill",
    ]
    assert [item.value for item in Side] == ["buy", "sell"]
