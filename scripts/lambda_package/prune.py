"""Takes out of the tree what no function ever runs."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from scripts.lambda_package.elf import slim

__all__ = ["is_needed", "prune"]

#: Folders that are for developing with a package, wherever they are.
_FOLDERS = frozenset({"__pycache__", "__pyinstaller", "_examples", "_pyinstaller", "tests"})
#: Type stubs, sources and headers of compiled modules, static libraries, documents.
_ENDINGS = frozenset(
    [*(".pyi", ".typed"), *(".pyx", ".pxd", ".pxi", ".c", ".h"), *(".a", ".pc"), *(".md", ".rst")]
)
#: By path; ``*`` stands for anything, slashes too. A test holds this against all that rxindex
#: imports, and both handlers are imported and run from what is left.
_PATHS = (
    "bin/*",  # commands
    # Of Powertools: logger, metrics and parameters are used.
    "aws_lambda_powertools/event_handler/*",
    *(
        f"aws_lambda_powertools/utilities/{name}/*"
        for name in (
            *("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking"),
            *("feature_flags", "idempotency", "kafka", "parser", "streaming", "validation"),
        )
    ),
    "numpy/_core/_*_tests.*.so",
    "numpy/_core/_simd.*.so",  # numpy's tests look into its vector instructions through it
    "numpy/_core/lib/npy-pkg-config/*",
    "numpy/conftest.py",
    "numpy/f2py/*",  # compiles Fortran; numpy imports it when it is asked for by name
    "pydantic/mypy.py",
    "pydantic/v1/*",  # the former version, for who still wants it
    # The same without AVX2 is beside it, and takes over: all that arm64 ever has.
    "rapidfuzz/*_avx2.*.so",
    # What only the command line uses.
    "rxindex/advise/*",
    "rxindex/bench/*",
    "rxindex/cli/*",
    "rxindex/cluster/*",
    "rxindex/search/evaluation/*",
    # rxindex speaks SQL to MySQL and SQLite, and maps no objects; there is no other driver here.
    "sqlalchemy/dialects/mssql/*",
    "sqlalchemy/dialects/oracle/*",
    "sqlalchemy/dialects/postgresql/*",
    "sqlalchemy/ext/*",
    "sqlalchemy/orm/*",
    "sqlalchemy/testing/*",
)
#: Of a package's own record: what tells who it is (scanners for known faults read it), what it
#: registers with others, and its licence. The rest names the installer or the folder it was for.
_RECORD = ("METADATA", "entry_points.txt", "licenses/*", "LICEN[CS]E*", "NOTICE*", "AUTHORS*")


def is_needed(path: str) -> bool:
    """Say whether a file of the tree belongs into the zip.

    Args:
        path: from the top of the tree, with slashes.
    """
    top, _, rest = path.partition("/")
    if top.endswith(".dist-info"):
        # The command line, all that rxindex registers, is not in the zip.
        own = top.startswith("rxindex-") and rest == "entry_points.txt"
        return not own and any(fnmatch(rest, pattern) for pattern in _RECORD)
    parts = PurePosixPath(path)
    return (
        _FOLDERS.isdisjoint(parts.parts[:-1])
        and parts.suffix not in _ENDINGS
        and not any(fnmatch(path, pattern) for pattern in _PATHS)
    )


def prune(folder: Path) -> None:
    """Remove what is not needed, and slim what is."""
    for path in sorted(folder.rglob("*"), reverse=True):
        relative = path.relative_to(folder).as_posix()
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not is_needed(relative):
            path.unlink()
        elif ".so" in path.suffixes:
            path.write_bytes(slim(path.read_bytes()))
        elif path.name == "METADATA":
            # The headers end at the first blank line; what follows is the package's README.
            path.write_text(path.read_text(encoding="utf-8").split("\n\n")[0] + "\n", "utf-8")
