"""The demo data in a MariaDB and in a SQLite file, written by two processes at the same time.

To write it takes many seconds, however few packages are wanted: the whole directory is read.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
from tests.services.mariadb import MariaDB

from rxindex.source.sample import DemoDataReport, write_demo_data

__all__ = ["DATABASE", "PACKAGES", "Written", "write_twice"]

PACKAGES = 4_000
#: Its name in MariaDB.
DATABASE = "demo_data"
# The same data written by another process, with other hashes of its strings.
_ELSEWHERE = """
import sys, msgspec
from rxindex.source.sample import write_demo_data
report = write_demo_data(sys.argv[1], int(sys.argv[2]), 3)
sys.stdout.write(msgspec.json.encode(report).decode())
"""


class Written(NamedTuple):
    """Where the data is, and what was said of it.

    Attributes:
        mariadb, sqlite: URLs.
        report: of the process that wrote to MariaDB.
        progress: what was told while it did.
        elsewhere: the report of the other process.
    """

    mariadb: str
    sqlite: str
    report: DemoDataReport
    progress: list[tuple[str, int, int]]
    elsewhere: DemoDataReport


def write_twice(mariadb: MariaDB, folder: Path) -> Written:
    """Write it to a database of a server, and to a file in a folder."""
    sqlite = f"sqlite:///{folder / 'fdb.db'}"
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "42",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    other = subprocess.Popen(
        [sys.executable, "-c", _ELSEWHERE, sqlite, str(PACKAGES)],
        env=environment,
        stdout=subprocess.PIPE,
    )
    try:
        url = mariadb.create_database(DATABASE)
        progress: list[tuple[str, int, int]] = []
        report = write_demo_data(
            url, PACKAGES, 3, lambda table, done, total: progress.append((table, done, total))
        )
    finally:
        output, _ = other.communicate(timeout=120)
    return Written(url, sqlite, report, progress, msgspec.json.decode(output, type=DemoDataReport))
