"""How many failures a run may have before it is taken for a run that is going wrong."""

from __future__ import annotations

from collections import deque

import msgspec

from rxindex.errors import ErrorBudgetSpent

__all__ = ["ErrorBudget", "Limits"]


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may fail at; any one of these stops it.

    Attributes:
        total: failures in the whole run.
        in_a_row: failures without a success between them.
        share: of the last ``window`` attempts, once there were as many.
        window: attempts.
    """

    total: int = 1_000
    in_a_row: int = 50
    share: float = 0.2
    window: int = 200


class ErrorBudget:
    """Counts attempts and stops the run when too many fail.

    An attempt is a drug that had to be written. Drugs of which the same text was refused count
    once, as do all rows of a drug. Being throttled is no failure, nor is a drug left alone that
    waits in quarantine.

    Args:
        limits: what is too many.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._failed = 0
        self._in_a_row = 0
        self._recent: deque[bool] = deque(maxlen=limits.window)
        self._last = ""

    def succeeded(self) -> None:
        """Count a drug that was written."""
        self._in_a_row = 0
        self._recent.append(False)

    def failed(self, reason: str) -> None:
        """Count a drug that was not; does not raise (see `check`)."""
        self._failed += 1
        self._in_a_row += 1
        self._recent.append(True)
        self._last = reason

    def check(self) -> None:
        """Stop the run if too many failed.

        Raises:
            ErrorBudgetSpent: the message says by which limit, and the last reason.
        """
        limits, recent = self._limits, self._recent
        if self._failed > limits.total:
            self._stop(f"{self._failed:,} drugs failed, more than the {limits.total:,} allowed")
        if self._in_a_row >= limits.in_a_row:
            self._stop(f"{self._in_a_row:,} drugs in a row failed")
        if len(recent) == limits.window and sum(recent) > limits.share * limits.window:
            self._stop(f"{sum(recent):,} of the last {limits.window:,} drugs failed")

    def _stop(self, what: str) -> None:
        raise ErrorBudgetSpent(
            f"{what}, so the run was stopped; the last: {self._last}. What was written is whole, "
            "and failed drugs are in quarantine (rxindex quarantine list). Mend the cause and run "
            "again, or raise the limit"
        )
