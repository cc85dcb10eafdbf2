"""The page's bench: faults and alerts, settings, stress, sound, and a server that goes away."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from test_page_playing import calls, pad


@pytest.fixture
def page(open_page, panel):
    return open_page(panel.address)


def test_the_card_is_pulled_and_put_back(page, session):
    page.keyboard.down("Digit4")
    calls(session, "press")
    page.click("text=Pull the card")
    alert = page.locator("[role=alert]")
    expect(alert).to_contain_text("Streaming cannot keep up: card gone")
    expect(alert).to_contain_text("put the card back, or play from the mirror card")
    expect(page.locator("#display")).to_contain_text("! streaming cannot keep up")
    expect(page.locator("#tiles")).to_contain_text("pulled")
    expect(page.locator(".log")).to_contain_text("A4: read error")
    expect(page.locator("#timeline")).to_contain_text("1 underrun,")
    expect(page.locator("text=Pull the card")).to_be_disabled()
    page.click("text=Put it back")
    expect(alert).to_be_empty()
    expect(page.locator("text=Pull the card")).to_be_enabled()
    assert [one[1] for one in calls(session, "fault", 2)] == ["pull", "insert"]


def test_spikes_and_errors_have_their_measure(page, session):
    page.select_option("[aria-label='Length of the spike']", "500")
    page.click("text=Spike")
    page.select_option("[aria-label='Number of read errors']", "10")
    page.click("text=Read error")
    assert calls(session, "fault", 2) == [
        ("fault", "spike", 500.0, None, 1),
        ("fault", "error", 200.0, None, 10),
    ]


def test_ram_and_card_are_chosen(page, session):
    page.select_option("#preset", "class4")
    assert calls(session, "setting") == [("setting", None, "class4")]
    expect(page.locator("#preset")).to_have_value("class4")
    page.locator("#ram").focus()
    page.keyboard.press("ArrowLeft")
    assert calls(session, "setting", 2)[1] == ("setting", round(16 * 1024 * 2**-0.25 / 4) * 4096, None)
    expect(page.locator("#settings output[for=ram]")).to_have_text("13.5 MB")
    page.select_option("#preset", "as started")
    assert calls(session, "setting", 3)[2] == ("setting", None, "as started")
    expect(page.locator("#preset")).to_have_value("as started")


def test_a_card_has_its_latency_and_speed(page, session):
    page.locator("#latency").press("ArrowRight")
    figures = {"latency_ms": 1.5, "mb_per_s": 10.0}
    assert calls(session, "setting") == [("setting", None, figures)]
    expect(page.locator("output[for=latency]")).to_have_text("1.5 ms")
    expect(page.locator("#preset option:checked")).to_have_text("own figures")
    page.locator("#speed").press("End")
    assert calls(session, "setting", 2)[1] == ("setting", None, {"latency_ms": 1.5, "mb_per_s": 0})
    expect(page.locator("output[for=speed]")).to_have_text("any")
    assert page.get_by_label("Speed").get_attribute("aria-valuetext") == "any"


def test_what_is_refused_is_said(page):
    page.evaluate("benchpad.connection.send({ t: 'knob', name: 'warmth', value: 0.5 })")
    expect(page.locator("#banner")).to_contain_text("there is no knob warmth")


def test_sound_begins_with_a_gesture(page, session):
    session.press(0, 4, 100)
    page.click("text=Hear it here")
    expect(page.locator("#listen")).to_contain_text("ms behind the engine")
    page.wait_for_timeout(500)
    assert page.evaluate("benchpad.listening.report.playing")
    report = page.evaluate("benchpad.listening.report")
    assert 0 < report["filled"] < 0.3
    page.click("#listen >> text=Stop")
    expect(page.locator("#listen")).to_contain_text("The program plays through fake.")


def test_the_page_finds_a_server_that_was_restarted(open_page, session, serving):
    first = serving(session, token="a" * 40)
    page = open_page(first.address)
    page.keyboard.down("Digit1")
    calls(session, "press")
    first.close()
    expect(page.locator("#banner")).to_be_visible()
    expect(page.locator("#display")).to_contain_text("OFFLINE")
    expect(page.locator(".pad.down")).to_have_count(0)
    page.keyboard.up("Digit1")
    session.calls.clear()
    page.keyboard.press("Digit2")
    serving(session, token="a" * 40, port=first.port)
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator("#announce")).to_have_text("Connected again.")
    page.keyboard.press("Digit3")
    calls(session, "press")
    assert [one[2] for one in session.calls if one[0] == "press"] == [
        3
    ]  # what was pressed offline stays silent


def test_a_wrong_token_is_told_apart_from_a_server_that_is_away(open_page, session, serving):
    first = serving(session)
    page = open_page(first.address)
    first.close()
    expect(page.locator("#banner")).to_contain_text("trying again")
    serving(session, port=first.port)
    expect(page.locator("#banner")).to_contain_text("Open the address that benchpad play printed.")


def test_the_token_leaves_the_address_bar(page):
    assert "token" not in page.url
    page.reload()
    expect(pad(page, 1)).to_have_attribute("aria-label", "Pad A1, 01 kick, ready, its beginning is in memory")


def test_a_stress_run_shows_its_progress_and_its_report(page, tmp_path):
    page.evaluate(
        "benchpad.store.takeState({ stress: { run: 1, running: true, seconds: 4, text: 'Run 3 of 7.' } })"
    )
    expect(page.locator("#stress")).to_contain_text("Run 3 of 7.")
    expect(page.locator("#stress")).to_contain_text("running for 4 s")
    expect(page.locator("#stress button")).to_have_text("Stop")
    page.evaluate(
        "benchpad.store.takeState({ stress: { running: false, text: 'Done.', report: '/api/stress/1' } })"
    )
    expect(page.locator("#stress a")).to_have_attribute("href", "api/stress/1")
    expect(page.locator("#stress button")).to_have_text("Run")


@pytest.mark.parametrize("size", ["phone", "desk"])
def test_nothing_is_wider_than_the_window(open_page, panel, size):
    page = open_page(panel.address, size)
    for view in ("device", "bench", "card"):
        button = page.locator(f".views [data-view={view}]")
        if button.is_visible():
            button.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_nothing_moves_of_itself(page):
    page.evaluate("benchpad.store.takeState({ pads: { 0: 'streaming' } })")
    expect(pad(page, 1)).to_have_attribute("data-light", "streaming")
    assert page.evaluate("document.getAnimations().length") == 0


def test_a_device_with_twelve_pads_has_twelve(open_page, serving, session):
    session.device = "sp404sx"
    session._boot()
    page = open_page(serving(session).address, ready=False)
    expect(page.locator(".pad")).to_have_count(12)
    page.keyboard.press("KeyZ")  # the fourth row has no pads
    page.keyboard.press("Escape")
    calls(session, "panic")
    assert not [one for one in session.calls if one[0] == "press"]
