"""The search page in a browser, mostly by its keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import HOSTILE, OpenPage

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.lasts(30)]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


def box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Drug, class, use")


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def hit(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name, exact=True)


def active(page: Page) -> Locator:
    return page.locator(f"#{box(page).get_attribute('aria-activedescendant')}")


def test_a_drug_is_found_by_the_keyboard_alone(open_page: OpenPage) -> None:
    page = open_page()
    expect(box(page)).to_be_focused()
    page.keyboard.type("ator")
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_role("status")).to_contain_text("suggestion")
    page.keyboard.press("ArrowDown")
    expect(options(page).first).to_have_attribute("aria-selected", "true")
    expect(active(page)).to_contain_text("atorvastatin", ignore_case=True)
    page.keyboard.press("Enter")
    expect(options(page)).to_have_count(0)
    expect(page.get_by_role("article").first).to_contain_text("atorvastatin", ignore_case=True)
    expect(page).to_have_url(re.compile(r"\?q=atorvastatin", re.IGNORECASE))
    expect(page.get_by_role("status").first).to_contain_text("found")


def test_the_arrow_keys_home_and_end_move_through_the_suggestions(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.type("hydr")
    expect(options(page).nth(1)).to_be_visible()
    last = options(page).count() - 1
    for key, place in (
        ("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("End", last), ("Home", 0),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(options(page).nth(place)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(0)
    assert box(page).get_attribute("aria-activedescendant") is None


def test_escape_closes_the_suggestions_and_then_empties_the_box(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.type("hydr")
    expect(options(page).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    expect(box(page)).to_have_value("hydr")
    page.keyboard.press("ArrowDown")
    expect(options(page).first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(box(page)).to_have_value("")


def test_a_suggestion_can_be_clicked(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.type("hydrox")
    options(page).first.click()
    expect(hit(page, "hydrOXYzine 25 MG TABLET")).to_be_visible()


def test_suggestions_that_come_after_the_search_stay_away(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.type("lipitor")
    page.keyboard.press("Enter")
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect(box(page)).to_have_attribute("aria-expanded", "false")


def test_a_slash_leads_to_the_box(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor")
    hit(page, "LIPITOR 20 MG TABLET").get_by_role("button", name="Packages").focus()
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    expect(box(page)).to_have_value("lipitor")


def test_a_drug_is_shown_with_all_that_tells_it_from_others(open_page: OpenPage) -> None:
    page = open_page("/?q=oxycodone")
    found = hit(page, "oxyCODONE 5 MG TABLET")
    for text in ("DEA CII", "Generic", "5 mg", "1 package"):
        expect(found).to_contain_text(text, ignore_case=True)
    expect(found.locator("mark").first).to_have_text("oxyCODONE")
    found.get_by_text("Found by").click()
    expect(found.get_by_text(re.compile(r"score 0\.\d\d|score 1\.00"))).to_be_visible()


def test_a_correction_is_shown_and_can_be_refused(open_page: OpenPage) -> None:
    page = open_page("/?q=liptor")
    expect(
        page.get_by_text(re.compile("Showing lipitor for .liptor.", re.IGNORECASE))
    ).to_be_visible()
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_contain_text("Not as typed")
    page.get_by_role("link", name=re.compile("Search for .liptor. instead")).click()
    expect(page.get_by_text("Taken exactly as typed")).to_be_visible()
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_have_count(0)
    assert "exact=true" in page.url
    page.get_by_role("link", name="Allow corrections").click()
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_be_visible()


def test_how_the_words_were_read_is_shown(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor+20+mg")
    parts = page.get_by_role("list", name="How the words were read")
    expect(parts).to_contain_text("brand")
    expect(parts).to_contain_text("strength")


def test_a_look_alike_is_warned_of_in_words(open_page: OpenPage) -> None:
    page = open_page("/?q=hydroxyzine")
    warning = hit(page, "hydrOXYzine 25 MG TABLET").locator(".warning")
    expect(warning).to_contain_text("Look-alike:")
    expect(warning).to_contain_text("hydrALAZINE")
    expect(warning.locator("svg")).to_be_visible()


def test_an_obsolete_drug_says_so(open_page: OpenPage) -> None:
    page = open_page("/?q=metformin")
    expect(page.get_by_role("article").first).to_contain_text("Obsolete")
    page.get_by_label("Leave out obsolete drugs").check()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(page).to_have_url(re.compile("active=true"))


def test_values_of_a_facet_narrow_the_answer_and_can_be_joined(open_page: OpenPage) -> None:
    page = open_page("/?q=atorvastatin")
    form = page.get_by_role("group", name="Dosage form")
    total = page.locator("#total")
    everything = total.inner_text()
    form.get_by_label("tablet", exact=True).check()
    expect(total).not_to_have_text(everything)
    assert "form=tablet" in page.url
    expect(form.get_by_label("tablet", exact=True)).to_be_focused()
    form.get_by_label("capsule", exact=True).check()
    expect(total).to_have_text(everything)
    page.get_by_role("button", name="Remove all filters").click()
    expect(form.get_by_label("tablet", exact=True)).not_to_be_checked()
    assert "form=" not in page.url


def test_packages_are_read_when_they_are_asked_for(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor")
    button = hit(page, "LIPITOR 20 MG TABLET").get_by_role("button", name="Packages")
    expect(page.get_by_role("table")).to_have_count(0)
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    row = page.get_by_role("row", name="00071-0155-23")
    for text in ("ACME PHARMA", "100", "active"):
        expect(row).to_contain_text(text)
    button.click()
    expect(page.get_by_role("table")).to_have_count(0)


def test_more_is_shown_when_it_is_asked_for(open_page: OpenPage) -> None:
    page = open_page("/?q=atorvastatin")
    expect(page.get_by_role("article")).to_have_count(20)
    page.get_by_role("button", name="Show more").click()
    expect(page.get_by_role("article")).not_to_have_count(20)
    names = page.get_by_role("article").locator("h3")
    expect(names.nth(20)).to_be_focused()
    assert len(set(names.all_inner_texts())) == names.count()


def test_a_group_opens_to_the_other_drugs_of_its_ingredients(open_page: OpenPage) -> None:
    page = open_page("/?q=statin")
    page.get_by_label("Group by ingredient").check()
    group = page.get_by_role("button", name=re.compile("more of atorvastatin"))
    group.click()
    inner = page.locator(".panel:not([hidden])").get_by_role("article")
    expect(inner.first).to_contain_text(re.compile("ATORVASTATIN|LIPITOR"))
    assert inner.count() == int(group.inner_text().split()[0])


def test_alternatives_keep_the_focus_and_give_it_back(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor")
    button = hit(page, "LIPITOR 20 MG TABLET").get_by_role("button", name="Alternatives")
    button.focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("dialog", name="Alternatives to LIPITOR 20 MG TABLET")
    equivalents = drawer.get_by_role("region", name="Equivalents")
    expect(equivalents.get_by_role("link", name="ATORVASTATIN 20 MG TABLET")).to_be_visible()
    outside = (
        "document.activeElement !== document.body && !document.activeElement.closest('dialog')"
    )
    for _ in range(30):
        page.keyboard.press("Tab")
        assert not page.evaluate(outside)
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    expect(button).to_be_focused()


def test_an_alternative_leads_to_its_own_search(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor")
    hit(page, "LIPITOR 20 MG TABLET").get_by_role("button", name="Alternatives").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("link", name="ATORVASTATIN 20 MG TABLET").click()
    expect(drawer).to_have_count(0)
    expect(box(page)).to_have_value("ATORVASTATIN 20 MG TABLET")
    expect(hit(page, "ATORVASTATIN 20 MG TABLET")).to_be_visible()


def test_the_back_button_brings_the_last_search_back(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor")
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_be_visible()
    box(page).fill("oxycodone")
    page.keyboard.press("Enter")
    expect(hit(page, "oxyCODONE 5 MG TABLET")).to_be_visible()
    page.go_back()
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_be_visible()
    expect(box(page)).to_have_value("lipitor")
    page.go_forward()
    expect(hit(page, "oxyCODONE 5 MG TABLET")).to_be_visible()


def test_the_dark_mode_that_was_chosen_stays(open_page: OpenPage) -> None:
    page = open_page(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    toggle = page.get_by_role("button", name="Dark mode")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(ground) != light
    page.get_by_role("link", name="Operators").click()
    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate(ground) != light


def test_the_system_decides_between_light_and_dark_until_somebody_does(
    open_page: OpenPage,
) -> None:
    page = open_page(color_scheme="dark")
    expect(page.get_by_role("button", name="Dark mode")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("path", ["/", "/?q=atorvastatin", "/operators"])
def test_a_phone_scrolls_up_and_down_only(open_page: OpenPage, path: str) -> None:
    page = open_page(path, **PHONE)
    page.wait_for_load_state("networkidle")
    for name in ("Packages", "Alternatives"):
        button = page.get_by_role("button", name=name).first
        if button.count():
            button.click()
            page.wait_for_load_state("networkidle")
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) == 0


def test_the_filters_are_folded_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor", **PHONE)
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_be_visible()
    expect(page.get_by_label("Leave out obsolete drugs")).to_be_hidden()
    page.get_by_role("heading", name="Filters").click()
    expect(page.get_by_label("Leave out obsolete drugs")).to_be_visible()


def test_markup_in_a_name_is_text(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.type("zedox")
    expect(options(page).first).to_contain_text("zedox <img", ignore_case=True)
    page.keyboard.press("Enter")
    found = page.get_by_role("article").first
    expect(found.get_by_role("heading")).to_have_text(HOSTILE)
    found.get_by_role("button", name="Alternatives").click()
    expect(page.get_by_role("dialog").get_by_role("heading").first).to_contain_text("<img")
    expect(page).to_have_title("zedox \N{EN DASH} rxindex")
    assert page.locator("main img, dialog img").count() == 0


def test_a_refused_query_says_why_and_hides_what_was_found_before(open_page: OpenPage) -> None:
    page = open_page("/?q=lipitor")
    expect(hit(page, "LIPITOR 20 MG TABLET")).to_be_visible()
    page.evaluate("history.pushState(null, '', '?q=' + 'x'.repeat(301))")
    # Not `history.back`, which has not arrived yet when it returns.
    page.go_back()
    page.go_forward()
    expect(page.get_by_role("alert")).to_contain_text("This can't be searched for")
    expect(page.get_by_role("alert")).to_contain_text("300")
    expect(page.get_by_role("article")).to_have_count(0)
