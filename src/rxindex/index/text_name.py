"""What an embedding text is called in Redis: in its own key, and in the drugs that have it."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache

__all__ = ["read_text_name", "text_name"]


# Drugs of one text come one after the other.
@lru_cache(maxsize=1_024)
def text_name(fingerprint: bytes) -> str:
    """Write a text's fingerprint (see `rxindex.model.text_fingerprint`) as a tag.

    Base32 in small letters (RFC 4648 without padding): a tag has no upper case, and bytes that
    are none of its separators.
    """
    return base64.b32encode(fingerprint).decode().rstrip("=").lower()


def read_text_name(name: bytes) -> bytes | None:
    """Read the fingerprint that `text_name` wrote; None if the name is none."""
    padding = b"=" * (-len(name) % 8)
    try:
        return base64.b32decode(name.upper() + padding)
    except (binascii.Error, ValueError):
        return None
