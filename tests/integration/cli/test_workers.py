"""What ``rxindex sync`` says to workers that it can't have."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.integration.cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--workers", "2", "--limit", "5"], "leave out --since, --limit and --dry-run"),
        (["--workers", "2", "--dry-run"], "leave out --since, --limit and --dry-run"),
        (["--scheduler", "tcp://h:1", "--since", "last"], "leave out --since"),
        (["--scheduler", "tcp://h:1", "--workers", "2"], "leave one of the two out"),
        (["--scheduler", "tcp://h:1"], "can't reach the embedded Redis"),
    ],
)
def test_what_workers_do_not_go_with_is_refused(
    rxindex: Run, fdb: str, words: list[str], said: str
) -> None:
    done = rxindex("sync", "--source", fdb, "--json", *words)
    assert (done.code, done.json["error"]) == (3, "ConfigurationError")
    assert said in done.json["message"]


def test_workers_without_dask_name_the_extra() -> None:
    program = (
        "import sys; sys.modules['distributed'] = None; from rxindex.cli import main; "
        "sys.argv = ['rxindex', 'sync', '--source', 'sample', '--workers', '2']; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 3
    assert "pip install 'rxindex[dask]'" in done.stderr
