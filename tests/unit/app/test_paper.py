"""A paper account put together: kept beside its ledger, told of whole books, no gateway to the venue."""

import os
import random
from pathlib import Path

import pytest
from msgspec import structs

from bot.app.config import Config, load
from bot.app.paper import paper_edges, refuse_empty_handed
from bot.domain.errors import ConfigError
from bot.domain.time import Ns
from bot.venues.link import Link
from bot.venues.paper.feeds import PaperAccountFeed, PaperMarketFeed
from bot.venues.paper.gateway import PaperGateway
from bot.venues.registry import venue_named
from bot.venues.settings import Credentials


def _config(repo_root: Path, ledger: str) -> tuple[Config, Link]:
    overrides = {"ledger": {"url": ledger}, "portfolio": repo_root / "config/portfolios/call.toml"}
    config = load(repo_root / "config/paper.toml", overrides, run_tag="t")
    return config, Link(settings=config.venue, now_ns=lambda: Ns(1), rng=random.Random(1))


@pytest.mark.asyncio
async def test_the_parts_of_a_paper_account(repo_root: Path, tmp_path: Path) -> None:
    """A gateway of its own, the market overheard, the account's own stream; nothing is written before it opens."""
    config, link = _config(repo_root, f"sqlite:///{tmp_path}/ledger.db")
    gateway, feeds = paper_edges(config, venue_named("deribit"), link)

    assert isinstance(gateway, PaperGateway)
    assert [type(feed) for feed in feeds] == [PaperMarketFeed, PaperAccountFeed]
    await gateway.close()
    assert not any(os.scandir(tmp_path))


@pytest.mark.asyncio
async def test_an_account_is_kept_beside_its_ledger(repo_root: Path, tmp_path: Path) -> None:
    """Two ledgers are two accounts; what stands there and is none is not overwritten."""
    (tmp_path / "ledger.db.paper").write_text("not ours")
    config, link = _config(repo_root, f"sqlite:///{tmp_path}/ledger.db")
    gateway, _ = paper_edges(config, venue_named("deribit"), link)

    with pytest.raises(Exception, match="the paper account cannot be read"):
        await gateway.open()
    assert (tmp_path / "ledger.db.paper").read_text() == "not ours"


def test_a_ledger_in_memory_has_no_place_beside_it(repo_root: Path) -> None:
    """One line that names the key."""
    config, link = _config(repo_root, "sqlite:///:memory:")

    with pytest.raises(ConfigError, match=r"^ledger.url: paper keeps its account beside the ledger"):
        paper_edges(config, venue_named("deribit"), link)


@pytest.mark.parametrize("kept", [True, False])
def test_something_to_hold_is_needed(repo_root: Path, tmp_path: Path, kept: bool) -> None:
    """Neither portfolio nor key: only an account kept from before will do; a key alone will do as well."""
    config, link = _config(repo_root, f"sqlite:///{tmp_path}/ledger.db")
    config = structs.replace(config, portfolio=None)
    keyed = structs.replace(config, venue=structs.replace(config.venue, credentials=Credentials("id", "s")))
    if kept:
        (tmp_path / "ledger.db.paper").touch()
    refuse_empty_handed(keyed)
    if kept:
        refuse_empty_handed(config)
    else:
        with pytest.raises(ConfigError, match="portfolio: is missing; paper needs a portfolio file, or a key"):
            paper_edges(config, venue_named("deribit"), link)
