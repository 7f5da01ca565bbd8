"""An invented catalogue, and syncs of it on workers and without."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from distributed import Client
from tests.services.held_bedrock import HeldBedrock
from tests.services.indexed import Document, contents
from tests.services.pharmacy import write_pharmacy

from rxindex.cluster.report import ClusterReport
from rxindex.cluster.sync import sync_on_workers
from rxindex.config import Settings, load_settings
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import read_holder
from rxindex.sync.run import sync
from rxindex.sync.stop import Stop
from rxindex.vocabulary import load_vocabulary
from rxindex.wiring import open_rows, sync_options

__all__ = ["DRUGS", "Pharmacy"]

#: Drugs, each with a text of its own.
DRUGS = 80


class Pharmacy:
    """What a test of workers needs.

    Args:
        folder: for the database.
        redis: URL of the server.
        catalogue: of the test's own.
        capabilities: of its server.
        bedrock: that embeds.
    """

    def __init__(
        self,
        folder: Path,
        redis: str,
        catalogue: Catalogue,
        capabilities: Capabilities,
        bedrock: HeldBedrock,
    ) -> None:
        self.catalogue = catalogue
        self.capabilities = capabilities
        self.bedrock = bedrock
        self.path = folder / "fdb.db"
        write_pharmacy(f"sqlite:///{self.path}", DRUGS)
        self._given: dict[str, Any] = {
            "source": f"sqlite:///{self.path}",
            "redis": redis,
            "embedder": "titan",
            "dimensions": 256,
            "titan_endpoint": bedrock.url,
            "titan_concurrency": 2,
            "batch_size": 5,
        }

    def settings(self, **given: Any) -> Settings:
        """The settings of a run over the catalogue."""
        return load_settings(**(self._given | {"catalogue": self.catalogue.name} | given))

    def run(
        self,
        client: Client,
        *,
        stop: Stop | None = None,
        tell: Callable[[str, int, int], None] | None = None,
        **given: Any,
    ) -> ClusterReport:
        """Sync on the workers of a cluster."""
        settings = self.settings(**given)
        return sync_on_workers(
            client, settings, self.catalogue, self.capabilities, sync_options(settings),
            tell or (lambda doing, done, total: None), stop=Stop() if stop is None else stop,
        )  # fmt: skip

    def run_alone(self) -> dict[str, Document]:
        """Sync in this process into a catalogue beside; give what is in it."""
        settings, words = self.settings(), load_vocabulary()
        beside = Catalogue(self.catalogue.client, f"{self.catalogue.name}-alone")
        embedder = settings.make_embedder()
        try:
            sync(
                open_rows(settings, words), embedder, beside, self.capabilities, words,
                sync_options(settings),
            )  # fmt: skip
        finally:
            embedder.close()
        return contents(beside)

    def execute(self, *statements: str) -> None:
        """Change the database."""
        engine = sa.create_engine(f"sqlite:///{self.path}")
        with engine.begin() as connection:
            for one in statements:
                connection.execute(sa.text(one))
        engine.dispose()

    def packages(self) -> int:
        engine = sa.create_engine(f"sqlite:///{self.path}")
        with engine.connect() as connection:
            found = connection.execute(sa.text("SELECT count(*) FROM rndc14")).scalar_one()
        engine.dispose()
        return int(found)

    def wait_until_told_to_stop(self) -> None:
        """Wait until the workers of the load under way can know that they are to stop."""
        client, deadline = self.catalogue.client, time.monotonic() + 60
        while time.monotonic() < deadline:
            for key in client.scan_iter(match=f"{self.catalogue.alias}:load:*", _type="hash"):
                if client.hexists(key, "stop"):
                    return
            time.sleep(0.05)
        raise TimeoutError("nobody was told to stop")

    def is_free(self) -> bool:
        """Tell whether a load has left neither its lease nor what its workers shared."""
        left = list(self.catalogue.client.scan_iter(match=f"{self.catalogue.alias}:load:*"))
        return read_holder(self.catalogue) is None and not left
