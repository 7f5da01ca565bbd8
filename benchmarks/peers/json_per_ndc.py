"""The loader that rxindex replaces: a JSON document and a call of the model for each NDC.

It pages through the table with OFFSET, embeds package by package, and writes whatever it reads.
What is gone from the table stays in the index.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
from redis import Redis
from redis.exceptions import ResponseError

from benchmarks.peers.peer import CountedEmbedder, Held, Place, Row, batches

__all__ = ["JsonPeer"]

PAGE = 1000
SELECT = f"SELECT {', '.join(Row._fields)} FROM package ORDER BY ndc LIMIT ? OFFSET ?"
CREATE = """
FT.CREATE drugs ON JSON PREFIX 1 drug: SCHEMA
$.ndc AS ndc TAG $.strength AS strength TAG $.form AS form TAG $.routes AS routes TAG
$.schedule AS schedule TAG $.labeler AS labeler TAG
$.name AS name TEXT $.generic AS generic TEXT $.text AS text TEXT
$.embedding AS embedding VECTOR FLAT 6 TYPE FLOAT32 DISTANCE_METRIC COSINE DIM
"""


class JsonPeer:
    """Keeps the index with a JSON document for each NDC."""

    def __init__(self, place: Place, embedder: CountedEmbedder) -> None:
        self.place = place
        self.embedder = embedder
        self.client: Any = Redis.from_url(place.redis, protocol=2)
        try:
            self.client.execute_command(*CREATE.split(), embedder.dimensions)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if "already exists" not in str(error):
                raise

    def load(self) -> None:
        """Embed and write every row."""
        with closing(sqlite3.connect(self.place.database)) as connection:
            offset = 0
            while page := connection.execute(SELECT, (PAGE, offset)).fetchall():
                pipe = self.client.pipeline(transaction=False)
                for row in map(Row._make, page):
                    [vector] = self.embedder.vectors([row.text])
                    document = json.dumps(row._asdict() | {"embedding": vector})
                    pipe.execute_command("JSON.SET", f"drug:{row.ndc}", "$", document)
                pipe.execute()
                offset += len(page)

    def search(self, query: str, limit: int) -> list[str]:
        """Find the nearest packages."""
        vector = np.asarray(self.embedder.vectors([query]), dtype=np.float32).tobytes()
        found = self.client.execute_command(
            "FT.SEARCH", "drugs", f"*=>[KNN {limit} @embedding $vector AS distance]",
            "PARAMS", 2, "vector", vector, "SORTBY", "distance",
            "RETURN", 1, "ndc", "LIMIT", 0, limit, "DIALECT", 2,
        )  # fmt: skip
        return [fields[fields.index(b"ndc") + 1].decode() for fields in found[2::2]]

    def held(self) -> Iterator[Held]:
        """Read the documents."""
        paths = [f"$.{name}" for name in Held._fields]
        for keys in batches(self.client.scan_iter(match="drug:*", count=1000)):
            pipe = self.client.pipeline(transaction=False)
            for key in keys:
                pipe.execute_command("JSON.GET", key, *paths)
            for document in map(json.loads, pipe.execute()):
                yield Held._make(document[path][0] for path in paths)
