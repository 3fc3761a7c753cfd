"""Errors of the world, typed. Bugs are assertions; these are expected.

BotError
├── ConfigError            exit 2
├── JournalError           exit 4, trading halts
│   └── LeaseLost          exit 6, another process trades the account
├── MalformedMessage       counted; many in a row restart the stream
└── VenueError
    ├── VenueUnreachable   nothing was sent; retry with bounded back-off
    ├── VenueRefused       definite no, with the venue's code
    └── VenueOutcomeUnknown may have happened; look up, never resend

Raised and caught only in the shell; in the core they are events.
"""


class BotError(Exception):
    """Root of everything expected to go wrong."""


class ConfigError(BotError):
    """The configuration cannot be run; the text is one line naming the key and the next step."""


class JournalError(BotError):
    """The ledger cannot be written or read; trading halts."""


class LeaseLost(JournalError):
    """Another process has taken the account over: nothing of ours may be written down or sent any more."""


class MalformedMessage(BotError):
    """A message from the venue that does not mean anything we know."""


class VenueError(BotError):
    """The venue did not do what was asked."""


class VenueUnreachable(VenueError):
    """Nothing was sent."""


class VenueRefused(VenueError):
    """A definite no: nothing happened at the venue."""

    def __init__(self, code: int, text: str) -> None:
        """Keep the venue's code and words."""
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


class VenueOutcomeUnknown(VenueError):
    """The request may have been carried out."""
