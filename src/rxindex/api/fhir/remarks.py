"""What a prescriber has to know about an answer, for the places that FHIR has for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rxindex.search.answer import Answer

__all__ = ["Remark", "answer_remarks", "drugs_counted"]

Remark = Literal["correction", "note", "proposal"]

#: So many drugs are sure to be counted, since each way to match gives so many.
_COUNTED = 300
#: And so many of those that pass filters.
_COUNTED_BY_FILTER = 1000


def drugs_counted(answer: Answer) -> int | None:
    """Give how many drugs matched; None where there may be more than were counted."""
    most = _COUNTED if answer.query else _COUNTED_BY_FILTER
    return answer.total if answer.total < most else None


def answer_remarks(answer: Answer) -> Iterator[tuple[Remark, str]]:
    """Say what was corrected, noted and proposed.

    Yields:
        What it is, and a sentence.
    """
    corrections = answer.understood.corrections
    for one in corrections:
        yield "correction", f"{one.typed!r} was taken for {one.taken!r} ({one.how})"
    if answer.corrected and not corrections:
        yield "correction", f"{answer.query!r} was taken for {answer.corrected!r}"
    for note in answer.notes:
        yield "note", note
    if answer.understood.did_you_mean:
        yield "proposal", f"did you mean {', '.join(answer.understood.did_you_mean)}?"
