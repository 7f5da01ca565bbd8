"""What the sync Lambda is asked to do, read strictly: a wrong event gets a clear answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from rxindex.errors import QueryError
from rxindex.source.base import Partition
from rxindex.sync.load import Load

__all__ = ["Action", "Continuation", "SyncEvent", "read_event"]

Action = Literal["sync", "reindex", "verify", "status", "begin_load", "load", "end_load"]

#: Characters at either end of a long message.
_SHOWN = 150

_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
_Batch = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
#: The answer of ``begin_load`` names them all, and Step Functions passes on at most 256 KiB.
_Parts = Annotated[int, msgspec.Meta(ge=1, le=1_000)]
_Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
_Text = Annotated[str, msgspec.Meta(max_length=4_096)]
_Identity = Annotated[str, msgspec.Meta(max_length=256)]


class Continuation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which invocation of a chain this is; written by the function itself.

    Attributes:
        run: the chain, the same for all its invocations.
        step: 1 for the first invocation that the function itself asked for.
        cursor: where the one before had come to.
    """

    run: _Identity
    step: _Count
    cursor: _Text = ""


class SyncEvent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"continues": "continue"},
):
    """An event. Every field may be left out; null counts as left out.

    Attributes:
        action: what to do.
        catalogue: its name in Redis, if not that of the settings.
        batch_size: drugs in one round trip to Redis.
        max_drugs: stop after about so many; the caller asks for the next ones.
        cursor: begin behind this place: the ``next_cursor`` of an answer.
        offset: begin behind so many drugs.
        full: look at every drug, also where the source's rows are as they were.
        dry_run: plan and count; write nothing and embed nothing.
        allow_deletes: delete however many drugs the source does not have any more.
        sample: with ``verify``: compare so many drugs, drawn at random.
        repair: with ``verify``: mend what differs.
        continues: go on in another invocation when the time is nearly over.
        id: of the delivery; the same event delivered twice is carried out once.
        continuation: see there.
        parts: with ``begin_load``: about how many partitions.
        workers: with ``begin_load``: how many work at the same time.
        load: with ``load`` and ``end_load``: what ``begin_load`` gave.
        partition: with ``load``: one of those that ``begin_load`` gave.
    """

    action: Action = "sync"
    catalogue: _Name | None = None
    batch_size: _Batch | None = None
    max_drugs: _Count | None = None
    cursor: _Text | None = None
    offset: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] | None = None
    full: bool | None = None
    dry_run: bool | None = None
    allow_deletes: bool | None = None
    sample: _Count | None = None
    repair: bool | None = None
    continues: bool | None = None
    id: _Identity | None = None
    continuation: Continuation | None = None
    parts: _Parts | None = None
    workers: _Parts | None = None
    load: Load | None = None
    partition: Partition | None = None

    @property
    def may_continue(self) -> bool:
        """Whether the function may ask for itself again.

        Not if the caller wants the next drugs asked for, or begins in the middle: there is no
        checkpoint to go on from then.
        """
        asked = self.max_drugs or self.cursor or self.offset or self.dry_run
        return self.continues is not False and not asked


def read_event(event: Any) -> SyncEvent:
    """Read an event: ours, or one of EventBridge's, whose ``detail`` is ours.

    Raises:
        QueryError: it is neither; the message says which field is wrong, and how.
    """
    if not isinstance(event, Mapping):
        raise QueryError(f"the event is a {type(event).__name__}, not an object")
    if "detail-type" in event:
        detail = event.get("detail") or {}
        if not isinstance(detail, Mapping):
            raise QueryError("the event's detail is not an object")
        event = {"id": event.get("id")} | dict(detail)
    try:
        read = msgspec.convert(dict(event), SyncEvent)
    except msgspec.ValidationError as error:
        raise QueryError(f"the event is wrong: {_short(str(error))}") from None
    _check(read)
    return read


def _short(message: str) -> str:
    """Cut a message that quotes what it was given, whatever the size of that."""
    if len(message) <= 2 * _SHOWN:
        return message
    return f"{message[:_SHOWN]} ... {message[-_SHOWN:]}"


def _check(event: SyncEvent) -> None:
    """Refuse fields that contradict each other or the action.

    Raises:
        QueryError: says which.
    """
    if event.cursor and event.offset:
        raise QueryError("the event is wrong: give cursor or offset, not both")
    if event.action == "load" and (event.load is None or event.partition is None):
        raise QueryError(
            "the event is wrong: load needs load and partition, as begin_load gave them"
        )
    if event.action == "end_load" and event.load is None:
        raise QueryError("the event is wrong: end_load needs load, as begin_load gave it")
    only = {
        "verify": ("sample", "repair"),
        "begin_load": ("parts", "workers"),
        "sync": ("max_drugs", "cursor", "offset", "full"),
    }
    for action, fields in only.items():
        for field in fields:
            if event.action != action and getattr(event, field):
                raise QueryError(f"the event is wrong: {field} goes with {action} only")
