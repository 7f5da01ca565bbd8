"""The operators' page in a browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import ROWS, OpenPage

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.lasts(29)]


def test_the_state_of_the_index_is_told(open_page: OpenPage) -> None:
    page = open_page("/operators")
    drugs = len({row["LN60"] for row in ROWS})
    for name, value in (
        ("Service", "ready"), ("Drugs", str(drugs)), ("Last run", "completed"),
        ("At work", "nobody"), ("Quarantine", "empty"),
    ):  # fmt: skip
        expect(page.locator(".tile").filter(has_text=name).first).to_contain_text(value)
    settings = page.get_by_role("region", name="Index settings").get_by_role("table")
    expect(settings).to_contain_text("float")
    expect(settings).to_contain_text("live")


def test_runs_are_told_with_how_they_ended(open_page: OpenPage) -> None:
    page = open_page("/operators")
    rows = page.get_by_role("region", name="Last runs").get_by_role("row")
    expect(rows).to_have_count(5)
    expect(rows.nth(2)).to_contain_text("failed")
    expect(rows.nth(2)).to_contain_text("SourceUnavailable: the database does not answer")


def test_charts_draw_every_run_and_say_what_they_show(open_page: OpenPage) -> None:
    page = open_page("/operators")
    for title in ("Drugs a second", "Duration", "Drugs written and deleted"):
        chart = page.get_by_role("img", name=title)
        expect(chart.locator(".bar-of-run")).to_have_count(4)
    rate = page.get_by_role("img", name="Drugs a second")
    heights = [float(bar.get_attribute("height") or 0) for bar in rate.locator("rect").all()]
    assert heights[2] == pytest.approx(2 * heights[1], rel=0.01)
    assert heights[3] == pytest.approx(3 * heights[1], rel=0.01)
    expect(rate).to_contain_text("4 runs, from 20 to")
    expect(rate).to_contain_text("the newest 60.")
    expect(rate.locator(".sign")).to_have_text(["\N{MULTIPLICATION SIGN}"])


def test_refreshing_can_be_paused(open_page: OpenPage) -> None:
    page = open_page("/operators")
    page.clock.install()
    page.reload()
    expect(page.locator(".tile").first).to_be_visible()
    with page.expect_request("**/status"):
        page.clock.fast_forward("00:31")
    page.get_by_role("button", name="Pause").click()
    asked = []
    page.on("request", lambda one: asked.append(one.url))
    page.clock.fast_forward("05:00")
    assert asked == []
    with page.expect_request("**/status"):
        page.get_by_role("button", name="Read again").click()
