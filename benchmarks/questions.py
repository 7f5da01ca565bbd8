"""What prescribers ask a catalogue, made up from its own names."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

from rxindex.index.catalogue import Catalogue
from rxindex.index.lexicon import Lexicon, gather_lexicon
from rxindex.index.store import DrugStore
from rxindex.search.request import SearchRequest
from rxindex.vocabulary import Vocabulary

#: Of a hundred searches, so many of each kind.
MIX = {
    "name": 30, "name and strength": 22, "misspelling": 12, "name, strength and form": 8,
    "class": 8, "use": 8, "beginning of a name": 5, "NDC": 4, "filtered": 3,
}  # fmt: skip

#: The commonest names are what is asked for; past them come those that nobody knows.
_KNOWN = 6000


def searches(
    catalogue: Catalogue, vocabulary: Vocabulary, count: int, *, seed: int = 1, repeat: bool
) -> Iterator[SearchRequest]:
    """Make up searches; the same seed gives the same ones.

    Args:
        catalogue: whose names.
        vocabulary: whose classes and uses.
        count: how many.
        seed: of the lot.
        repeat: let searches repeat themselves as they come. Answers that were given a moment ago
            are kept by the service; without this, none is written like another: capital letters
            differ and blanks, which matter to nobody but what is kept.
    """
    live = catalogue.require_live()
    maker = _Maker(random.Random(seed), gather_lexicon(catalogue, live), vocabulary)
    store = DrugStore(catalogue, live)
    drugs = store.get(next(iter(store.ids(500))))
    codes = [one.ndc for drug in drugs if drug for one in drug.packages]
    makers: dict[str, Callable[[], str]] = {
        "name": maker.name,
        "name and strength": lambda: f"{maker.name()} {maker.strength()}",
        "misspelling": maker.misspelled,
        "name, strength and form": lambda: f"{maker.name()} {maker.strength()} {maker.form()}",
        "class": lambda: maker.draw.choice(maker.classes),
        "use": lambda: maker.draw.choice(maker.uses),
        "beginning of a name": lambda: maker.name()[: maker.draw.randint(3, 6)],
        "NDC": lambda: maker.draw.choice(codes),
        "filtered": maker.name,
    }
    kinds = list(MIX)
    seen: set[SearchRequest] = set()
    for _ in range(count):
        (kind,) = maker.draw.choices(kinds, [MIX[one] for one in kinds])
        text = makers[kind]()
        route = ("oral",) if kind == "filtered" else ()
        request = SearchRequest(text, route=route)
        tries = 0
        while not repeat and request in seen:
            # Short names have few spellings; blanks behind them make more.
            tries += 1
            written = maker.in_other_letters(text) + " " * (tries // 4)
            request = SearchRequest(written, route=route)
        seen.add(request)
        yield request


class _Maker:
    def __init__(self, draw: random.Random, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        self.draw = draw
        known = [one for one in lexicon.names if not one.text.startswith(("ZZ", "INVENTED"))]
        self._names = [one.text for one in known[:_KNOWN]]
        self._weights = [one.packages for one in known[:_KNOWN]]
        self._strengths = sorted(lexicon.strengths, key=lexicon.strengths.__getitem__)[-60:]
        self._forms = sorted(lexicon.forms, key=lexicon.forms.__getitem__)[-12:]
        self.classes = sorted(one.name for one in vocabulary.classes.values())
        self.uses = sorted(one.name for one in vocabulary.indications.values())

    def name(self) -> str:
        return self.draw.choices(self._names, self._weights)[0]

    def strength(self) -> str:
        return self.draw.choice(self._strengths)

    def form(self) -> str:
        return self.draw.choice(self._forms)

    def in_other_letters(self, text: str) -> str:
        """Write some letters large and others small."""
        return "".join(self.draw.choice((one.lower(), one.upper())) for one in text)

    def misspelled(self) -> str:
        """A name in which a letter is missing, doubled, another, or in its neighbour's place."""
        name = self.name()
        place = self.draw.randrange(1, max(len(name) - 1, 2))
        before, after = name[:place], name[place:]
        return self.draw.choice(
            (
                before + after[1:],
                before + after[:1] + after,
                before + self.draw.choice(string.ascii_lowercase) + after[1:],
                before + after[1:2] + after[:1] + after[2:],
            )
        )
