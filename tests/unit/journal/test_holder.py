"""Whether a holder is known to have ended: only ever said where it is certain."""

import os
import subprocess
import sys

import pytest

from bot.journal import holder


def _of(process: subprocess.Popen[bytes]) -> str:
    here = holder.this_process()
    return here._replace(process_id=process.pid, started=holder._started(process.pid) or "").text


def test_this_process_lives() -> None:
    """Its name tells a human where to look."""
    text = holder.this_process().text

    assert not holder.has_ended(text)
    assert holder.lives(text)
    assert holder.short(text).endswith(f" pid {os.getpid()}")


def test_a_killed_process_has_ended_even_before_its_parent_looks() -> None:
    """What is left of it runs no instruction."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        text = _of(process)
        assert holder.lives(text)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet collected
        assert holder.has_ended(text)
        process.wait()

    assert holder.has_ended(text)
    assert not holder.lives(text)


def test_a_number_used_again_is_another_process() -> None:
    """Told apart by when it began."""
    assert holder.has_ended(holder.this_process()._replace(started="1").text)


@pytest.mark.parametrize("change", [{"place": "other-boot:pid:[1]"}, {"place": ""}, {"started": ""}])
def test_of_another_host_boot_or_container_nothing_is_known(change: dict[str, str]) -> None:
    """Not even where its number is free here."""
    text = holder.this_process()._replace(process_id=2**22 + 7, **change).text

    assert not holder.has_ended(text)


def test_text_that_is_no_name_is_nobody_known() -> None:
    """Written by another version."""
    assert not holder.has_ended("somebody")
    assert not holder.lives("somebody")


def test_without_proc_nobody_is_known_to_have_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Then a lease has to run out."""
    text = holder.this_process()._replace(process_id=2**22 + 7).text
    monkeypatch.setattr(holder, "_PROC", tmp_path)

    assert not holder.has_ended(text)
    assert holder.this_process().text.endswith(" /")
