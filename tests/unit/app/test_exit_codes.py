from bot.app.exit_codes import ExitCode


def test_codes_are_what_scripts_rely_on() -> None:
    """A changed code breaks somebody's supervisor."""
    expected = {"OK": 0, "DIFFERENT": 1, "CONFIG": 2, "VENUE": 3, "JOURNAL": 4, "HALTED": 5, "SUPERSEDED": 6}

    assert expected == {code.name: code.value for code in ExitCode}
