"""The page's pads under the mouse, fingers, keys and MIDI."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

FAKE_MIDI = """
const inputs = new Map([["1", { name: "Test keys", onmidimessage: null }]]);
navigator.requestMIDIAccess = async () => ({ inputs, addEventListener() {} });
globalThis.playMidi = (...data) => inputs.get("1").onmidimessage({ data: Uint8Array.from(data) });
"""


@pytest.fixture
def page(open_page, panel):
    return open_page(panel.address)


def calls(session, kind, count=1):
    """What the session was asked, once it was asked so often."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        found = [one for one in session.calls if one[0] == kind]
        if len(found) >= count:
            return found
        time.sleep(0.005)
    raise AssertionError(f"no {count} times {kind} in {session.calls}")


def pad(page, number):
    return page.locator(".pad").nth(number - 1)


def at(page, number, height):
    """A point on a pad: ``height`` 0 is its lower edge, 1 its upper one."""
    box = pad(page, number).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] * (1 - height)


def test_a_pad_under_the_mouse_sounds_while_it_is_held(page, session):
    page.mouse.move(*at(page, 4, 0.5))
    page.mouse.down()
    calls(session, "press")
    expect(pad(page, 4)).to_have_attribute("data-light", "streaming")
    expect(pad(page, 4)).to_have_class("pad down")
    expect(page.locator(".meter").first).not_to_have_attribute("aria-valuetext", "silent")
    assert session.calls[-1][:3] == ("press", 0, 4)
    page.mouse.up()
    assert calls(session, "release")[0] == ("release", 0, 4)


def test_a_hit_high_on_the_pad_is_louder(page, session):
    for height in (0.1, 0.5, 0.95):
        page.mouse.move(*at(page, 1, height))
        page.mouse.down()
        page.mouse.up()
    low, middle, high = (one[3] for one in calls(session, "press", 3))
    assert low < middle < high == 127


def test_keys_play_by_position(page, session):
    page.keyboard.down("KeyQ")
    page.keyboard.down("KeyQ")  # as a key that repeats
    page.keyboard.press("Shift+Digit1")
    page.keyboard.up("KeyQ")
    calls(session, "release", 2)
    assert [one[1:] for one in session.calls if one[0] == "press"] == [(0, 5, 100), (0, 1, 127)]


def test_keys_do_not_play_while_one_types(page, session):
    page.click(".views [data-view=card]")
    page.locator("#search").press_sequentially("aq")
    page.locator("#search").press("Escape")
    calls(session, "panic")
    assert not [one for one in session.calls if one[0] == "press"]


def test_the_computer_keyboard_can_be_switched_off(page, session):
    page.click("summary:has-text('Lights and keys')")
    page.uncheck("#keys-on")
    page.keyboard.press("KeyQ")
    page.keyboard.press("Escape")
    calls(session, "panic")
    assert not [one for one in session.calls if one[0] == "press"]


def test_brackets_change_the_bank(page, session):
    page.keyboard.press("BracketRight")
    expect(page.locator(".banks button").nth(1)).to_have_attribute("aria-pressed", "true")
    expect(pad(page, 1)).to_have_attribute("aria-label", "Pad B1, bass, ready, its beginning is in memory")
    page.keyboard.press("BracketLeft")
    page.click("[aria-label='Bank C']")
    assert [one[1] for one in calls(session, "bank", 3)] == [1, 0, 2]


def test_brackets_pressed_fast_lose_no_bank(page, session):
    steps = "['BracketRight', 'BracketRight', 'BracketRight', 'BracketLeft', 'BracketRight', 'KeyQ']"
    page.evaluate(f"{steps}.forEach((code) => dispatchEvent(new KeyboardEvent('keydown', {{ code }})))")
    assert [one[1] for one in calls(session, "bank", 5)] == [1, 2, 3, 2, 3]
    assert calls(session, "press")[0][1:3] == (3, 5)  # a key after them plays the bank that they chose
    expect(page.locator(".banks button").nth(3)).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(1_200)
    expect(page.locator(".banks button").nth(3)).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("size", ["phone", "desk"])
def test_panic_is_a_button(open_page, panel, session, size):
    page = open_page(panel.address, size)
    page.get_by_role("button", name="Panic").click()
    calls(session, "panic")
    expect(page.locator("#announce")).to_have_text("All falls silent.")


def test_the_pads_are_one_stop_and_arrows_walk(page, session):
    page.locator(".banks button").last.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.down("Enter")
    assert calls(session, "press")[0] == ("press", 0, 2, 100)
    page.keyboard.up("Enter")
    calls(session, "release")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.modes') !== null")


def test_two_fingers_press_two_pads(open_page, panel, session):
    page = open_page(panel.address, "phone", has_touch=True)
    first, second = at(page, 1, 0.8), at(page, 4, 0.3)
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate((first, second))]
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points[:1]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
    assert {one[2] for one in calls(session, "press", 2)} == {1, 4}
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": points[:1]})
    assert calls(session, "release") == [("release", 0, 1)]
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert calls(session, "release", 2)[1] == ("release", 0, 4)


def test_a_pad_held_twice_is_let_go_once(page, session):
    page.keyboard.down("Digit1")
    page.mouse.move(*at(page, 1, 0.5))
    page.mouse.down()
    page.keyboard.up("Digit1")
    page.mouse.up()
    calls(session, "release")
    assert [one[0] for one in session.calls] == ["press", "press", "release"]


def test_a_window_that_loses_the_focus_lets_go(page, session):
    page.keyboard.down("Digit1")
    calls(session, "press")
    page.evaluate("dispatchEvent(new Event('blur'))")
    assert calls(session, "release") == [("release", 0, 1)]


def test_assistive_technology_taps(page, session):
    pad(page, 2).evaluate("node => node.click()")
    calls(session, "release")
    assert [one[:3] for one in session.calls] == [("press", 0, 2), ("release", 0, 2)]


def test_web_midi(open_page, panel, session):
    page = open_page(panel.address, stub=FAKE_MIDI)
    page.click("text=Use this browser's MIDI")
    expect(page.locator("text=Browser MIDI: Test keys")).to_be_visible()
    page.evaluate("playMidi(0x90, 38, 90); playMidi(0xfe); playMidi(0xf0, 1, 2, 0xf7); playMidi(0x80, 38, 0)")
    assert calls(session, "midi", 2) == [("midi", b"\x90\x26\x5a"), ("midi", b"\x80\x26\x00")]
    expect(pad(page, 3)).to_have_attribute("data-light", "streaming")


def test_knobs_turn_by_hand_wheel_and_keys(page, session):
    dial = page.get_by_role("slider", name="Pitch")
    box = dial.bounding_box()
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 10, box["y"] - 30)
    page.mouse.up()
    assert calls(session, "knob")[-1] == ("knob", "pitch", 0.75)
    expect(dial).to_have_attribute("aria-valuenow", "75")
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.wheel(0, 100)
    dial.focus()
    page.keyboard.press("End")
    assert calls(session, "knob", 3)[-1] == ("knob", "pitch", 1.0)


def test_modes_of_the_chosen_pad(page, session):
    pad(page, 2).click(modifiers=["Shift"])
    assert not session.calls  # chosen, not played
    page.click(".modes >> text=Loop")
    expect(page.locator(".modes >> text=Loop")).to_have_attribute("aria-pressed", "true")
    assert calls(session, "mode") == [("mode", 0, 2, "loop", True)]
    pad(page, 16).click(modifiers=["Shift"])
    expect(page.locator(".modes >> text=Loop")).to_be_disabled()


def test_the_pattern_plays_where_the_device_has_one(page, session):
    page.click(".transport >> text=Play")
    expect(page.locator(".transport")).to_have_attribute("data-running", "")
    page.keyboard.press("Backslash")
    assert calls(session, "transport", 2) == [("transport", "start"), ("transport", "stop")]
    page.fill(".transport input", "98.5")
    page.locator(".transport input").press("Enter")
    expect(page.locator("#display")).to_contain_text("98.5 bpm")


def test_learning_takes_the_next_pad_or_knob(page, session):
    page.click("#midi >> text=Learn")
    expect(page.locator("#display")).to_contain_text("Choose a pad, a knob or a function.")
    pad(page, 3).click()
    assert calls(session, "learn") == [("learn", {"kind": "pad", "bank": 0, "pad": 3})]
    assert not [one for one in session.calls if one[0] == "press"]
    expect(page.locator("#midi")).to_contain_text("Play a note or move a controller for pad A3.")
    page.click("#midi >> text=Stop learning")
    assert calls(session, "learn", 2)[1] == ("learn", None)


def test_a_state_that_changes_nothing_touches_nothing(page):
    page.wait_for_timeout(700)  # the first states and the waveforms
    page.evaluate("""() => {
      globalThis.touched = [];
      const text = ({ target }) => target.outerHTML ?? target.data;
      new MutationObserver((list) => touched.push(...list.map(text)))
        .observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
      benchpad.store.takeState({ ...benchpad.store.state });
    }""")
    page.wait_for_timeout(200)
    assert page.evaluate("touched") == []
