"""Turns that several processes take from one row in Redis."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.services.gate import Gate
from tests.services.redis import RedisServer

from rxindex.errors import IndexUnavailable
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.index.turns import RedisTurns
from rxindex.sync.shared import SharedLoad


@pytest.fixture
def key(catalogue: Catalogue) -> str:
    return catalogue.key("load", "1", "turns")


def test_turns_follow_each_other_whoever_takes_them(catalogue: Catalogue, key: str) -> None:
    one, other = RedisTurns(catalogue.client, key), RedisTurns(catalogue.client, key)
    waits = [who.take(10.0, 0.0).wait for who in (one, other, other, one)]
    assert waits[0] <= 0
    # The clock goes on between two of them: each waits for a little less.
    assert waits == [pytest.approx(10.0 * place, abs=5) for place in range(4)]
    assert waits == sorted(waits)


def test_turns_that_nobody_took_can_be_made_up_for_but_not_all(
    catalogue: Catalogue, key: str
) -> None:
    turns = RedisTurns(catalogue.client, key)
    # Nobody has taken one for ages: three spacings of them may be taken at once.
    waits = [turns.take(100.0, 300.0).wait for _ in range(5)]
    assert waits == [pytest.approx(100.0 * place - 300.0, abs=50) for place in range(5)]


def test_a_refusal_makes_all_pause_and_slow_down_once_for_a_burst(
    catalogue: Catalogue, key: str
) -> None:
    one, other = RedisTurns(catalogue.client, key), RedisTurns(catalogue.client, key)
    for _ in range(5):
        one.take(10.0, 0.0)
    told = one.refused(60.0, 0.5, 0)
    assert (told.slowed, told.spacing) == (1, 0.5)
    # The other was refused in the same burst, and had not heard.
    again = other.refused(30.0, 0.7, 0)
    assert (again.slowed, again.spacing) == (1, 0.5)
    assert again.wait == pytest.approx(60.0, abs=5)
    turn = other.take(0.5, 0.25)
    assert (turn.slowed, turn.spacing) == (1, 0.5)
    assert turn.wait == pytest.approx(60.0, abs=5)
    # Known to be slowed down, and refused all the same: this is another burst.
    assert other.refused(1.0, 0.7, 1).slowed == 2
    assert one.take(0.5, 0.0).spacing == 0.7


def test_a_row_that_nobody_uses_goes_by_itself(catalogue: Catalogue, key: str) -> None:
    RedisTurns(catalogue.client, key).take(1.0, 0.0)
    assert 0 < catalogue.client.pttl(key) <= 3_600_000


def test_a_redis_that_is_away_is_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        RedisServer(tmp_path_factory.mktemp("away"), search=False) as server,
        Gate(server.port) as gate,
    ):
        client = connect(f"redis://127.0.0.1:{gate.port}", patience=0)
        turns = RedisTurns(client, "rx:t:load:1:turns")
        turns.take(1.0, 0.0)
        server.kill()
        with pytest.raises(IndexUnavailable, match="taking a turn to call the model"):
            turns.take(1.0, 0.0)
        with pytest.raises(IndexUnavailable, match="slowing down calls"):
            turns.refused(1.0, 1.0, 0)
        client.close()


def test_the_documented_rights_are_enough(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    rules = next(line for line in page.splitlines() if line.startswith("ACL SETUSER rxindex"))
    with RedisServer(tmp_path) as server:
        words = rules.removeprefix("ACL SETUSER rxindex ").split()
        server.client().execute_command("ACL", "SETUSER", "rxindex", *words)  # type: ignore[no-untyped-call]
        client = connect(server.url.replace("//", "//rxindex:SECRET@"))
        turns, shared = (
            RedisTurns(client, "rx:t:load:1:turns"),
            SharedLoad(Catalogue(client, "t"), 1),
        )
        assert turns.take(1.0, 0.0).wait <= 0
        assert turns.refused(1.0, 1.0, 0).slowed == 1
        shared.begin()
        assert shared.add("one", 1, {"added": 1}, "01", "no", 10).tally.failed == 1
        shared.ask_to_stop("enough")
        assert (shared.counts()["added"], shared.stop_reason()) == (1, "enough")
        shared.forget()
        client.close()
