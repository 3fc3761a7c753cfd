"""The words of stops: what an operator asks for is a grade, or its end."""

from bot.domain.stops import Act, StopKind


def test_every_act_but_the_lift_is_a_grade() -> None:
    """What is asked for is what is latched; only `halt` is nobody's to ask for."""
    assert {act.value for act in Act} - {"resume"} == {kind.value for kind in StopKind} - {"halt"}


def test_grades_are_in_rising_order() -> None:
    """The order of the words is the order of how much is given up."""
    assert list(StopKind) == ["reduce_only", "pause", "cancel_all", "flatten_hedges", "halt"]
