"""Whoever changes what rows come to has to raise `ASSEMBLY_VERSION`.

Else a sync would take groups for unchanged whose drugs would be other ones now.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from rxindex.model import Drug
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.source.sample import write_demo_data
from rxindex.sync.assemble import ASSEMBLY_VERSION, assemble
from rxindex.vocabulary import load_vocabulary

#: The version, the vocabulary, and what the drugs of the demo data came to with both.
KNOWN = (1, "ee0e0ba0ff58a565", "96678056fc7b6b79")


def test_the_version_tells_what_rows_come_to(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    write_demo_data(url, 3_000, seed=1)
    words = load_vocabulary()
    state = hashlib.sha256()
    with open_source(url) as source:
        for one in assemble(source.rows(Partition("all")), words, "2024-01-01"):
            if isinstance(one, Drug):
                state.update(msgspec.msgpack.encode(one))
    version, vocabulary, drugs = KNOWN
    if words.fingerprint == vocabulary and state.hexdigest()[:16] != drugs:
        assert version != ASSEMBLY_VERSION, (
            "the same rows come to other drugs: raise ASSEMBLY_VERSION (unless the demo data "
            "itself has changed)"
        )
    now = (ASSEMBLY_VERSION, words.fingerprint, state.hexdigest()[:16])
    assert now == KNOWN, f"write this into KNOWN: {now}"
