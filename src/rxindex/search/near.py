"""Drugs that are near a query in meaning: the nearest texts, then the drugs that have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import command, pairs, redis_errors
from rxindex.index.escape import tag_in
from rxindex.index.generation import Generation
from rxindex.index.schema import vector_bytes

__all__ = ["Near"]

#: Texts whose drugs are asked for where no filter thins them out: some three drugs have each.
_TEXTS = 20
#: Most drugs to take, those with the most packages first.
_DRUGS = 200
#: Where filters leave fewer drugs than this, so many times as many texts are asked for.
_FEW, _WIDER = 10, 10


class Near:
    """What is near one query.

    Args:
        catalogue: where to search.
        generation: which of its generations.
        vector: of the query, of the generation's length.

    Raises:
        VectorSizeError: the vector does not fit the generation.
    """

    def __init__(
        self, catalogue: Catalogue, generation: Generation, vector: NDArray[np.float32]
    ) -> None:
        self._client = catalogue.client
        self._drugs = catalogue.index(generation.name)
        self._texts = catalogue.text_index(generation.name)
        self._start = len(catalogue.text_prefix(generation.name))
        self._blob = vector_bytes(vector, generation.settings.vector_type, generation.dimensions)

    def question(self, count: int) -> tuple[str | int | bytes, ...]:
        """Write the command that asks for the nearest texts, to be sent with others.

        Args:
            count: how many.
        """
        return (
            "FT.SEARCH", self._texts, f"*=>[KNN {count} @vector $vector AS distance]",
            "SORTBY", "distance", "ASC", "RETURN", 1, "distance",
            "LIMIT", 0, count, "PARAMS", 2, "vector", self._blob, "DIALECT", 2,
        )  # fmt: skip

    def drugs(
        self, reply: list[Any], narrow: str, fields: Sequence[str], asked: int
    ) -> Iterator[tuple[bytes, float, list[bytes]]]:
        """Ask for the drugs that have the nearest texts.

        Args:
            reply: to `question`.
            narrow: the clause of the filters; an empty string for none.
            fields: to read of each drug.
            asked: how many texts the question was about.

        Yields:
            A drug's key, the cosine of its text and the query, and names and values of the
            fields.

        Raises:
            TerminalError: Redis refused; also where the generation was dropped meanwhile.
            IndexUnavailable: Redis does not answer.
        """
        near = self._cosines(reply)
        rows = self._having(near, narrow, fields)
        if narrow and len(near) == asked and len(rows) < _FEW:
            with redis_errors("searching by meaning"):
                wider = command(self._client, *self.question(asked * _WIDER))
            near = self._cosines(wider)
            rows = self._having(near, narrow, fields)
        for key, values in rows:
            # The text was asked for last.
            yield key, near.get(values[-1], 0.0), values[:-2]

    def _cosines(self, reply: list[Any]) -> dict[bytes, float]:
        """Read the cosines by the texts' names, nearest first."""
        return {
            reply[place][self._start :]: 1.0 - float(pairs(reply[place + 1])["distance"])
            for place in range(1, len(reply), 2)
            # One that went away while its index entry stays has nothing.
            if reply[place + 1]
        }

    def _having(
        self, near: dict[bytes, float], narrow: str, fields: Sequence[str]
    ) -> list[tuple[bytes, list[bytes]]]:
        names = [name.decode() for name in near][: None if narrow else _TEXTS]
        if not names:
            return []
        words: tuple[str | int, ...] = (
            "FT.SEARCH", self._drugs, f"{tag_in('text_fp', names)} {narrow}",
            "SORTBY", "count", "DESC", "RETURN", len(fields) + 1, *fields, "text_fp",
            "LIMIT", 0, _DRUGS, "DIALECT", 2,
        )  # fmt: skip
        with redis_errors("searching by meaning"):
            reply = command(self._client, *words)
        return [
            (reply[place], reply[place + 1])
            for place in range(1, len(reply), 2)
            if reply[place + 1]
        ]
