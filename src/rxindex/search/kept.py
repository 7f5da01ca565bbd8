"""The answers of a moment ago: prescribers ask the same few hundred things all day."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

__all__ = ["Kept"]

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


class Kept(Generic[Question, Answer]):
    """Keeps answers as long as what they were made from stays the same.

    Safe to use from several threads.

    Args:
        most: how many are kept; those that were asked for longest ago go first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._answers: OrderedDict[Question, Answer] = OrderedDict()
        self._state: Any = None

    def get(self, question: Question, state: Any) -> Answer | None:
        """Give the answer to a question; None if it is not kept or the state is another one."""
        with self._lock:
            if state != self._state:
                return None
            answer = self._answers.get(question)
            if answer is not None:
                self._answers.move_to_end(question)
            return answer

    def keep(self, question: Question, state: Any, answer: Answer) -> None:
        """Keep an answer; those that were made from another state are forgotten."""
        with self._lock:
            if state != self._state:
                self._answers.clear()
                self._state = state
            self._answers[question] = answer
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)
