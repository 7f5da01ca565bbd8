"""The one place where text becomes part of a RediSearch query.

Everything that a person or a catalogue wrote goes through `tag` or `words` before it stands in a
query; nothing else in rxindex builds query text from data.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["tag", "tag_all", "tag_in", "tokens", "words"]

#: What RediSearch itself splits text fields at, less what `tokens` treats in its own way.
_TOKEN = re.compile(r"[^\W_]+", re.UNICODE)
#: What RediSearch takes a backslash off. Ahead of any other sign (``®``, a curly apostrophe) the
#: backslash would become a part of the value, which then finds nothing.
_SIGNS = str.maketrans({c: f"\\{c}" for c in map(chr, range(0x20, 0x7F)) if not c.isalnum()})


def tag(value: str) -> str:
    """Escape ``value`` for use between the braces of a TAG clause.

    Every ASCII character that is not a letter or a digit gets a backslash, blanks and hyphens
    included (RediSearch would otherwise read ``CII-CV`` as two things, ``*`` as a prefix, and a
    lone underscore as a syntax error). Control characters become blanks, since no escape carries
    them.

    Raises:
        ValueError: the value is blank; RediSearch calls an empty TAG clause a syntax error.
    """
    printable = value if value.isprintable() else _without_controls(value)
    printable = printable.strip()
    if not printable:
        raise ValueError("a TAG clause needs a value")
    return printable.translate(_SIGNS)


def _without_controls(value: str) -> str:
    return "".join(" " if unicodedata.category(c)[0] == "C" else c for c in value)


def tag_in(field: str, values: list[str] | tuple[str, ...]) -> str:
    """Write the clause that ``field`` holds any of ``values``."""
    return f"@{field}:{{{'|'.join(tag(value) for value in values)}}}"


def tag_all(field: str, values: Iterable[str]) -> str:
    """Write the clauses that ``field`` holds all of ``values``; an empty string for none."""
    return " ".join(tag_in(field, [value]) for value in values)


def tokens(text: str) -> list[str]:
    """Split ``text`` into the terms that RediSearch finds: letters and digits, lower case."""
    return [token.lower() for token in _TOKEN.findall(text)]


def words(text: str, *, prefix: bool = False) -> str:
    """Write ``text`` as a conjunction of terms for a TEXT clause.

    Args:
        text: what a person typed.
        prefix: let the last term be the beginning of a word. Only from the second letter on:
            RediSearch refuses shorter prefixes.

    Returns:
        The clause without its field and parentheses, or an empty string if no term is left.
    """
    terms = tokens(text)
    if prefix and terms and len(terms[-1]) >= 2:
        terms[-1] += "*"
    return " ".join(terms)
