"""The pages before an API that asks for a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.services.http import HttpService

from rxindex.api.app import create_app
from rxindex.api.keys import KeyRing, add_key
from rxindex.api.options import ApiOptions
from rxindex.search.searcher import Searcher

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.lasts(28)]


@pytest.fixture
def guarded(searcher: Searcher, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Where an API is that asks for a key, and a key."""
    keys = tmp_path / "keys.json"
    key = add_key(keys, "ward-3")
    with HttpService(create_app(searcher, ApiOptions(keys=KeyRing(keys)))) as server:
        yield server.url, key


def test_a_key_is_asked_for_once_and_kept_for_the_tab(
    open_page: OpenPage, guarded: tuple[str, str]
) -> None:
    base, key = guarded
    page = open_page("/?q=lipitor", base=base)
    dialog = page.get_by_role("dialog", name="API key")
    field = dialog.get_by_label("Key", exact=True)
    expect(field).to_be_focused()
    field.fill("rx_wrong")
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("The server refused that key")
    field.fill(key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="LIPITOR 20 MG TABLET")).to_be_visible()
    page.goto(f"{base}/operators")
    expect(page.locator(".tile").first).to_be_visible()
    expect(dialog).to_have_count(0)
    assert page.evaluate("JSON.stringify(localStorage)").find(key) == -1


def test_without_a_key_the_page_says_what_it_lacks(
    open_page: OpenPage, guarded: tuple[str, str]
) -> None:
    page = open_page("/?q=lipitor", base=guarded[0])
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("An API key is needed")


def test_typing_does_not_ask_for_a_key(open_page: OpenPage, guarded: tuple[str, str]) -> None:
    page = open_page(base=guarded[0])
    with page.expect_response("**/suggest?*") as answer:
        page.keyboard.type("lipi")
    assert answer.value.status == 401
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("combobox")).to_be_focused()
