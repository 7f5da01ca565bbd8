"""What searches go to at the moment: the live generation, and the names that its drugs have."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

import msgspec

from rxindex.errors import RxindexError, TerminalError
from rxindex.index.catalogue import Catalogue
from rxindex.index.generation import Generation
from rxindex.index.lexicon import gather_lexicon, load_lexicon
from rxindex.search.known import Known
from rxindex.vocabulary import Vocabulary

__all__ = ["Live", "Moment"]

#: Seconds for which an answer to "what is live?" is good. A generation that was dropped meanwhile
#: is noticed anyhow: its index is gone.
_FRESH = 1.0
#: Seconds for which it will do while somebody else is asking.
_STALE = 5.0
#: After a change names are gathered anew at the earliest when this many times as long as the
#: gathering takes has gone by: it may take a twentieth of the time.
_PAUSE = 20
#: How often a question is asked again because another generation took over meanwhile.
_ATTEMPTS = 3

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Moment(msgspec.Struct, frozen=True):
    """What was live at some moment.

    Attributes:
        generation: the live one.
        mark: changes with every change of its documents.
        asked: when, in seconds of a clock that only goes forward.
    """

    generation: Generation
    mark: tuple[int, ...]
    asked: float


class Live:
    """The live generation of a catalogue and what is known of its names, kept fresh.

    Safe to use from several threads.

    Args:
        catalogue: whose.
        vocabulary: the same as at indexing.
    """

    def __init__(self, catalogue: Catalogue, vocabulary: Vocabulary) -> None:
        self._catalogue = catalogue
        self._vocabulary = vocabulary
        self._asking = threading.Lock()
        self._moment: Moment | None = None
        self._gathering = threading.Lock()
        self._known: Known | None = None
        self._gathered_at: tuple[str, tuple[int, ...]] | None = None
        self._gathered = 0.0
        self._took = 0.0

    def ask(self, ask: Callable[[Generation], T]) -> T:
        """Ask the live generation; again if another took its place before it had answered.

        The generation that was live when the question came is asked by its own name: behind
        the alias there may be vectors of another size by now.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        for left in reversed(range(_ATTEMPTS)):
            generation = self.moment().generation
            try:
                return ask(generation)
            except TerminalError:
                self._moment = None
                if not left or self._catalogue.live() == generation.name:
                    raise
        raise AssertionError("the last attempt returns or raises")

    def moment(self) -> Moment:
        """Give what is live, as of a second ago at most.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        known = self._moment
        if known is not None and time.monotonic() - known.asked < _FRESH:
            return known
        # While one thread asks, the others take what was known a moment ago, if it was.
        recent = known is not None and time.monotonic() - known.asked < _STALE
        if not self._asking.acquire(blocking=not recent) and known is not None:
            return known
        try:
            if self._moment is None or self._moment is known:
                self._moment = self._ask_server(known)
            return self._moment
        finally:
            self._asking.release()

    def known(self) -> Known:
        """Give what is known of the live generation's names.

        The first call gathers them. Later ones give what there is at once; where the index has
        changed since, it is gathered anew in the background.

        Raises:
            CatalogueNotIndexed: nothing was loaded yet.
            IndexUnavailable: Redis does not answer.
        """
        if self._known is None:
            with self._gathering:
                return self._known or self._gather()
        known = self._known
        moment = self.moment()
        changed = self._gathered_at != (moment.generation.name, moment.mark)
        due = time.monotonic() - self._gathered >= _PAUSE * self._took
        if changed and due and self._gathering.acquire(blocking=False):
            threading.Thread(target=self._gather_again, name="rxindex-names", daemon=True).start()
        return known

    def now(self) -> tuple[tuple[int, ...], Known] | None:
        """Give the mark of the live generation and what is known of it; asks nobody.

        Returns:
            None where it is not known, or where that was found out more than a second ago.
        """
        moment, known = self._moment, self._known
        if moment is None or known is None or time.monotonic() - moment.asked >= _FRESH:
            return None
        return moment.mark, known

    def _ask_server(self, known: Moment | None) -> Moment:
        now = time.monotonic()
        seen = self._catalogue.watch()
        if seen is None:
            return Moment(self._catalogue.require_live(), (), now)
        name, mark = seen
        if known is not None and known.generation.name == name:
            return Moment(known.generation, mark, now)
        return Moment(self._catalogue.read_generation(name), mark, now)

    def _gather_again(self) -> None:
        try:
            self._gather()
        except RxindexError as error:
            # The names of a moment ago will do; the pause goes by before the next try.
            self._gathered = time.monotonic()
            _log.warning("the names could not be gathered: %s: %s", type(error).__name__, error)
        finally:
            self._gathering.release()

    def _gather(self) -> Known:
        began = time.monotonic()
        first = self._known is None
        # The mark first: what changes while gathering is gathered again later on.
        self._moment = moment = self._ask_server(self._moment)
        # At first any will do: what it lacks is gathered in the background.
        holds = None if first else moment.mark
        kept = self.ask(lambda one: load_lexicon(self._catalogue, one, holds))
        if kept is not None:
            lexicon, mark = kept
        else:
            lexicon = self.ask(lambda one: gather_lexicon(self._catalogue, one))
            mark = moment.mark
        known = Known(lexicon, self._vocabulary)
        if not first:
            known.prepare()  # In the background: nobody waits for it.
        self._known, self._gathered_at = known, (lexicon.generation, mark)
        self._gathered = time.monotonic()
        self._took = self._gathered - began
        return known
