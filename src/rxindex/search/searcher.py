"""The search of a catalogue, from words to hits."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

from rxindex.embed.base import Embedder
from rxindex.errors import EmbedError, QueryError, TransientError
from rxindex.index.catalogue import Catalogue
from rxindex.index.generation import Generation
from rxindex.index.lexicon import Lexicon
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.ndc import ndc_readings
from rxindex.search.alternatives import find_alternatives
from rxindex.search.answer import Alternatives, Answer, FacetValue, Suggestion
from rxindex.search.answering import Answering
from rxindex.search.documents import holders
from rxindex.search.facets import all_values
from rxindex.search.kept import Kept
from rxindex.search.live import Live
from rxindex.search.query_vectors import QueryVectors
from rxindex.search.request import SearchRequest
from rxindex.search.retrieve import retrieve
from rxindex.search.understood import Understood
from rxindex.vocabulary import Vocabulary

__all__ = ["Searcher"]

#: Answers that are kept, of some 10 kB each, and suggestions, of some 2 kB.
_ANSWERS, _SUGGESTIONS = 2000, 8000

_log = logging.getLogger(__name__)


class Searcher:
    """Searches one catalogue. Safe to use from several threads.

    Args:
        catalogue: which.
        embedder: of the live generation; None to search without meaning.
        vocabulary: the same as at indexing.
    """

    def __init__(
        self, catalogue: Catalogue, embedder: Embedder | None, vocabulary: Vocabulary
    ) -> None:
        self.catalogue = catalogue
        self.embedder = embedder
        self.vocabulary = vocabulary
        self._vectors = None if embedder is None else QueryVectors(embedder)
        self._live = Live(catalogue, vocabulary)
        self._answers = Kept[SearchRequest, Answer](_ANSWERS)
        self._suggestions = Kept[tuple[str, int], tuple[Suggestion, ...]](_SUGGESTIONS)

    def search(self, asked: SearchRequest | str, limit: int | None = None) -> Answer:
        """Answer a query.

        An answer is kept as long as the index and what is known of its names stay the same, for
        whoever asks the same again.

        Args:
            asked: what a prescriber typed, alone or with how the answer should be cut.
            limit: how many hits, 1 to `MOST_HITS`; as the request has it if not given.

        Raises:
            QueryError: the query, the limit or a filter is not one.
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        request = asked if isinstance(asked, SearchRequest) else SearchRequest(asked)
        if limit is not None:
            request = msgspec.structs.replace(request, limit=limit)
        request.check()
        known = self._live.known()
        state = (self._live.moment().mark, known)
        answer = self._answers.get(request, state)
        if answer is None:
            understood = known.reader.read(request)
            answer = self._live.ask(
                lambda generation: Answering(
                    self.catalogue, self._vectors, self.vocabulary, known, generation
                ).answer(request, understood)
            )
            if not answer.degraded:
                self._answers.keep(request, state, answer)
        return answer

    def kept(self, request: SearchRequest) -> Answer | None:
        """Give the answer to a request if it is kept and still holds; asks nobody.

        It takes microseconds and is for whoever must not wait, such as an event loop.

        Args:
            request: what a prescriber typed, and how the answer should be cut.

        Returns:
            None where `search` has to be asked.
        """
        state = self._live.now()
        return None if state is None else self._answers.get(request, state)

    def suggest(self, text: str, limit: int = 10) -> tuple[Suggestion, ...]:
        """Complete what is being typed.

        Args:
            text: as far as it was typed.
            limit: how many suggestions, 1 to `MOST_HITS`.

        Raises:
            QueryError: the text or the limit is out of bounds.
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        SearchRequest(text, limit=limit).check()
        known = self._live.known()
        found = known.suggester.suggest(text, limit)
        self._suggestions.keep((text, limit), (self._live.moment().mark, known), found)
        return found

    def kept_suggestions(self, text: str, limit: int) -> tuple[Suggestion, ...] | None:
        """Give suggestions if they are kept and still hold; asks nobody (see `kept`).

        Args:
            text: as far as it was typed.
            limit: how many suggestions.
        """
        state = self._live.now()
        return None if state is None else self._suggestions.get((text, limit), state)

    def alternatives(self, drug_id: str, limit: int = 10) -> Alternatives | None:
        """Find what may stand in place of a drug.

        Args:
            drug_id: of the drug.
            limit: how many hits in each list.

        Returns:
            None if there is no such drug.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        drug = self.drug(drug_id)
        if drug is None:
            return None
        found = self._live.ask(
            lambda generation: find_alternatives(
                self.catalogue, generation, drug, self.vocabulary, limit
            )
        )
        return self._live.known().safety.warned(found)

    def drug(self, drug_id: str) -> Drug | None:
        """Read a drug with its packages.

        Returns:
            None if there is no such drug.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        return self.drugs([drug_id])[0]

    def drugs(self, ids: Sequence[str]) -> list[Drug | None]:
        """Read drugs with their packages, in one round trip.

        Returns:
            In the order of the ids; None where there is no such drug.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        if not ids:
            return []
        return self._live.ask(lambda generation: DrugStore(self.catalogue, generation).get(ids))

    def package(self, ndc: str) -> list[Drug]:
        """Find the drugs that hold a package, by its NDC in any form.

        Returns:
            Whole drugs; more than one where ten digits can be read in several ways.

        Raises:
            QueryError: the text is not an NDC.
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        readings = tuple(dict.fromkeys(one.canonical for one in ndc_readings(ndc)))
        if not readings:
            raise QueryError(
                f"{ndc[:60]!r} is not an NDC: give 10 digits with hyphens (4-4-2, 5-3-2, 5-4-1), "
                "11 or 12 digits, or a GTIN-14"
            )
        asked = Understood(ndc, readings)

        def find(generation: Generation) -> list[Drug]:
            found, _ = retrieve(self.catalogue, generation, asked)
            return holders(self.catalogue, generation, [one.id for one in found], readings)

        return self._live.ask(find)

    def facets(self) -> Mapping[str, tuple[FacetValue, ...]]:
        """Give every value of every filter, over the whole catalogue, the commonest first.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        return all_values(self.lexicon())

    def lexicon(self) -> Lexicon:
        """Give the names and values that the live generation's drugs have.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        return self._live.known().lexicon

    def warm(self) -> None:
        """Do ahead of the first query what it would have to wait for.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        self._live.known().prepare()
        if self.embedder is not None:
            try:
                self.embedder.embed(["aspirin"])
            except (TransientError, EmbedError) as error:
                _log.warning("the model does not answer yet: %s: %s", type(error).__name__, error)
