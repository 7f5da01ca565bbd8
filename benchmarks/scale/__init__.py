"""`python -m benchmarks.scale`: how far more workers carry, by a model that is checked.

Measures what the parts of a sync take (`costs`), how drugs and texts grow with packages
(`growth`), plays larger syncs with these figures (`model`, `predict`), draws them (`plot`) and
writes the tables of docs/scale.md (`page`).
"""

from benchmarks.scale.page import markdown

__all__ = ["markdown"]
