"""The page's card browser: search, audition, samples put on pads."""

from __future__ import annotations

import re

import pytest
from fake_session import FakeSession, tone_folder
from playwright.sync_api import expect
from test_page_playing import calls, pad
from test_panel_pads import SPARE, SX, items, small_card


@pytest.fixture
def page(open_page, panel):
    page = open_page(panel.address)
    page.click(".views [data-view=card]")
    return page


def row(page, name):
    return page.locator(".filelist > li", has_text=name)


def test_folders_open_and_verdicts_show(page):
    page.click("text=▸ A")
    expect(row(page, "01 kick.wav")).to_contain_text("on A1")
    expect(row(page, "01 kick.wav").locator(".verdict")).to_have_text("✓ plays")
    broken = row(page, "05 broken.wav")
    expect(broken.locator(".verdict")).to_have_text("✕ refused")
    expect(broken.locator(".why")).not_to_be_empty()
    expect(broken.locator("button.choose")).to_be_disabled()
    page.click(".crumbs >> text=card")
    expect(page.locator(".filelist > li")).to_have_count(3)


def test_search_finds_below_the_folder(page):
    page.fill("#search", "CLAP")
    expect(page.locator(".filelist > li")).to_have_count(1)
    expect(row(page, "/LIB/spare clap.wav")).to_be_visible()
    page.fill("#search", "no such thing")
    expect(page.locator("#files")).to_contain_text("Nothing found.")


def test_a_file_is_heard_without_the_pads(page, session):
    page.fill("#search", "clap")
    page.get_by_role("button", name="Hear spare clap.wav").click()
    assert calls(session, "audition") == [("audition", "/LIB/spare clap.wav")]


def test_a_sample_is_dragged_to_a_pad_and_taken_back(page, session):
    page.fill("#search", "clap")
    row(page, "clap").drag_to(pad(page, 4))
    expect(page.locator("#announce")).to_have_text("spare clap.wav is on A4 now.")
    expect(pad(page, 4)).to_have_attribute(
        "aria-label", "Pad A4, 04 spare clap, ready, its beginning is in memory"
    )
    page.click("text=Undo (1)")
    expect(pad(page, 4)).to_have_attribute("aria-label", "Pad A4, 04 loop, ready, its beginning is in memory")
    expect(page.locator("#files >> text=Undo")).to_be_disabled()


def test_a_waveform_follows_what_is_put_on_its_pad(open_page, serving, tmp_path):
    small_card(tmp_path, items(SX | {"clap.wav": SPARE}))
    page = open_page(serving(FakeSession(tmp_path / "small.img", writable=True)).address)
    wave = pad(page, 5).locator("svg.wave path")
    expect(wave).to_have_attribute("d", re.compile("M0"))
    before = wave.get_attribute("d")
    page.evaluate("benchpad.connection.ask({ t: 'assign', path: '/clap.wav', bank: 0, pad: 5 })")
    expect(wave).not_to_have_attribute("d", before)
    expect(wave).to_have_attribute("d", re.compile("M0"))
    page.evaluate("benchpad.connection.ask({ t: 'undo' })")
    expect(wave).to_have_attribute("d", before)


def test_a_sample_is_put_on_a_pad_by_keyboard(page, session):
    page.locator("#search").press_sequentially("clap")
    page.locator(".choose").press("Enter")
    pad(page, 1).focus()
    page.keyboard.press("ArrowRight")
    put = page.get_by_role("button", name="Put spare clap.wav on A2")
    put.press("Enter")
    expect(pad(page, 2)).to_have_attribute(
        "aria-label", "Pad A2, 02 spare clap, ready, its beginning is in memory"
    )


def test_a_card_opened_for_reading_says_so(open_page, serving, tmp_path):
    session = FakeSession(tone_folder(tmp_path / "locked"))
    page = open_page(serving(session).address)
    page.click(".views [data-view=card]")
    expect(page.locator("#cardinfo")).to_contain_text("Start with --writable to change them.")
    expect(page.locator("#what")).to_contain_text("read only")
    page.fill("#search", "clap")
    page.locator(".choose").click()
    expect(page.locator(".put button").first).to_be_disabled()
    assert row(page, "clap").get_attribute("draggable") is None
