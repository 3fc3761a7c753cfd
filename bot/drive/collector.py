"""How often the cyclic garbage collector looks while a run on virtual time is made: seldom.

What a run makes dies by its reference counts or is kept to the end; looking for cycles in it took up to a fifth of its
time. Bounded all the same: a run that leaves cycles is collected, only later. Knows the interpreter; no run.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SELDOM: Final = (50_000, 20, 100)
"""Objects more than were given back before a look at the young ones (some tens of MB at most); then as `gc` has it.
Python's own is 700."""


@contextmanager
def seldom() -> Iterator[None]:
    """While this lasts; afterwards as before."""
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
