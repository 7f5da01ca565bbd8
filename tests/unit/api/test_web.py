"""The pages and their files as they are sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from rxindex.api import web
from rxindex.api.web import CONTENT_SECURITY_POLICY, web_router
from rxindex.search import answer
from rxindex.search.request import FILTERS
from rxindex.search.retrieve import TIERS

STATIC = Path(web.__file__).parent / "static"
FILES = sorted(path.name for path in STATIC.iterdir())
PAGES = {"/": "search.html", "/operators": "operators.html"}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(web_router())
    with TestClient(app) as opened:
        yield opened


@pytest.mark.parametrize(("path", "name"), PAGES.items())
def test_pages_are_sent_under_a_strict_policy(client: TestClient, path: str, name: str) -> None:
    answer = client.get(path)
    assert answer.content == (STATIC / name).read_bytes()
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert {"default-src 'self'", "frame-ancestors 'none'"} <= set(
        CONTENT_SECURITY_POLICY.split("; ")
    )


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("search.js", "text/javascript; charset=utf-8"),
        ("pages.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
def test_files_have_the_type_that_browsers_ask_for(
    client: TestClient, name: str, media_type: str
) -> None:
    answer = client.get(f"/static/{name}")
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [*PAGES, "/static/search.js"])
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
def test_what_a_browser_has_is_not_sent_again(client: TestClient, path: str, form: str) -> None:
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": form.format(first.headers["etag"])})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_head_gives_the_headers_alone(client: TestClient) -> None:
    answer = client.head("/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == client.get("/").headers["etag"]


@pytest.mark.parametrize("name", ["none.js", "..%2fpages.py", "%2e%2e/pages.py", "%2e%2e"])
def test_nothing_else_can_be_asked_for(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_pages_are_no_part_of_the_api_document(client: TestClient) -> None:
    assert client.get("/openapi.json").json()["paths"] == {}


@pytest.mark.parametrize("name", FILES)
def test_addresses_are_relative_and_of_this_server(name: str) -> None:
    text = (STATIC / name).read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?:|\b(href|src|action)=\"/|[\"'`]//|url\(", text)


@pytest.mark.parametrize("name", FILES)
def test_no_text_is_ever_made_into_markup(name: str) -> None:
    text = (STATIC / name).read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", text)
    if name.endswith(".html"):
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", text)


@pytest.mark.parametrize("name", sorted(set(FILES) - set(PAGES.values())))
def test_every_file_is_used(name: str) -> None:
    assert any(name in (STATIC / other).read_text() for other in FILES if other != name)


def kinds(part: type, field: str) -> tuple[Any, ...]:
    return get_args(get_type_hints(part)[field])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("words.js", tuple(TIERS)),
        ("state.js", tuple(one.rstrip("_") for one in FILTERS)),
        ("understood.js", get_args(answer.PartKind)),
        ("understood.js", kinds(answer.Correction, "how")),
        ("combobox.js", kinds(answer.Suggestion, "kind")),
        ("hit.js", kinds(answer.Warning, "kind")),
    ],
)
def test_there_are_words_for_all_that_an_answer_may_say(name: str, values: tuple[str, ...]) -> None:
    text = (STATIC / name).read_text()
    missing = [one for one in values if not re.search(rf'[\s"]{one}"?[:,] ', text)]
    assert missing == []
