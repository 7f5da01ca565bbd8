"""How many failures a run may have before it is taken for a run that is going wrong."""

from __future__ import annotations

from collections import deque

import msgspec

from rxindex.errors import ErrorBudgetSpent

__all__ = ["ErrorBudget", "Limits", "Tally", "judge"]


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


class Tally(msgspec.Struct, frozen=True):
    """What a run's attempts came to.

    Attributes:
        failed: of all.
        in_a_row: that failed since the last one that did not.
        recent: attempts that are looked at, at most `Limits.window`.
        recent_failed: of these.
        last: why the last one failed.
    """

    failed: int
    in_a_row: int
    recent: int
    recent_failed: int
    last: str


def judge(limits: Limits, tally: Tally) -> None:
    """Stop a run if too many failed.

    Raises:
        ErrorBudgetSpent: the message says by which limit, and the last reason.
    """
    if tally.failed > limits.total:
        _stop(f"{tally.failed:,} drugs failed, more than the {limits.total:,} allowed", tally)
    if tally.in_a_row >= limits.in_a_row:
        _stop(f"{tally.in_a_row:,} drugs in a row failed", tally)
    if tally.recent == limits.window and tally.recent_failed > limits.share * limits.window:
        _stop(f"{tally.recent_failed:,} of the last {limits.window:,} drugs failed", tally)


def _stop(what: str, tally: Tally) -> None:
    raise ErrorBudgetSpent(
        f"{what}, so the run was stopped; the last: {tally.last}. What was written is whole, and "
        "failed drugs are in quarantine (rxindex quarantine list). Mend the cause and run again, "
        "or raise the limit"
    )


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
        recent = self._recent
        judge(
            self._limits,
            Tally(self._failed, self._in_a_row, len(recent), sum(recent), self._last),
        )
