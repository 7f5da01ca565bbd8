"""How a run that is longer than a Lambda may live goes on: the function asks for itself again.

Lambda's own detection of recursive loops stops a chain after about 16 invocations, so the function
is deployed with it off (``RecursiveLoop: Allow``). The guard here is stricter: a chain has an end,
and a link that got nothing done has no successor.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from rxindex.aws.event import Continuation, SyncEvent
from rxindex.errors import EmbedderUnavailable, TerminalError
from rxindex.sync.report import SyncReport

__all__ = ["next_link", "send"]


def next_link(
    event: SyncEvent, report: SyncReport, run: str, most: int
) -> Mapping[str, Any] | None:
    """Give the event that goes on with a run, or None if there is nothing to go on with.

    Args:
        event: that was carried out.
        report: what came of it.
        run: names the chain, if this was its first invocation.
        most: links that a chain may have.

    Raises:
        TerminalError: the chain is too long, or its last link got nothing done; what was written
            is kept, and the next night goes on with it.
    """
    if report.completed or not event.may_continue:
        return None
    if not report.deferred and not (report.stopped and report.next_cursor):
        return None  # something was held back for a person to decide
    step = event.continuation.step + 1 if event.continuation else 1
    if step > most:
        raise TerminalError(
            f"the run went on {most} times and is not done ({report.next_cursor or 'at the end'}): "
            "give it more time, a larger quota of the model, or a bulk load; what was written is "
            "kept. RXINDEX_MOST_CONTINUATIONS is how often it may go on"
        )
    if event.continuation and not _got_on(event.continuation, report):
        raise TerminalError(
            f"the run got nothing done in its last {report.duration:.0f} seconds, so it does not "
            f"go on: it stands at {report.next_cursor or 'the end'}. {report.stopped}"
        )
    if report.deferred and not report.embedding_calls:
        raise EmbedderUnavailable(
            f"{report.deferred:,} drugs wait for their vector and the model took not one text: "
            "look at its quota"
        )
    chain = event.continuation.run if event.continuation else run
    link = Continuation(chain, step, report.next_cursor)
    kept = {
        "action": event.action if event.action == "reindex" else "sync",
        "catalogue": event.catalogue,
        "batch_size": event.batch_size,
        "full": event.full,
        "allow_deletes": event.allow_deletes,
        "continuation": msgspec.to_builtins(link),
    }
    return {name: value for name, value in kept.items() if value is not None}


def send(link: Mapping[str, Any], function: str) -> None:
    """Ask for an invocation of the function, without waiting for it.

    Args:
        link: the event.
        function: its name or ARN, with the alias if it has one.

    Raises:
        TerminalError: Lambda refused it; says what to grant.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        boto3.client("lambda").invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(link).encode()
        )
    except (BotoCoreError, ClientError) as error:
        raise TerminalError(
            f"the run has to go on, but the function could not ask for itself again: {error}. Its "
            "role needs lambda:InvokeFunction on itself; the next night goes on where it stopped"
        ) from error


def _got_on(before: Continuation, report: SyncReport) -> bool:
    written = report.added + report.updated + report.metadata_only + report.deleted
    return report.next_cursor != before.cursor or written > 0
