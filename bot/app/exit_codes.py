"""What the process says with its last breath."""

import enum


class ExitCode(enum.IntEnum):
    """Exit codes of the `hedgebot` command; documented in docs/reference/exit-codes.md."""

    OK = 0
    """Ended as asked."""
    DIFFERENT = 1
    """A replay was not equal to its run, or was empty; the first difference is named. `soak`: a seed was violated,
    or the run proves too little. `config diff`: something differs. `sweep`: a configuration has no result yet."""
    CONFIG = 2
    """The configuration or the command line cannot be run; one line says why."""
    VENUE = 3
    """The venue could not be reached, or refused us, at the start."""
    JOURNAL = 4
    """The ledger cannot be opened or written."""
    HALTED = 5
    """Trading had halted before the end, or an order's fate is not known; a human must look."""
    SUPERSEDED = 6
    """Another process has taken the account over; whoever restarts this one makes it the standby."""
