from __future__ import annotations

from typing import Any

import pytest

from rxindex.aws.actions import Task
from rxindex.aws.event import SyncEvent
from rxindex.config import Settings, load_settings


def task(margin: float, **event: Any) -> Task:
    nothing: Any = None
    return Task(
        event=SyncEvent(**event),
        settings=load_settings(),
        catalogue=nothing,
        capabilities=nothing,
        context=nothing,
        observers=[],
        embedder=lambda settings: settings.make_embedder(),
        margin=margin,
        most_continuations=40,
    )


def titan(quota: int | None, **more: Any) -> Settings:
    return load_settings(embedder="titan", titan_requests_per_minute=quota, **more)


@pytest.mark.parametrize(
    ("quota", "margin", "size"),
    [(2000, 30, 500), (2000, 5, 83), (200, 30, 50), (2, 30, 1), (1, 1, 1), (None, 30, 500)],
)
def test_a_batch_can_be_done_while_there_is_time_to_stop(
    quota: int | None, margin: float, size: int
) -> None:
    assert task(margin).paced(titan(quota)).batch_size == size


def test_the_size_that_the_event_asks_for_holds() -> None:
    settings = titan(200, batch_size=400)
    assert task(30, batch_size=400).paced(settings).batch_size == 400


def test_a_local_model_has_no_quota() -> None:
    settings = load_settings(embedder="fake", titan_requests_per_minute=60)
    assert task(30).paced(settings) is settings
