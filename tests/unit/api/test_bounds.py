"""Bounds of a request, on applications that do nothing but wait, read or write."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from rxindex.api.bounds import LARGEST_BODY, LARGEST_HEADERS, LONGEST_TARGET, Bounds


def scope(path: str = "/search", query: bytes = b"", **headers: str) -> Scope:
    return {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": query,
        "headers": [(name.replace("_", "-").encode(), one.encode())
                    for name, one in headers.items()],
    }  # fmt: skip


async def ask(bounds: Bounds, asked: Scope, parts: Iterable[bytes] = (b"",)) -> tuple[int, bytes]:
    """Send a request in parts that come without a pause; give status and content."""
    *first, last = parts
    messages = [{"type": "http.request", "body": one, "more_body": True} for one in first]
    messages.append({"type": "http.request", "body": last, "more_body": False})
    waiting, sent = iter(messages), list[Message]()

    async def receive() -> Message:
        return next(waiting)

    async def send(message: Message) -> None:
        sent.append(message)

    await bounds(asked, receive, send)
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    return sent[0]["status"], sent[1]["body"]


async def echo(_: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    assert not message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": message["body"]})


def problem(content: bytes) -> Any:
    return json.loads(content)["detail"]


def test_a_body_of_the_largest_size_goes_through_in_whatever_parts() -> None:
    async def check() -> None:
        bounds = Bounds(echo, timeout=5, under_way=1)
        body = b"x" * LARGEST_BODY
        assert await ask(bounds, scope(), [body]) == (200, body)
        assert await ask(bounds, scope(), [body[:10], b"", body[10:]]) == (200, body)

    asyncio.run(check())


def test_a_larger_one_is_refused_as_soon_as_it_is_seen_to_be() -> None:
    async def check() -> None:
        bounds = Bounds(echo, timeout=5, under_way=1)
        status, content = await ask(bounds, scope(), [b"x" * LARGEST_BODY, b"x", b"never read"])
        assert status == 413
        assert "16,384 bytes" in problem(content)
        told = scope(content_length=str(LARGEST_BODY + 1))
        assert (await ask(bounds, told, [b"never read"]))[0] == 413
        assert (await ask(bounds, scope(content_length="nonsense")))[0] == 200

    asyncio.run(check())


def test_long_addresses_and_large_headers_are_refused() -> None:
    async def check() -> None:
        bounds = Bounds(echo, timeout=5, under_way=1)
        assert (await ask(bounds, scope(query=b"x" * LONGEST_TARGET)))[0] == 414
        assert (await ask(bounds, scope("/" + "x" * LONGEST_TARGET)))[0] == 414
        assert (await ask(bounds, scope(cookie="x" * LARGEST_HEADERS)))[0] == 431
        assert (await ask(bounds, scope(query=b"x" * 8000, cookie="x" * 16_000)))[0] == 200

    asyncio.run(check())


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def check() -> None:
        sent = list[Message]()

        async def send(message: Message) -> None:
            sent.append(message)

        await Bounds(echo, timeout=0.01, under_way=1)(scope(), never, send)
        assert sent[0]["status"] == 408

    asyncio.run(check())


def test_work_that_takes_too_long_counts_as_under_way_until_it_ends() -> None:
    async def check() -> None:
        end = asyncio.Event()

        async def slow(_: Scope, receive: Receive, send: Send) -> None:
            await end.wait()
            await echo(_, receive, send)

        bounds = Bounds(slow, timeout=0.01, under_way=2)
        assert [(await ask(bounds, scope()))[0] for _ in range(2)] == [504, 504]
        status, content = await ask(bounds, scope())
        assert (status, problem(content)) == (503, "too many requests are under way; ask again")
        # What comes too late is sent to nobody, and makes room.
        end.set()
        await asyncio.sleep(0.01)
        assert (await ask(bounds, scope()))[0] == 200

    asyncio.run(check())


def test_whether_the_service_is_well_is_answered_whatever_is_under_way() -> None:
    async def check() -> None:
        async def slow(asked: Scope, receive: Receive, send: Send) -> None:
            if asked["path"] == "/search":
                await asyncio.Event().wait()
            await echo(asked, receive, send)

        bounds = Bounds(slow, timeout=0.01, under_way=1)
        assert (await ask(bounds, scope()))[0] == 504
        assert (await ask(bounds, scope()))[0] == 503
        assert (await ask(bounds, scope("/health/live")))[0] == 200
        assert (await ask(bounds, scope("/health/ready")))[0] == 200

    asyncio.run(check())


def test_an_error_of_the_application_is_its_own_still() -> None:
    async def broken(_: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    async def check() -> None:
        try:
            await ask(Bounds(broken, timeout=5, under_way=1), scope())
        except ZeroDivisionError:
            return
        raise AssertionError("the error was lost")

    asyncio.run(check())
