"""The process that Intel's library works in: ``python -m rxindex.advise.vamana_process FOLDER``.

The library ends the process that asks for LVQ or LeanVec on a processor of another make, so each
measurement has one of its own. What to do is in ``task.json``, what came of it in ``done.json``.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rxindex.advise.coding import LEANVEC, LVQ, encode
from rxindex.advise.measurement import SQ8
from rxindex.embed.base import Vectors

__all__ = ["Done", "Searched", "Task", "measure"]


class Task(msgspec.Struct, frozen=True):
    """What to measure.

    Attributes:
        compression: one of `CODINGS`, or empty for FLOAT16.
        graph_degree: Vamana's GRAPH_MAX_DEGREE.
        build_window: Vamana's CONSTRUCTION_WINDOW_SIZE.
        search_windows: Vamana's SEARCH_WINDOW_SIZE, each in turn.
        k: how many neighbours to find.
    """

    compression: str
    graph_degree: int
    build_window: int
    search_windows: tuple[int, ...]
    k: int


class Searched(msgspec.Struct, frozen=True):
    """What a search window found.

    Attributes:
        search_window: which.
        seconds: CPU time of all queries together.
        found: rows of the vectors, for each query.
    """

    search_window: int
    seconds: float
    found: list[list[int]]


class Done(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        vector_bytes: of a vector as the library keeps it.
        graph_bytes: of a vector's links.
        build_seconds: CPU time.
        searched: for each search window.
    """

    vector_bytes: float
    graph_bytes: float
    build_seconds: float
    searched: list[Searched]


def measure(folder: Path) -> None:
    """Build the graph of ``task.json`` over ``vectors.npy`` and search it for ``queries.npy``."""
    svs = importlib.import_module("svs")
    task = msgspec.json.decode((folder / "task.json").read_bytes(), type=Task)
    vectors: Vectors = np.load(folder / "vectors.npy")
    queries: Vectors = np.load(folder / "queries.npy")
    data = _data(svs, task.compression, vectors, folder)
    # For an inner product, the value at which edges are pruned has to be below 1.
    parameters = svs.VamanaBuildParameters(
        graph_max_degree=task.graph_degree, window_size=task.build_window, alpha=0.95
    )
    start = time.process_time()
    index = svs.Vamana.build(parameters, data, svs.DistanceType.MIP, num_threads=1)
    build_seconds = time.process_time() - start
    searched = []
    for window in task.search_windows:
        index.search_window_size = window
        index.search(queries[:1], task.k)
        start = time.process_time()
        found, _ = index.search(queries, task.k)
        seconds = time.process_time() - start
        searched.append(Searched(window, seconds, found.astype(int).tolist()))
    with tempfile.TemporaryDirectory(dir=folder) as saved:
        parts = [Path(saved) / name for name in ("config", "graph", "data")]
        index.save(*map(str, parts))
        _, graph, data_size = map(_size, parts)
    if task.compression == SQ8:
        data_size = vectors.size
    done = Done(data_size / len(vectors), graph / len(vectors), build_seconds, searched)
    (folder / "done.json").write_bytes(msgspec.json.encode(done))


def _data(svs: Any, compression: str, vectors: Vectors, folder: Path) -> Any:
    """Give the vectors to the library in the way that it wants them."""
    if compression == SQ8:
        # Its Python side searches 8-bit values by 8-bit queries only; Redis' queries stay whole.
        # Over decoded values the neighbours are Redis', the speed is not better than Redis'.
        return encode(SQ8, vectors).first
    if not compression:
        return vectors.astype(np.float16)
    file = str(folder / "vectors.fvecs")
    svs.write_vecs(vectors, file)
    dimensions = vectors.shape[1]
    loader = svs.VectorDataLoader(file, svs.DataType.float32, dims=dimensions)
    if compression in LVQ:
        bits, rest = LVQ[compression]
        return svs.LVQLoader(loader, primary=bits, residual=rest)
    kinds = {4: svs.LeanVecKind.lvq4, 8: svs.LeanVecKind.lvq8}
    bits, rest = LEANVEC[compression]
    return svs.LeanVecLoader(loader, dimensions // 2, kinds[bits], kinds[rest], alignment=0)


def _size(folder: Path) -> int:
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


if __name__ == "__main__":
    measure(Path(sys.argv[1]))
