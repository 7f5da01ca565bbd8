"""What prescribers ask a catalogue: made up from its own names, judged, or out of a file."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from pathlib import Path

import msgspec

from rxindex.errors import ConfigurationError
from rxindex.index.catalogue import Catalogue
from rxindex.index.lexicon import Lexicon, gather_lexicon, load_lexicon
from rxindex.index.store import DrugStore
from rxindex.search.evaluation.judge import catalogue_drugs, judge
from rxindex.search.evaluation.judged import read_judged
from rxindex.search.request import SearchRequest
from rxindex.vocabulary import Vocabulary

__all__ = ["judged_requests", "never_twice", "read_requests", "searches"]

#: Of a hundred searches, so many of each kind.
MIX = {
    "name": 30, "name and strength": 22, "misspelling": 12, "name, strength and form": 8,
    "class": 8, "use": 8, "beginning of a name": 5, "NDC": 4, "filtered": 3,
}  # fmt: skip

#: The commonest names are what is asked for; past them come those that nobody knows.
_KNOWN = 6000
#: Ways to write a text before blanks are put behind it, which make more.
_SPELLINGS = 4


def searches(
    catalogue: Catalogue, vocabulary: Vocabulary, count: int, *, seed: int = 1, repeat: bool
) -> Iterator[SearchRequest]:
    """Make up searches; the same seed gives the same ones.

    Args:
        catalogue: whose names.
        vocabulary: whose classes and uses.
        count: how many.
        seed: of the lot.
        repeat: let searches repeat themselves as they come; else see `never_twice`.

    Raises:
        CatalogueNotIndexed: nothing was loaded yet.
        IndexUnavailable: Redis does not answer.
    """
    draw = random.Random(seed)  # noqa: S311  no secret
    made = _made_up(catalogue, vocabulary, count, draw)
    yield from made if repeat else never_twice(made, draw)


def judged_requests(catalogue: Catalogue) -> list[SearchRequest]:
    """Give the built-in judged set's queries that the catalogue has a right answer to.

    Raises:
        CatalogueNotIndexed: nothing was loaded yet.
        IndexUnavailable: Redis does not answer.
    """
    judged = judge(read_judged(None), catalogue_drugs(catalogue))
    return [SearchRequest(topic.query) for topic in judged.topics if judged.documents.get(topic.id)]


def read_requests(path: Path) -> list[SearchRequest]:
    """Read queries from a file: one a line; blank lines don't count.

    Raises:
        ConfigurationError: the file can't be read, or has none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} can't be read as UTF-8 text: {error}") from error
    found = [SearchRequest(text) for line in lines if (text := line.strip())]
    if not found:
        raise ConfigurationError(f"{path} has no query: write one a line")
    return found


def never_twice(
    requests: Iterable[SearchRequest], draw: random.Random, count: int | None = None
) -> Iterator[SearchRequest]:
    """Give requests of which none is written like another.

    Answers that were given a moment ago are kept by a service, and take it no work. So of a text
    that comes again the capital letters differ, then the blanks, which matter to nobody but what
    is kept.

    Args:
        requests: what is asked; asked over and over where ``count`` says so.
        draw: decides the letters.
        count: how many to give; None for each request once.
    """
    seen: set[SearchRequest] = set()
    for request in requests if count is None else cycle(list(requests)):
        if len(seen) == count:
            return
        written, tries = request, 0
        while written in seen:
            tries += 1
            text = _in_other_letters(draw, request.q) + " " * (tries // _SPELLINGS)
            written = msgspec.structs.replace(request, q=text)
        seen.add(written)
        yield written


def _in_other_letters(draw: random.Random, text: str) -> str:
    """Write some letters large and others small."""
    return "".join(draw.choice((one.lower(), one.upper())) for one in text)


def _made_up(
    catalogue: Catalogue, vocabulary: Vocabulary, count: int, draw: random.Random
) -> Iterator[SearchRequest]:
    live = catalogue.require_live()
    # Names as of the last run will do, and take a fraction of the time.
    kept = load_lexicon(catalogue, live, None)
    lexicon = kept[0] if kept is not None else gather_lexicon(catalogue, live)
    maker = _Maker(draw, lexicon, vocabulary)
    store = DrugStore(catalogue, live)
    drugs = store.get(next(store.ids(500)))
    codes = [one.ndc for drug in drugs if drug for one in drug.packages]
    makers: dict[str, Callable[[], str]] = {
        "name": maker.name,
        "name and strength": lambda: f"{maker.name()} {maker.strength()}",
        "misspelling": maker.misspelled,
        "name, strength and form": lambda: f"{maker.name()} {maker.strength()} {maker.form()}",
        "class": lambda: draw.choice(maker.classes),
        "use": lambda: draw.choice(maker.uses),
        "beginning of a name": lambda: maker.name()[: draw.randint(3, 6)],
        "NDC": lambda: draw.choice(codes),
        "filtered": maker.name,
    }
    for kind in draw.choices(list(MIX), list(MIX.values()), k=count):
        yield SearchRequest(makers[kind](), route=("oral",) if kind == "filtered" else ())


class _Maker:
    """Draws parts of queries; common names more often."""

    def __init__(self, draw: random.Random, lexicon: Lexicon, vocabulary: Vocabulary) -> None:
        self._draw = draw
        known = [one for one in lexicon.names if not one.text.startswith(("ZZ", "INVENTED"))]
        # A catalogue of nothing but invented drugs is asked for these.
        known = (known or list(lexicon.names))[:_KNOWN]
        self._names = [one.text for one in known]
        self._weights = [one.packages for one in known]
        # A drug may lack a strength or a form; a catalogue of such drugs is asked for names alone.
        self._strengths = sorted(lexicon.strengths, key=lexicon.strengths.__getitem__)[-60:]
        self._forms = sorted(lexicon.forms, key=lexicon.forms.__getitem__)[-12:]
        self.classes = sorted(one.name for one in vocabulary.classes.values())
        self.uses = sorted(one.name for one in vocabulary.indications.values())

    def name(self) -> str:
        return self._draw.choices(self._names, self._weights)[0]

    def strength(self) -> str:
        return self._draw.choice(self._strengths or [""])

    def form(self) -> str:
        return self._draw.choice(self._forms or [""])

    def misspelled(self) -> str:
        """A name in which a letter is missing, doubled, another, or in its neighbour's place."""
        name = self.name()
        place = self._draw.randrange(1, max(len(name) - 1, 2))
        before, after = name[:place], name[place:]
        return self._draw.choice(
            (
                before + after[1:],
                before + after[:1] + after,
                before + self._draw.choice(string.ascii_lowercase) + after[1:],
                before + after[1:2] + after[:1] + after[2:],
            )
        )
