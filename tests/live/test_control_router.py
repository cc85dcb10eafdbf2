"""Whatever comes in, in whatever order: what a key started ends when that key is let go."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.midi import MidiRules, note_map
from firmware.player import Tags
from firmware.velocity import Curve
from sim.control.binding import FUNCTIONS, Bindings, Target, Targets, Trigger
from sim.control.doubles import Doubles
from sim.control.inbox import Inbox, is_note_off, is_note_on, is_whole
from sim.control.router import Router

ON, OFF, CC, BEND = 0x90, 0x80, 0xB0, 0xE0
RULES = MidiRules(note_map("generic"), all_sound_off=True, all_notes_off=True, sustain=True)


@dataclass
class Notes:
    """An instrument that keeps account of what is held."""

    played: list[tuple] = field(default_factory=list)
    keys: set[tuple[int, int]] = field(default_factory=set)
    pads: set[tuple[int, int]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    pedals: set[int] = field(default_factory=set)

    def message(self, data: bytes) -> None:
        self.played.append(("message", *data))
        key = (data[0] & 15, data[1])
        if is_note_on(data):
            self.keys.add(key)
        elif is_note_off(data):
            self.keys.discard(key)
        elif data[0] & 0xF0 == CC and data[1] == 64:
            (self.pedals.add if data[2] >= 64 else self.pedals.discard)(key[0])

    def press(self, bank: int, pad: int, velocity: int) -> None:
        self.played.append(("press", bank, pad, velocity))
        self.pads.add((bank, pad))

    def release(self, bank: int, pad: int) -> None:
        self.played.append(("release", bank, pad))
        self.pads.discard((bank, pad))

    def knob(self, name: str, value: float) -> None:
        self.played.append(("knob", name, value))

    def function(self, name: str, *, down: bool) -> None:
        self.played.append(("function", name, down))
        (self.functions.add if down else self.functions.discard)(name)

    def silence(self) -> None:
        self.played.append(("silence",))
        for held in (self.keys, self.pads, self.functions, self.pedals):
            held.clear()

    def holds_nothing(self) -> bool:
        return not (self.keys or self.pads or self.functions or self.pedals)


def made(rules: MidiRules = RULES, curve: Curve = Curve.LINEAR) -> tuple[Router, Notes]:
    notes = Notes()
    return Router(notes, rules, Bindings(), curve), notes


def handle(router: Router, *messages: tuple[int, ...], port: str = "keys") -> None:
    for message in messages:
        router.handle(port, bytes(message))


def test_what_is_not_bound_goes_to_the_device_with_its_velocity_on_the_curve() -> None:
    router, notes = made(curve=Curve.FIXED)
    handle(router, (ON, 36, 5), (OFF, 36, 0), (CC, 7, 3), (BEND, 1, 2), (0xC0, 4))
    assert notes.played == [
        ("message", ON, 36, 127),
        ("message", OFF, 36, 0),
        ("message", CC, 7, 3),
        ("message", BEND, 1, 2),
        ("message", 0xC0, 4),
    ]


def test_learning_binds_the_next_key_and_plays_nothing() -> None:
    router, notes = made()
    router.waits_for = Target("pad", bank=1, pad=3)
    assert router.handle("keys", bytes((BEND, 1, 2))) is None
    assert router.handle("keys", bytes((ON, 90, 7))) == Target("pad", bank=1, pad=3)
    handle(router, (OFF, 90, 0), (ON, 90, 7), (OFF, 90, 0))
    assert notes.played[-2:] == [("press", 1, 3, 7), ("release", 1, 3)]
    assert router.waits_for is None


def test_a_controller_is_a_key_a_knob_or_a_pedal() -> None:
    router, notes = made()
    router.bindings.bind(Trigger(False, 0, 20), Target("pad", bank=0, pad=1))
    router.bindings.bind(Trigger(False, 0, 21), Target("knob", "volume"))
    router.bindings.bind(Trigger(False, 0, 22), Target("function", "sustain"))
    handle(router, *((CC, 20, v) for v in (10, 63, 64, 100, 127, 40, 0, 90, 0)))
    assert notes.played == [("press", 0, 1, 127), ("release", 0, 1), ("press", 0, 1, 127), ("release", 0, 1)]
    notes.played.clear()
    handle(router, (CC, 21, 127), (CC, 21, 0), (CC, 22, 127), (CC, 22, 0))
    assert notes.played == [
        ("knob", "volume", 1.0),
        ("knob", "volume", 0.0),
        ("function", "sustain", True),
        ("function", "sustain", False),
    ]


def test_a_key_lets_go_what_it_played_even_if_it_was_bound_anew_meanwhile() -> None:
    router, notes = made()
    handle(router, (ON, 36, 9))
    router.bindings.bind(Trigger(True, 0, 36), Target("pad", bank=0, pad=9))
    handle(router, (OFF, 36, 0))
    assert notes.keys == set()
    handle(router, (ON, 36, 9))
    router.bindings.forget(Target("pad", bank=0, pad=9))
    handle(router, (OFF, 36, 0))
    assert notes.holds_nothing()


@pytest.mark.parametrize(("rule", "silent"), [("stop", True), ("release", False)])
def test_a_cable_that_is_pulled_out(rule: str, silent: bool) -> None:
    router, notes = made(MidiRules(RULES.notes, unplug=rule))
    handle(router, (ON, 36, 9), (CC, 64, 127))
    handle(router, (ON, 40, 9), port="others")
    router.unplugged("keys")
    assert (("silence",) in notes.played) is silent
    assert notes.keys == (set() if silent else {(0, 40)})
    assert notes.pedals == set()
    router.unplugged("never seen")


TARGETS = st.one_of(
    st.builds(Target, st.just("pad"), bank=st.integers(0, 2), pad=st.integers(1, 4)),
    st.builds(Target, st.just("function"), st.sampled_from(FUNCTIONS)),
    st.just(Target("knob", "volume")),
)
TRIGGERS = st.builds(Trigger, st.booleans(), st.integers(0, 1), st.sampled_from([20, 36, 37, 64]))
MESSAGES = st.one_of(
    st.tuples(
        st.sampled_from([ON, ON + 1, OFF, OFF + 1]), st.sampled_from([36, 37, 38]), st.integers(0, 127)
    ),
    st.tuples(st.sampled_from([CC, CC + 1]), st.sampled_from([20, 64, 120, 123]), st.integers(0, 127)),
    st.tuples(st.just(BEND), st.integers(0, 127), st.integers(0, 127)),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["a", "b"]), MESSAGES),
        st.tuples(st.just("bind"), st.tuples(TRIGGERS, TARGETS)),
        st.tuples(st.just("learn"), TARGETS),
        st.tuples(st.just("unplug"), st.sampled_from(["a", "b"])),
    ),
    max_size=80,
)
UP = [(status + ch, note, 0) for ch in (0, 1) for status in (OFF,) for note in (36, 37, 38)] + [
    (CC + ch, number, 0) for ch in (0, 1) for number in (20, 64)
]


def do(router: Router, steps: list) -> None:
    for kind, what in steps:
        if kind == "bind":
            router.bindings.bind(*what)
        elif kind == "learn":
            router.waits_for = what
        elif kind == "unplug":
            router.unplugged(what)
        else:
            router.handle(kind, bytes(what))


@given(STEPS)
def test_when_all_keys_are_up_nothing_is_held(steps: list) -> None:
    router, notes = made()
    do(router, steps)
    router.waits_for = None
    for port in ("a", "b"):
        handle(router, *UP, port=port)
    assert notes.holds_nothing()


@given(STEPS)
def test_when_all_cables_are_out_nothing_is_held(steps: list) -> None:
    router, notes = made()
    do(router, steps)
    for port in ("a", "b"):
        router.unplugged(port)
    assert notes.holds_nothing()


@given(STEPS)
def test_after_a_panic_nothing_is_held(steps: list) -> None:
    router, notes = made()
    do(router, steps)
    router.panic()
    assert notes.holds_nothing()


# what waits


@given(st.lists(MESSAGES, max_size=300), st.integers(1, 8), st.integers(0, 5))
def test_no_note_off_is_lost_and_what_waits_is_bounded(messages: list, limit: int, every: int) -> None:
    inbox, out = Inbox(limit), []
    for number, message in enumerate(messages):
        inbox.put("keys", bytes(message))
        assert len(inbox) <= limit + 2 * 3 + 2 * 4 + 1 + 1
        if every and number % (every + 1) == every:
            out.append(inbox.take())
    while (one := inbox.take()) is not None:
        out.append(one)
    assert inbox._counts == Counter()
    assert inbox._keys == inbox._values == {}
    assert_ends(messages, [message for _, message in out])


def assert_ends(came: list, acted: list[bytes]) -> None:
    """The last word on every key and controller is the same, whatever was dropped; but for note-ons."""
    for address in {(m[0] & 15, m[1]) for m in came if m[0] & 0xF0 in (ON, OFF)}:
        last = [m for m in came if m[0] & 0xF0 in (ON, OFF) and (m[0] & 15, m[1]) == address][-1]
        said = [m for m in acted if m[0] & 0xF0 in (ON, OFF) and (m[0] & 15, m[1]) == address]
        if is_note_off(bytes(last)):
            assert said
            assert is_note_off(said[-1])
    for address in {m[:2] for m in came if m[0] & 0xF0 == CC}:
        last = [m for m in came if m[:2] == address][-1]
        assert [tuple(m) for m in acted if tuple(m[:2]) == address][-1] == last


def test_a_flood_keeps_order_where_it_can() -> None:
    inbox = Inbox()
    for value in range(50_000):
        inbox.put("keys", bytes((CC, 7, value % 128)))
        inbox.put("keys", bytes((BEND, 0, value % 128)))
        inbox.put("keys", bytes((ON, value % 100, 1)))
        inbox.put("keys", bytes((OFF, value % 100, 0)))
    assert inbox.dropped > 40_000
    assert len(inbox) <= 4_096 + 102
    got = []
    while (one := inbox.take()) is not None:
        got.append(one[1])
    assert [m for m in got if m[0] in (CC, BEND)] == [bytes((CC, 7, 79)), bytes((BEND, 0, 79))]
    assert {m[1] for m in got if m[0] == OFF} == set(range(100))


@pytest.mark.parametrize(
    ("message", "whole"),
    [
        (b"", False), (b"\x90", False), (b"\x90\x24", False), (b"\x90\x24\x7f", True),
        (b"\x90\x24\x80", False),
        (b"\xc0\x01", True), (b"\xc0\x01\x01", False), (b"\xf8", False), (b"\xf0\x01\x02", False),
        (b"\x24\x24\x24", False), (b"\x90\x24\x7f\x00", False),
    ],
)  # fmt: skip
def test_what_is_one_message(message: bytes, whole: bool) -> None:
    assert is_whole(message) is whole


# the same on two ways


@given(st.lists(st.sampled_from([b"\x90\x24\x01", b"\x80\x24\x00", b"\xf8"]), max_size=60), st.randoms())
def test_a_program_on_two_ways_is_heard_once(messages: list[bytes], chance) -> None:
    doubles, heard = Doubles("Benchpad"), []
    ways = {"Benchpad": list(messages), "program:out": list(messages)}
    now = 0.0
    while any(ways.values()):
        now += 0.0001
        port = chance.choice([port for port, left in ways.items() if left])
        message = ways[port].pop(0)
        if not doubles.is_second(port, message, now):
            heard.append(message)
    assert Counter(heard) == Counter(messages)


def test_equal_messages_of_two_keyboards_are_two_and_so_are_those_of_different_times() -> None:
    doubles = Doubles("Benchpad")
    assert not doubles.is_second("a", b"\x90\x24\x01", 0.0)
    assert not doubles.is_second("b", b"\x90\x24\x01", 0.0)
    assert not doubles.is_second("Benchpad", b"\x90\x24\x01", 1.0)
    for number in range(100_000):
        assert not doubles.is_second("a", bytes((0x90, number % 128, 1)), 2.0)
    assert doubles._count <= 16_384


# bindings as text


@given(TRIGGERS, TARGETS)
def test_bindings_come_back_from_their_texts(trigger: Trigger, target: Target) -> None:
    targets, first, second = Targets(Tags("ABCDEFGHIJ", 16)), Bindings(), Bindings()
    first.bind(trigger, target)
    assert second.load(first.texts(targets), targets) == 0
    assert second.get(trigger) == target
    assert targets.of_document(target.document()) == target


@given(st.dictionaries(st.text(max_size=20), st.one_of(st.text(max_size=20), st.integers(), st.none())))
def test_any_texts_are_read(texts: dict) -> None:
    bindings = Bindings()
    assert bindings.load(texts, Targets(Tags("ABC", 16))) <= len(texts)


@pytest.mark.parametrize(
    "text", ["pad K1", "pad A0", "pad A17", "pad", "knob nothing", "function", "x y", "pad \uff13"]
)
def test_what_the_device_has_not(text: str) -> None:
    assert Targets(Tags("ABCDEFGHIJ", 16)).parse(text) is None


def test_one_trigger_for_each_target_and_one_target_for_each_trigger() -> None:
    bindings, targets = Bindings(), Targets(Tags("ABC", 16))
    bindings.bind(Trigger(True, 0, 1), Target("function", "panic"))
    bindings.bind(Trigger(True, 0, 2), Target("function", "panic"))
    bindings.bind(Trigger(True, 0, 2), Target("knob", "volume"))
    assert bindings.texts(targets) == {"knob volume": "channel 1 note 2"}
