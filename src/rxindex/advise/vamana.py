"""SVS' graph with each compression, measured with Intel's library (``scalable-vs``)."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from rxindex.advise.coding import LEANVEC, LVQ
from rxindex.advise.measurement import SQ8, Measurement, Tell
from rxindex.advise.vamana_process import Done, Task
from rxindex.advise.vectors import Exam
from rxindex.index.schema import ELEMENT, VectorType

__all__ = ["BUILD_WINDOW", "DEGREE", "Graphs", "measure_graphs"]

#: Redis' own defaults.
DEGREE = 32
BUILD_WINDOW = 200

_WINDOWS = (10, 20, 50, 100, 200)
_PACKAGE = "scalable-vs"


class Graphs(msgspec.Struct, frozen=True):
    """What was measured of SVS' graph, and what could not be.

    Attributes:
        measurements: those that there are.
        notes: why others are missing, each a sentence.
    """

    measurements: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()


def measure_graphs(exam: Exam, vector_type: VectorType, tell: Tell) -> Graphs:
    """Build SVS' graph for each compression, and search it, on one core.

    Args:
        exam: the questions; its vectors are what is indexed.
        vector_type: element type of the full vectors in the documents.
        tell: is told what is measured.

    Returns:
        Nothing but a note where the library is not installed; on processors that it refuses LVQ
        and LeanVec on, the rest and a note.
    """
    try:
        importlib.metadata.version(_PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return Graphs(
            notes=(
                "SVS was not measured: pip install 'rxindex[advise]' (Intel's library, for "
                "x86-64 Linux)",
            )
        )
    measured: list[Measurement] = []
    with tempfile.TemporaryDirectory(prefix="rxindex-advise-") as folder:
        place = Path(folder)
        np.save(place / "vectors.npy", exam.vectors)
        np.save(place / "queries.npy", exam.queries)
        for compression in ("", SQ8, *LVQ, *LEANVEC):
            tell(f"SVS {compression or 'float16'}")
            outcome = _measure(place, compression, exam.k)
            if isinstance(outcome, str):
                what = "LVQ and LeanVec" if compression in {*LVQ, *LEANVEC} else "its graph"
                said = f"Intel's library did not measure {what} here, as it says: {outcome}"
                return Graphs(tuple(measured), (said,))
            measured += _measurements(outcome, compression, exam, vector_type)
    return Graphs(tuple(measured))


def _measure(folder: Path, compression: str, k: int) -> Done | str:
    """Measure in a process of its own; gives the last words of one that failed."""
    task = Task(compression, DEGREE, BUILD_WINDOW, _WINDOWS, k)
    (folder / "task.json").write_bytes(msgspec.json.encode(task))
    result = folder / "done.json"
    result.unlink(missing_ok=True)
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "rxindex.advise.vamana_process", folder],
        capture_output=True,
        text=True,
        errors="replace",
    )
    if not result.exists():
        words = (ran.stdout + ran.stderr).strip().splitlines()
        return words[-1].strip() if words else f"it ended with code {ran.returncode}"
    return msgspec.json.decode(result.read_bytes(), type=Done)


def _measurements(
    done: Done, compression: str, exam: Exam, vector_type: VectorType
) -> list[Measurement]:
    count, dimensions = exam.vectors.shape
    element: VectorType = vector_type if compression else "float16"
    return [
        Measurement(
            way="svs",
            algorithm="svs",
            vector_type=element,
            compression=compression,
            graph_degree=DEGREE,
            build_window=BUILD_WINDOW,
            search_window=one.search_window,
            vectors=count,
            vector_bytes=done.vector_bytes,
            upkeep_bytes=done.graph_bytes,
            document_bytes=dimensions * ELEMENT[element],
            recall=exam.recall(np.array(one.found)),
            queries_per_second=len(exam.queries) / max(one.seconds, 1e-6),
            build_seconds=done.build_seconds,
        )
        for one in done.searched
    ]
