"""What can go wrong when the zip is built."""

from __future__ import annotations

__all__ = ["BuildFailed"]


class BuildFailed(Exception):
    """The zip can't be built or measured; the message says what to do."""
