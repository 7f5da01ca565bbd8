"""How often a name is likely to be meant: what decides between names that fit equally well."""

from __future__ import annotations

import math
from collections.abc import Callable

from rxindex.index.lexicon import Name

__all__ = ["Commonness", "commonness_by_packages", "commonness_of"]

Commonness = Callable[[Name], float]
"""From a name to how often it is meant, 0 to 1."""

#: A name sold in this many packages (e^10) is as common as can be.
_MOST_COMMON = 10.0


def commonness_by_packages(name: Name) -> float:
    """Tell how often a name is likely to be meant, by how many packages are sold under it.

    Returns:
        0 to 1.
    """
    return commonness_of(name.packages)


def commonness_of(packages: int) -> float:
    """Turn a number of packages into a commonness, by its logarithm.

    Ten times the packages is not ten times the prescriptions.

    Returns:
        0 to 1.
    """
    return min(1.0, math.log1p(packages) / _MOST_COMMON)
