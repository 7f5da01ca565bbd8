"""What is known of a catalogue's names, ready to answer with."""

from __future__ import annotations

from functools import cached_property

from rxindex.index.lexicon import Lexicon, Name
from rxindex.search.commonness import commonness_by_packages
from rxindex.search.safety import Safety
from rxindex.search.suggest import Suggester
from rxindex.search.understand import Reader
from rxindex.vocabulary import Vocabulary

__all__ = ["Known"]

#: How much the number of packages counts beside how often a drug is prescribed.
_BY_PACKAGES = 0.25


class Known:
    """A lexicon, and what is made of it on first use. Safe to use from several threads.

    Args:
        lexicon: of the live generation.
        vocabulary: the same as at indexing.
    """

    def __init__(self, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        self.lexicon = lexicon
        self._vocabulary = vocabulary

    # Two threads that come first make it twice, and both results are good.
    @cached_property
    def reader(self) -> Reader:
        """What understands queries."""
        return Reader(self.lexicon, self._vocabulary, self._commonness)

    @cached_property
    def suggester(self) -> Suggester:
        """What completes names."""
        return Suggester(
            self.lexicon, self._vocabulary, self.reader.tools.speller, self.safety, self._commonness
        )

    @cached_property
    def safety(self) -> Safety:
        """What knows which names are taken for one another."""
        return Safety(self.lexicon, self._vocabulary)

    def prepare(self) -> None:
        """Make all of it ahead of the first use."""
        _ = self.reader, self.suggester, self.safety

    def _commonness(self, name: Name) -> float:
        """Weigh how often a name is prescribed, and a little how many packages there are."""
        sets = {name.ingredients, (name.text,) if name.kind == "ingredient" else name.ingredients}
        prescribed = max(map(self._vocabulary.commonness, sets))
        return (1 - _BY_PACKAGES) * prescribed + _BY_PACKAGES * commonness_by_packages(name)
