"""The pages as axe-core judges them: WCAG 2.2 A and AA, and its best practices."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.lasts(27)]


def welcome(page: Page) -> None:
    expect(page.get_by_role("heading", name="Search the drug catalogue")).to_be_visible()


def results(page: Page) -> None:
    page.goto(f"{page.url}?q=hydroxyzine")
    expect(page.get_by_role("article").first).to_be_visible()
    expect(page.get_by_role("group", name="Dosage form")).to_be_visible()
    page.get_by_role("button", name="Packages").first.click()
    expect(page.get_by_role("table").first).to_be_visible()


def correction(page: Page) -> None:
    page.goto(f"{page.url}?q=liptor")
    expect(page.get_by_role("article").first).to_be_visible()


def suggestions(page: Page) -> None:
    page.keyboard.type("hydr")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")


def drawer(page: Page) -> None:
    page.goto(f"{page.url}?q=lipitor")
    page.get_by_role("button", name="Alternatives").first.click()
    expect(page.get_by_role("region", name="Equivalents")).to_be_visible()


def operators(page: Page) -> None:
    page.goto(f"{page.url}operators")
    expect(page.get_by_role("img", name="Duration")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "show",
    [welcome, results, correction, suggestions, drawer, operators],
    ids=lambda one: one.__name__,
)
def test_nothing_keeps_anybody_out(
    open_page: OpenPage, show: Callable[[Page], None], scheme: str
) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    show(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
