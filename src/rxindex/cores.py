"""How many processor cores there are to use."""

from __future__ import annotations

import os

__all__ = ["cores"]


def cores() -> int:
    """Count the cores that this process may use: fewer than the machine has, in a container."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
