"""Embedders: what turns the text of a drug into a vector.

Importing this package loads no model, no AWS library and no runtime; `create_embedder` loads
what it needs, when it needs it.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from rxindex.embed.base import Embedded, Embedder, Vectors
from rxindex.errors import ConfigurationError

__all__ = ["EMBEDDERS", "Embedded", "Embedder", "Vectors", "create_embedder"]

#: Name of an embedder to its module and class.
EMBEDDERS: dict[str, tuple[str, str]] = {
    "minilm": ("rxindex.embed.minilm", "MiniLMEmbedder"),
    "titan": ("rxindex.embed.titan", "TitanEmbedder"),
    "fake": ("rxindex.embed.fake", "FakeEmbedder"),
}


def create_embedder(name: str, **options: Any) -> Embedder:
    """Make an embedder by its name.

    Args:
        name: ``minilm`` (local, no account), ``titan`` (Amazon Bedrock) or ``fake`` (for tests).
        options: arguments of the class: `MiniLMEmbedder`, `TitanEmbedder` or `FakeEmbedder`.

    Raises:
        ConfigurationError: there is no such embedder, it does not have that option, or the
            option's value is not one it takes.
        MissingExtra: the embedder's part of rxindex is not installed.
    """
    try:
        module, class_name = EMBEDDERS[name]
    except KeyError:
        raise ConfigurationError(
            f"there is no embedder {name!r}: choose one of {', '.join(sorted(EMBEDDERS))}"
        ) from None
    made = getattr(importlib.import_module(module), class_name)
    known = inspect.signature(made).parameters
    for option in options:
        if option not in known:
            raise ConfigurationError(
                f"the embedder {name} has no option {option!r}: it has {', '.join(known)}"
            )
    embedder: Embedder = made(**options)
    return embedder
