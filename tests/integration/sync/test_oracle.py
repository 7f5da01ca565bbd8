"""Any sequence of changes and runs leaves an index that equals the source.

Changes of the source and runs with random options follow one another; after each run the real
index is held against dictionaries that were kept by the rules alone (`expected`).
"""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.integration.sync.bench import Bench, Stopper
from tests.integration.sync.expected import (
    Done,
    Expected,
    Index,
    Row,
    Rules,
    assembled,
    by_group,
    difference,
)
from tests.services.fdb import add_packages, remove_packages

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import CatalogueNotIndexed, EmbedRejected, RxindexError, Throttled
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command
from rxindex.index.embedded import EmbeddedRedis
from rxindex.index.lease import hold
from rxindex.index.schema import IndexSettings
from rxindex.index.store import DrugStore
from rxindex.model import text_fingerprint
from rxindex.source.base import Group
from rxindex.sync.promote import Standards, roll_back
from rxindex.sync.quarantine import drop, release
from rxindex.sync.report import SyncReport
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

WORDS = ("ZORBAXIL", "QUEMADOL", "WIBROXAT", "FAXTORIN")
FIRST_DAY = dt.date(2019, 1, 1)
STANDARDS = Standards(most_missing=0.3, sample=3)
#: Invented drugs have no facts, and float16 has three digits.
CLOSE = 2e-3

words = st.sampled_from(WORDS)
strengths = st.sampled_from([5, 20])
forms = st.sampled_from(["TABLET", "CAPSULE"])
gcns = st.sampled_from([0, 1, 2, 3, 4, 5])
ends = st.sampled_from(["00000000", "20180101", "20190501", "20300101"])
batch_sizes = st.integers(1, 7)
page_sizes = st.sampled_from([1, 2, 3, 10, 1000])
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "labeler": st.sampled_from(["A00001", "Z00009"]),
    "size": st.sampled_from([30, 100]),
    "kind": st.sampled_from(["BOTTLE", "BLISTER"]),
    "schedule": st.sampled_from(["0", "2", "4"]),
    "end": ends,
    # These two change nothing but how a name is written, where there is a real group.
    "plain": st.booleans(),
    "innovator": st.booleans(),
    # And these move the package to another drug.
    "word": words,
    "strength": strengths,
    "form": forms,
    "gcn": gcns,
    "nameless": st.just(True),
}

_numbers = itertools.count(1)


@dataclass
class Chain:
    """Runs that went on from each other and have not come to the end of the source.

    Attributes:
        cursor: the group that they came to.
        seen: drugs that the source had when they came by.
        lease: number of the last one's lease.
        unbroken: nobody else had one in between.
        deferred: one of them left a drug for want of a vector.
    """

    cursor: Group = ()
    seen: set[str] = field(default_factory=set)
    lease: int = 0
    unbroken: bool = True
    deferred: bool = False


class Nights(RuleBasedStateMachine):
    """A source, an index, and what the index has to be.

    Args:
        server: for the index.
        capabilities: of the server.
        vocabulary: joined.
        folder: for databases.
    """

    def __init__(
        self,
        server: EmbeddedRedis,
        capabilities: Capabilities,
        vocabulary: Vocabulary,
        folder: Path,
    ) -> None:
        super().__init__()
        number = next(_numbers)
        home = folder / str(number)
        home.mkdir()
        catalogue = Catalogue(server.start(), f"oracle{number}")
        self.bench = Bench(home, catalogue, capabilities, vocabulary)
        self.rows: dict[str, Row] = {}
        self.codes = itertools.count(1)
        self.day = FIRST_DAY
        self.model = Rules()
        self.indexes: dict[str, Index] = {}
        self.live = self.previous = ""
        # What changed since the live generation was last in step; None if it has to be compared.
        self.groups: set[Group] | None = None
        self.ids: set[str] = set()
        self.chains: dict[str, Chain] = {}

    @initialize(first=st.lists(st.tuples(words, strengths, forms, gcns), min_size=8, max_size=14))
    def fill(self, first: list[tuple[str, int, str, int]]) -> None:
        for word, strength, form, gcn in first:
            self._put(Row(self._code(), word, strength, form, gcn, self._today()))
        self._full()

    def teardown(self) -> None:
        for index in self.bench.indexes():
            command(self.bench.client, "FT.DROPINDEX", index)
        for key in self.bench.dump():
            self.bench.client.unlink(key)

    # -- the source ----------------------------------------------------------------------------

    def _code(self) -> str:
        return f"{next(self.codes):011d}"

    def _today(self) -> str:
        return self.day.strftime("%Y%m%d")

    def _note(self, row: Row) -> None:
        if self.groups is not None:
            self.groups.add(row.group)
        self.ids.add(row.id)

    def _put(self, row: Row) -> None:
        if row.ndc in self.rows:
            self._note(self.rows[row.ndc])
        self._note(row)
        self.rows[row.ndc] = row
        add_packages(self.bench.url, [row.columns()])

    def _remove(self, ndc: str) -> None:
        self._note(self.rows.pop(ndc))
        remove_packages(self.bench.url, [ndc])

    @rule(word=words, strength=strengths, form=forms, gcn=gcns, bad=st.integers(0, 9))
    def insert(self, word: str, strength: int, form: str, gcn: int, bad: int) -> None:
        code = self._code()
        self._put(Row(f"BAD{code[3:]}" if bad == 0 else code, word, strength, form, gcn,
                      self._today(), nameless=bad == 1))  # fmt: skip

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def update(self, data: st.DataObject) -> None:
        row = self.rows[data.draw(st.sampled_from(sorted(self.rows)))]
        name = data.draw(st.sampled_from(sorted(CHANGES)))
        changed = {name: data.draw(CHANGES[name]), "updated": self._today()}
        if row.nameless:
            changed["nameless"] = False  # mended
        fields = {one: getattr(row, one) for one in row.__dataclass_fields__}
        self._put(Row(**(fields | changed)))

    @precondition(lambda self: len(self.rows) > 4)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self._remove(data.draw(st.sampled_from(sorted(self.rows))))

    @rule()
    def a_day_passes(self) -> None:
        self.day += dt.timedelta(days=1)

    # -- the embedder --------------------------------------------------------------------------

    @rule(word=words)
    def refuse_or_heal(self, word: str) -> None:
        self.model.refused ^= {word.lower()}

    @rule(word=words)
    def busy_or_not(self, word: str) -> None:
        self.model.busy ^= {word.lower()}

    @property
    def _healthy(self) -> bool:
        return not (self.model.refused or self.model.busy)

    def _embedder(self, dimensions: int, batch_size: int = 256) -> FakeEmbedder:
        def fails(text: str) -> RxindexError | None:
            if any(word in text for word in self.model.busy):
                return Throttled("later")
            if any(word in text for word in self.model.refused):
                return EmbedRejected("never")
            return None

        embedder = FakeEmbedder(dimensions, fail_on=fails)
        embedder.batch_size = batch_size
        return embedder

    # -- whole runs ----------------------------------------------------------------------------

    def _full(
        self,
        *,
        dimensions: int | None = None,
        vector_type: str | None = None,
        page_size: int = 3,
        **options: Any,
    ) -> None:
        """Run to the end, and hold the report against the rules."""
        live = self.indexes.get(self.live, Index(16, "float16"))
        target = Index(dimensions or live.dimensions, vector_type or live.vector_type)
        report = self.bench.run(
            self._embedder(target.dimensions),
            source=self.bench.source(page_size),
            standards=STANDARDS,
            index=IndexSettings(vector_type=target.vector_type),  # type: ignore[arg-type]
            **options,
        )
        assert report.stopped == ""
        self._account(report, target, allow=bool(options.get("allow_deletes")))

    def _account(self, report: SyncReport, target: Index, *, allow: bool) -> None:
        """Do to the dictionaries what a whole run does, and compare what it says."""
        name = report.generation
        index = self.indexes.setdefault(name, target)
        drugs, lost = assembled(self.rows.values())
        carried = self._carried(name)
        done = self.model.write(index, drugs, lost, patient=name == self.live, carried=carried)
        gone = index.drugs.keys() - drugs.keys() - lost
        self.model.delete(index, gone, done, guarded=name == self.live and not allow)
        index.texts = {one.text for one in index.drugs.values()}
        self.model.sweep(self.model.waiting.keys() - drugs.keys())
        if not done.deferred:
            index.seen = self._latest()
        promoted = name == self.live or self._is_good_enough(index, drugs, lost)
        if promoted and name != self.live:
            self._promote(name)
        if promoted:
            self._drop_older()
        complete = promoted and not done.delete_held and not done.deferred
        assert report.completed == complete, report.warnings
        if not report.resumed:
            self._agree(report, done)
            assert report.total_processed == len(drugs) + len(lost)
        if self._healthy:
            assert report.embedding_calls == len(done.texts)
        assert {
            (one.drug_id, one.ndc) for one in self.bench.entries().values() if one.row is not None
        } == {(row.id, row.ndc) for row in self.rows.values() if row.bad}
        if name == self.live and not (done.delete_held or done.deferred):
            self.groups, self.ids = set(), set()

    @staticmethod
    def _agree(report: SyncReport, done: Done) -> None:
        said = {one: getattr(report, one) for one in done.counts()}
        assert said == done.counts(), f"{said} instead of {done.counts()}"

    def _carried(self, name: str) -> set[str]:
        """Give the texts whose vectors the live generation has for another one."""
        donor, index = self.indexes.get(self.live), self.indexes[name]
        if donor is None or name == self.live or donor.dimensions != index.dimensions:
            return set()
        return donor.texts

    def _stored_texts(self, name: str) -> set[str]:
        """Ask of which texts a generation has a vector."""
        store = DrugStore(self.bench.catalogue, self.bench.catalogue.read_generation(name))
        texts = [
            f"{word.lower()}, oral {form}." for word in WORDS for form in ("tablet", "capsule")
        ]
        prints = [text_fingerprint(one, store.generation.model_id) for one in texts]
        found = zip(texts, store.vectors(prints), strict=True)
        return {text for text, vector in found if vector is not None}

    def _is_good_enough(self, index: Index, drugs: dict[str, Expected], lost: set[str]) -> bool:
        needed = (1 - STANDARDS.most_missing) * (len(drugs) + len(lost))
        return bool(index.drugs) and len(index.drugs) >= needed

    def _promote(self, name: str) -> None:
        if self.live:
            self.previous = self.live
        self.live = name
        self.groups, self.ids = None, set()

    def _drop_older(self) -> None:
        kept = {self.live, self.previous}
        self.indexes = {
            one: index
            for one, index in self.indexes.items()
            if one in kept or int(one[1:]) > int(self.live[1:])
        }

    def _latest(self) -> dt.datetime | None:
        days = [row.updated for row in self.rows.values()]
        return dt.datetime.strptime(max(days), "%Y%m%d") if days else None  # noqa: DTZ007

    @rule(size=batch_sizes, page=page_sizes, allow=st.booleans(), resume=st.booleans())
    def sync(self, size: int, page: int, allow: bool, resume: bool) -> None:
        self._full(batch_size=size, page_size=page, allow_deletes=allow, resume=resume)

    @rule(size=batch_sizes, dimensions=st.sampled_from([8, 16]),
          kind=st.sampled_from(["float16", "float32"]), rebuild=st.booleans())  # fmt: skip
    def another_generation(self, size: int, dimensions: int, kind: str, rebuild: bool) -> None:
        self._full(batch_size=size, dimensions=dimensions, vector_type=kind, rebuild=rebuild,
                   new_generation=not rebuild, allow_deletes=True)  # fmt: skip

    @rule(size=batch_sizes, new=st.booleans(), allow=st.booleans())
    def try_dry(self, size: int, new: bool, allow: bool) -> None:
        before, names = self.bench.dump(), self.bench.indexes()
        live = self.indexes[self.live]
        report = self.bench.run(
            self._embedder(live.dimensions), batch_size=size, rebuild=new, allow_deletes=allow,
            dry_run=True, standards=STANDARDS,
            index=IndexSettings(vector_type=live.vector_type),  # type: ignore[arg-type]
        )  # fmt: skip
        assert (self.bench.dump(), self.bench.indexes()) == (before, names)
        if new:
            return
        drugs, lost = assembled(self.rows.values())
        model, index = copy.deepcopy(self.model), copy.deepcopy(live)
        model.refused, model.busy = set(), set()  # it asks the embedder nothing
        done = model.write(index, drugs, lost, patient=True)
        gone = index.drugs.keys() - drugs.keys() - lost
        # Nothing was added, so there are fewer drugs of which some would go.
        share = 0.05 * len(live.drugs) / max(len(index.drugs), 1)
        model.delete(index, gone, done, guarded=not allow, most=share)
        self._agree(report, done)
        assert report.embedding_calls == len(done.texts)

    # -- runs that end early -------------------------------------------------------------------

    @rule(size=st.integers(1, 3), calls=st.sampled_from([1, 2, 256]), after=st.integers(1, 6),
          rebuild=st.booleans(), resume=st.booleans())  # fmt: skip
    def stop(self, size: int, calls: int, after: int, rebuild: bool, resume: bool) -> None:
        live = self.indexes[self.live]
        rebuild = rebuild and self._healthy
        stopper = Stopper(after)
        self._early(
            lambda: self.bench.run(
                self._embedder(live.dimensions, calls), batch_size=size, rebuild=rebuild,
                resume=resume, standards=STANDARDS, progress=stopper, stop=stopper.stop,
                index=IndexSettings(vector_type=live.vector_type),  # type: ignore[arg-type]
            )
        )  # fmt: skip

    @rule(size=st.integers(3, 7), runs=st.integers(1, 5), rebuild=st.booleans(),
          allow=st.booleans())  # fmt: skip
    def hurry(self, size: int, runs: int, rebuild: bool, allow: bool) -> None:
        """Run without any time, again and again."""
        rebuild = rebuild and self._healthy

        def run() -> SyncReport:
            live, stop = self.indexes[self.live], Stop()
            stop.ask("no time")
            return self.bench.run(
                self._embedder(live.dimensions), batch_size=size, rebuild=rebuild,
                allow_deletes=allow, standards=STANDARDS, stop=stop,
                index=IndexSettings(vector_type=live.vector_type),  # type: ignore[arg-type]
            )  # fmt: skip

        for _ in range(runs):
            self._early(run)

    @rule(size=batch_sizes, limit=st.integers(1, 6))
    def trial(self, size: int, limit: int) -> None:
        live = self.indexes[self.live]
        self._early(
            lambda: self.bench.run(
                self._embedder(live.dimensions), batch_size=size, limit=limit,
                index=IndexSettings(vector_type=live.vector_type),  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def _early(self, run: Callable[[], SyncReport]) -> None:
        """Run, and take over what came of it: each drug is as it was or as it has to be."""
        live = self.indexes[self.live]
        failed = {one.id: one.fingerprint for one in self.bench.entries().values()}
        self._forget_chains()
        lease = self._lease()
        report = run()
        target = Index(live.dimensions, live.vector_type)
        if not report.stopped:
            self._account(report, target, allow=False)
            return
        name = report.generation
        index = self.indexes.setdefault(name, target)
        before = set(index.drugs)
        chain = self.chains.get(name, Chain()) if report.resumed else Chain(lease=lease)
        chain.unbroken = chain.unbroken and chain.lease == lease
        covered = any("no time left to look again" in one for one in report.warnings)
        drugs, _ = assembled(self.rows.values())
        store = DrugStore(self.bench.catalogue, self.bench.catalogue.read_generation(name))
        documents = self.bench.by_id(store)
        if covered:
            self._check_deletes(report, index, chain, before - documents.keys())
        else:
            assert not report.completed
            assert report.deleted == report.delete_held == 0
            assert before <= documents.keys()
        for one in before - documents.keys():
            del index.drugs[one]
        index.texts = self._stored_texts(name)
        for one, document in documents.items():
            if one in drugs and drugs[one].is_like(document):
                index.drugs[one] = drugs[one]
            else:
                assert index.drugs[one].is_like(document)
        for one, entry in self.bench.entries().items():
            if entry.row is None and failed.get(one) != entry.fingerprint:
                self.model.waiting[one] = (drugs[one], index.dimensions)
                self.model.released.discard(one)
            elif entry.row is None and entry.retry_after:
                self.model.released.discard(one)
        self.model.sweep(self.model.waiting.keys() - self.bench.entries().keys())
        if covered:
            self._check_end(report, index, chain)
        elif report.next_cursor:
            self._go_on(report, chain)
        if name == self.live:
            self._drop_older()

    def _lease(self) -> int:
        return int(self.bench.client.get(self.bench.catalogue.key("lease:held")) or 0)

    def _forget_chains(self) -> None:
        """Forget those that a run has ended: their checkpoints are gone."""
        key, exists = self.bench.catalogue.key, self.bench.client.exists
        for name in list(self.chains):
            if not exists(key(name, "checkpoint")):
                assert not exists(key(name, "checkpoint", "seen"))
                del self.chains[name]

    def _go_on(self, report: SyncReport, chain: Chain) -> None:
        """Note what a run saw that has not come to the end of the source."""
        cursor = tuple(json.loads(report.next_cursor))
        assert cursor > chain.cursor
        rows = self.rows.values()
        chain.seen |= {row.id for row in rows if chain.cursor < row.group <= cursor}
        chain.cursor, chain.lease = cursor, self._lease()
        chain.deferred |= report.deferred > 0
        self.chains[report.generation] = chain

    def _check_deletes(
        self, report: SyncReport, index: Index, chain: Chain, missing: set[str]
    ) -> None:
        """Check what a run deleted that came to the end, but not round to where it had begun."""
        assert report.resumed
        rows = self.rows.values()
        kept = chain.seen | {row.id for row in rows if row.group > chain.cursor}
        # What came back into the part that an earlier run had read may have been seen or not.
        may = index.drugs.keys() - kept
        must = may - {row.id for row in rows}
        assert len(missing) == report.deleted
        # One that a rollback left had been live, and written by others.
        if report.generation in {self.live, self.previous} and not chain.unbroken:
            assert any("so is what has vanished" in one for one in report.warnings)
            assert report.deleted == report.delete_held == 0
        elif report.delete_held:
            assert report.generation == self.live
            assert (report.deleted, report.completed) == (0, False)
            assert len(must) <= report.delete_held <= len(may)
        else:
            assert must <= missing <= may

    def _check_end(self, report: SyncReport, index: Index, chain: Chain) -> None:
        """Check all else of such a run, whose documents have been taken over."""
        name, rows = report.generation, self.rows.values()
        assert report.next_cursor == ""
        assert not self.bench.client.exists(self.bench.catalogue.key(name, "checkpoint"))
        self._forget_chains()
        ahead, _ = assembled(row for row in rows if row.group > chain.cursor)
        for one in ahead.values():
            left = one.id in self.model.waiting or any(word in one.text for word in self.model.busy)
            assert index.drugs.get(one.id) == one or left
        promoted = self.bench.catalogue.live() == name
        if name != self.live:
            # It saw these at least, and at most what the source has besides.
            seen = chain.seen | {row.id for row in rows if row.group > chain.cursor}
            most = len(seen | {row.id for row in rows})
            documents, share = len(index.drugs), 1 - STANDARDS.most_missing
            if documents >= share * most and documents:
                assert promoted
            if documents < share * len(seen):
                assert not promoted
            if promoted:
                self._promote(name)
                self._drop_older()
        held = bool(report.delete_held or report.deferred or chain.deferred)
        assert report.completed == (promoted and not held), report.warnings

    # -- runs over a part ----------------------------------------------------------------------

    def _part(
        self, groups: set[Group], ids: set[str], *, patient: bool = True, allow: bool = False
    ) -> Done:
        """Do to the dictionaries what a run over some groups does."""
        index = self.indexes[self.live]
        drugs, lost = assembled(by_group(self.rows.values(), groups))
        done = self.model.write(index, drugs, lost, patient=patient)
        gone = {one for one in ids if one in index.drugs and one not in drugs.keys() | lost}
        self.model.delete(index, gone, done, guarded=not allow)
        self.model.sweep(ids - drugs.keys())
        return done

    @precondition(lambda self: self.groups is not None)
    @rule(size=batch_sizes, allow=st.booleans())
    def sync_what_changed(self, size: int, allow: bool) -> None:
        assert self.groups is not None
        live = self.indexes[self.live]
        whole, report = self.bench.groups(
            self.groups, self.ids, self._embedder(live.dimensions), batch_size=size,
            allow_deletes=allow,
            index=IndexSettings(vector_type=live.vector_type),  # type: ignore[arg-type]
        )  # fmt: skip
        done = self._part(self.groups, self.ids, allow=allow)
        assert whole == (not done.deferred)
        self._agree(report, done)
        if not (done.deferred or done.delete_held):
            self.groups, self.ids = set(), set()

    @rule(size=batch_sizes, lag=st.integers(0, 2))
    def sync_what_was_updated(self, size: int, lag: int) -> None:
        live = self.indexes[self.live]
        days = dt.timedelta(days=lag)

        def run() -> SyncReport:
            return self.bench.since(
                None, days, self._embedder(live.dimensions), batch_size=size,
                index=IndexSettings(vector_type=live.vector_type),  # type: ignore[arg-type]
            )  # fmt: skip

        if live.seen is None:
            with pytest.raises(CatalogueNotIndexed, match="full sync"):
                run()
            return
        low = (live.seen - days).strftime("%Y%m%d")
        updated = [row for row in self.rows.values() if row.updated >= low]
        report = run()
        done = self._part({row.group for row in updated}, set())
        assert report.completed == (not done.deferred)
        self._agree(report, done)
        if updated and not done.deferred:
            latest = dt.datetime.strptime(max(row.updated for row in updated), "%Y%m%d")  # noqa: DTZ007
            live.seen = max(live.seen, latest)

    # -- the quarantine ------------------------------------------------------------------------

    @precondition(lambda self: self.model.waiting)
    @rule(size=batch_sizes)
    def retry(self, size: int) -> None:
        live = self.indexes[self.live]
        entries = self.bench.entries().values()
        groups, ids = {one.group for one in entries}, {one.drug_id for one in entries}
        report = self.bench.retry(
            None, self._embedder(live.dimensions), batch_size=size,
            index=IndexSettings(vector_type=live.vector_type),  # type: ignore[arg-type]
        )  # fmt: skip
        self.model.released |= self.model.waiting.keys()
        done = self._part(groups, ids, patient=False)
        assert report.completed == (not done.deferred and not done.delete_held)
        self._agree(report, done)

    @precondition(lambda self: self.model.waiting)
    @rule(forget=st.booleans())
    def release_or_forget(self, forget: bool) -> None:
        if forget:
            drop(self.bench.catalogue, None)
            self.model.sweep(self.model.waiting)
        else:
            release(self.bench.catalogue, None)
            self.model.released |= self.model.waiting.keys()

    # -- generations ---------------------------------------------------------------------------

    @rule()
    def roll_back(self) -> None:
        with hold(self.bench.catalogue, "rollback") as held:
            if self.previous not in self.indexes:
                with pytest.raises(CatalogueNotIndexed):
                    roll_back(held)
                return
            assume(self.indexes[self.previous].drugs)
            assert roll_back(held) == (self.live, self.previous)
        self.live, self.previous = self.previous, self.live
        self.groups, self.ids = None, set()

    @precondition(lambda self: self.groups is None)
    @rule()
    def sync_after_a_move(self) -> None:
        self._full(allow_deletes=True)

    # -- what has to hold ----------------------------------------------------------------------

    @invariant()
    def index_is_as_it_has_to_be(self) -> None:
        if not self.live:
            return
        bench = self.bench
        assert bench.catalogue.live() == self.live
        assert {one.name for one in bench.catalogue.generations()} == self.indexes.keys()
        for name, index in self.indexes.items():
            store = DrugStore(bench.catalogue, bench.catalogue.read_generation(name))
            documents = bench.by_id(store)
            assert difference(index, documents) == {}
            self._check_vectors(store, index)
        assert bench.found("*") == len(self.indexes[self.live].drugs)
        entries = bench.entries()
        failed = {one.id: one for one in entries.values() if one.row is None}
        assert failed.keys() == self.model.waiting.keys()
        for one, entry in failed.items():
            assert entry.text == self.model.waiting[one][0].text
            assert (entry.retry_after == 0) == (one in self.model.released)

    def _check_vectors(self, store: DrugStore, index: Index) -> None:
        assert self._stored_texts(store.generation.name) == index.texts
        ids = list(index.drugs)
        found = [one for one in store.fingerprints(ids) if one is not None]
        stored = store.vectors([one.text for one in found])
        texts = [index.drugs[one].text for one in ids]
        if not ids:
            return
        wanted = FakeEmbedder(index.dimensions).embed(texts).vectors
        for place, vector in enumerate(stored):
            assert vector is not None
            assert np.allclose(store.decode_vector(vector), wanted[place], atol=CLOSE)


@pytest.mark.lasts(15)
def test_after_any_sequence_the_index_equals_the_source(
    redis_server: EmbeddedRedis,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path: Path,
) -> None:
    class Here(Nights):
        def __init__(self) -> None:
            super().__init__(redis_server, capabilities, vocabulary, tmp_path)

    # The same sequences each time: what this finds has to be found again. A sequence that fails is
    # printed as it is; looking for the shortest one would run for minutes.
    chosen = settings(
        max_examples=15,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
    )
    run_state_machine_as_test(Here, settings=chosen)
