"""The Lambda that keeps the index in step with the catalogue, by night and on demand.

The handler is `lambda_handler`. Its event is `rxindex.aws.event.SyncEvent`; its answer is
``{"statusCode": ..., "body": {...}}``:

- 200: done, or as much of it as there was time for (``completed`` says which); drugs that failed
  by themselves are counted in ``failed`` and named in ``failures``;
- 400: the event is wrong;
- 409: another run is at work on the catalogue, or the same event is being carried out already.

Everything else is raised, so that Lambda counts it as an error, tries again and in the end puts
the event into the dead-letter queue: nothing fails unseen.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from rxindex.aws.actions import ACTIONS, Task
from rxindex.aws.connections import Connections
from rxindex.aws.delivery import carried_out_once
from rxindex.aws.event import SyncEvent, read_event
from rxindex.aws.logs import invocation_logged
from rxindex.aws.metrics import MetricsObserver
from rxindex.config import Settings
from rxindex.embed import Embedder
from rxindex.errors import LeaseHeld, QueryError
from rxindex.observe.logs import LogObserver
from rxindex.wiring import open_catalogue

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["lambda_handler"]

#: Actions whose second delivery gets the first one's answer. The others change nothing, or can be
#: done twice: that is how a bulk load repeats a partition that it had no time for.
_ONCE = frozenset({"sync", "reindex"})

_log = logging.getLogger(__name__)


def lambda_handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    """Carry out an event.

    Args:
        event: see `rxindex.aws.event.SyncEvent`, or an event of EventBridge.
        context: of the invocation.

    Raises:
        RxindexError: whatever stops the work as a whole; what was written before is whole, and
            the next invocation goes on from there.
    """
    with invocation_logged(context):
        try:
            asked = read_event(event)
        except QueryError as error:
            _log.error("%s", error)
            return _answer(400, {"error": "BadEvent", "message": str(error), "completed": False})
        try:
            return _answer(200, _carry_out(asked, context))
        except LeaseHeld as error:
            _log.warning("%s", error)
            return _answer(409, {"error": "LeaseHeld", "message": str(error), "completed": False})


@functools.cache
def _connections() -> Connections:
    """Give what is kept while the environment is warm."""
    return Connections()


def _carry_out(event: SyncEvent, context: LambdaContext) -> dict[str, Any]:
    connections = _connections()
    given = connections.given
    with MetricsObserver(given.metrics_namespace) as metrics:

        def work(settings: Settings) -> dict[str, Any]:
            with open_catalogue(
                settings, patient=True, login=connections.redis_login(settings)
            ) as (
                catalogue,
                capabilities,
            ):
                metrics.watch(catalogue)

                def make_embedder(chosen: Settings) -> Embedder:
                    embedder = chosen.make_embedder()
                    metrics.watch(catalogue, embedder)
                    return embedder

                task = Task(
                    event=event,
                    settings=settings,
                    catalogue=catalogue,
                    capabilities=capabilities,
                    context=context,
                    # A dry run would count as a night's success.
                    observers=[LogObserver()] if event.dry_run else [LogObserver(), metrics],
                    embedder=make_embedder,
                    margin=given.stop_margin,
                    most_continuations=given.most_continuations,
                )
                action = ACTIONS[event.action]
                if event.action not in _ONCE:
                    return action(task)
                return carried_out_once(
                    _delivery(event, context), catalogue, context, lambda: action(task)
                )

        return connections.with_fresh(work, catalogue=event.catalogue, batch_size=event.batch_size)


def _delivery(event: SyncEvent, context: LambdaContext) -> str:
    """Name the delivery: the same for each time that one event is delivered.

    Lambda keeps the request's id when it tries again; EventBridge, which may send an event twice,
    keeps the event's.
    """
    if event.continuation is not None:
        return f"{event.continuation.run}/{event.continuation.step}"
    return event.id or context.aws_request_id


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "body": body}
