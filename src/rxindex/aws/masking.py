"""Secrets by value: what was fetched to log in with never comes out again.

`rxindex.sync.history.hide_passwords` knows a secret by its place in a URL. Here a secret is known
by what it is, wherever it stands: in a driver's message, in a value that somebody logs.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from rxindex.sync.history import hide_passwords

__all__ = ["HIDDEN", "mask", "masked", "masked_value"]

#: What stands in place of a secret.
HIDDEN = "***"

#: Shorter ones are left: they would be found in every other word.
_SHORTEST = 4
#: Of the newest secrets: those of before the last rotations may be in messages still.
_KEPT = 64

#: Each way to write a secret, to nothing; in the order in which they came.
_forms: dict[str, None] = {}


def mask(secret: str) -> None:
    """Let ``secret`` never come out of `masked` again, as it is or as it is written in a URL."""
    for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
        if len(form) >= _SHORTEST:
            _forms.pop(form, None)
            _forms[form] = None
    while len(_forms) > 4 * _KEPT:
        del _forms[next(iter(_forms))]


def masked(text: str) -> str:
    """Give ``text`` without the secrets that were named to `mask` and those of URLs in it."""
    # The longest first: a secret may be a part of another.
    for form in sorted(_forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return hide_passwords(text)


def masked_value(value: Any) -> Any:
    """Give a value for JSON with the secrets in it hidden, however deep they are.

    What is neither text, number nor collection becomes text.
    """
    match value:
        case str():
            return masked(value)
        case None | bool() | int() | float():
            return value
        case dict():
            return {masked(str(name)): masked_value(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked_value(one) for one in value]
        case _:
            return masked(str(value))
