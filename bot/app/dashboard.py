"""`hedgebot dashboard`: where the running bot's page is, or the page of a run that has ended, read from its tape.

Knows the command line, the control file and how a tape is played; the page itself is `web`'s.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.app import daemon
from bot.app.finished import folder_of
from bot.app.lookout import Lookout
from bot.app.operate import ControlFile
from bot.app.witness import RunWitness
from bot.domain.errors import JournalError
from bot.domain.events import Ticked
from bot.domain.ids import DERIBIT
from bot.domain.time import Ns
from bot.drive.replay import Comparison, otherness
from bot.drive.why import strayed
from bot.journal import manifest
from bot.journal.tape_reader import TapeReader
from bot.observe.board import Board
from bot.observe.logs import open_log
from bot.observe.metrics import Metrics
from bot.observe.narrate import Narrator
from bot.observe.tail import Tail
from bot.web import control_file
from bot.web.dashboard import Dashboard
from bot.web.server import HealthServer

_HOST: Final = "127.0.0.1"


class Past:
    """A run played again to its end; nothing about it changes any more."""

    def __init__(self, folder: Path) -> None:
        """JournalError where there is no tape, or where playing it again comes to something else."""
        run, digest = manifest.read(folder)
        self.tail = Tail()
        self.now_ns = Ns(run.started_ns)
        board = Board(run_id=run.run_id, mode=run.mode, books=[book.book for book in run.books])
        self.lookout = Lookout(board, run.books, later=lambda work: work())
        comparison = Comparison(run, is_exact=not otherness(run))
        with Path(os.devnull).open("w") as nowhere:
            log = open_log(now_ns=lambda: self.now_ns, style="json", stream=nowhere, tail=self.tail)
            metrics, tallies = Metrics(now_ns=lambda: self.now_ns), daemon.tallies_of(run.books)
            witness = RunWitness(Narrator(log, run_id=run.run_id, venue=DERIBIT), metrics, tallies, None, self.lookout)
            for read in TapeReader(folder, digest).records():
                if not comparison.is_same(read):
                    assert comparison.difference is not None, "not the same, and nothing differs"
                    raise JournalError(f"tape: {strayed(comparison.difference).sentence}")
                record, outcome = read.record, comparison.outcome
                if not comparison.events_count - 1:
                    witness.look_at({book.book: comparison.engine(book.book) for book in run.books})
                event = record.event
                self.now_ns = event.now_ns if isinstance(event, Ticked) else event.received_ns
                if outcome is not None:
                    witness.applied(record.book, record.seq, event, outcome)

    def server(self, port: int) -> HealthServer:
        """The page, and nobody to ask to act."""
        now_ns: Callable[[], Ns] = lambda: self.now_ns  # noqa: E731
        page = Dashboard(self.lookout, self.tail, is_live=False, now_ns=now_ns)
        server = HealthServer(host=_HOST, port=port, metrics=Metrics(now_ns=now_ns), now_ns=now_ns, dashboard=page)
        server.follow(self.lookout.statuses)
        return server


def dashboard(
    run: Annotated[
        Path | None, typer.Argument(help="Folder of a run that has ended, or its name in runs/; none: the running bot.")
    ] = None,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Of a run's page; 0 takes any free port.")] = 0,
    control: ControlFile = None,
) -> None:
    """Print the address of the running bot's page, its token in it; or serve the page of a run until Ctrl-C."""
    if run is None:
        access = control_file.read(control or control_file.only())
        typer.echo(f"http://{access.host}:{access.port}/#token={access.token}")
        return
    asyncio.run(_served(Past(folder_of(run, "dashboard")).server(port), typer.echo))


async def _served(server: HealthServer, say: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM."""
    over = asyncio.Event()
    with daemon.signals(lambda _: over.set()):
        taken = await server.start()
        say(f"http://{server.host}:{taken}/")
        try:
            await over.wait()
        finally:
            await server.stop()
