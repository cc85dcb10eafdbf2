"""What clients say is checked to the last key, in bounded time, and never with a traceback."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.panel.limits import Allowance, QuietLog
from sim.panel.messages import MOST_BYTES, Message, MessageError, parse

GOOD = [
    {"t": "press", "bank": 0, "pad": 1, "vel": 127},
    {"t": "press", "bank": 25, "pad": 64},
    {"t": "release", "bank": 0, "pad": 1},
    {"t": "bank", "bank": 2},
    {"t": "knob", "name": "volume", "value": 0.8},
    {"t": "knob", "name": "volume", "value": 1},
    {"t": "mode", "bank": 0, "pad": 2, "name": "pin", "on": True},
    {"t": "panic"},
    {"t": "transport", "do": "continue"},
    {"t": "tempo", "bpm": 174.5},
    {"t": "midi", "data": [0x90, 36, 100]},
    {"t": "midi", "data": [0xF8]},
    {"t": "fault", "do": "spike", "ms": 300},
    {"t": "fault", "do": "error", "path": "/A/kick.wav", "times": 3},
    {"t": "setting", "ram": 65_536, "card": "class10"},
    {"t": "setting", "ram": 256 << 20, "card": {"latency_ms": 0, "mb_per_s": 12.5}},
    {"t": "learn", "on": True, "target": {"kind": "pad", "bank": 0, "pad": 1}},
    {"t": "learn", "on": True, "target": {"kind": "knob", "name": "volume"}},
    {"t": "learn", "on": False},
    {"t": "forget", "target": {"kind": "function", "name": "panic"}},
    {"t": "audition", "path": "/A/ä kick.wav"},
    {"t": "audition", "path": None},
    {"t": "assign", "path": "/A/kick.wav", "bank": 0, "pad": 3},
    {"t": "undo"},
    {"t": "stress", "voices": 8, "seconds": 1.5},
    {"t": "stress", "do": "stop"},
    {"t": "audio", "on": True},
    {"t": "ping"},
]

BAD = [
    "",
    "not json",
    "[]",
    "1",
    "null",
    '"press"',
    "{}",
    '{"t":"nothing"}',
    '{"t":["press"]}',
    '{"t":{"a":1}}',
    '{"t":"press"}',
    '{"t":"press","bank":0}',
    '{"t":"press","bank":0,"pad":0}',
    '{"t":"setting","ram":268435457}',
    '{"t":"setting","card":{"latency_ms":1}}',
    '{"t":"setting","card":{"latency_ms":1,"mb_per_s":-1}}',
    '{"t":"setting","card":{"latency_ms":1,"mb_per_s":1,"name":"x"}}',
    '{"t":"setting","card":["class10"]}',
    '{"t":"press","bank":0,"pad":65}',
    '{"t":"press","bank":-1,"pad":1}',
    '{"t":"press","bank":0.0,"pad":1}',
    '{"t":"press","bank":true,"pad":1}',
    '{"t":"press","bank":"0","pad":1}',
    '{"t":"press","bank":0,"pad":1,"vel":0}',
    '{"t":"press","bank":0,"pad":1,"vel":128}',
    '{"t":"press","bank":0,"pad":1,"extra":1}',
    '{"t":"press","bank":0,"bank":1,"pad":1}',
    '{"t":"press","bank":NaN,"pad":1}',
    '{"t":"knob","name":"volume","value":NaN}',
    '{"t":"knob","name":"volume","value":Infinity}',
    '{"t":"knob","name":"volume","value":1e999}',
    '{"t":"knob","name":"volume","value":1.01}',
    '{"t":"knob","name":"volume","value":' + "9" * 400 + "}",
    '{"t":"knob","name":"vol\\u0000ume","value":1}',
    '{"t":"knob","name":"","value":1}',
    '{"t":"knob","name":"' + "n" * 65 + '","value":1}',
    '{"t":"mode","bank":0,"pad":1,"name":"explode","on":true}',
    '{"t":"mode","bank":0,"pad":1,"name":"loop","on":1}',
    '{"t":"midi","data":[]}',
    '{"t":"midi","data":[144,36,100,1]}',
    '{"t":"midi","data":[144,256,1]}',
    '{"t":"midi","data":[60,60]}',
    '{"t":"midi","data":[144,200,1]}',
    '{"t":"midi","data":"abc"}',
    '{"t":"fault","do":"explode"}',
    '{"t":"fault","do":"spike","ms":0}',
    '{"t":"fault","do":"error","path":"../etc/passwd"}',
    '{"t":"fault","do":"error","path":"/../etc/passwd"}',
    '{"t":"audition","path":"/A/../../x"}',
    '{"t":"audition","path":"C:\\\\x"}',
    '{"t":"audition","path":"/a\\\\..\\\\b"}',
    '{"t":"audition","path":"/' + "a" * 1_024 + '"}',
    '{"t":"audition","path":"/a\\u0000b"}',
    '{"t":"audition"}',
    '{"t":"setting","ram":1}',
    '{"t":"setting","ram":' + "9" * 30 + "}",
    '{"t":"learn","on":true,"target":{"kind":"pad"}}',
    '{"t":"learn","on":true,"target":{"kind":"door","name":"x"}}',
    '{"t":"learn","on":true,"target":[1]}',
    '{"t":"learn","on":true,"target":{"kind":["pad"],"bank":0,"pad":1}}',
    '{"t":"stress","voices":0}',
    '{"t":"stress","seconds":1e9}',
    '{"t":"ping","id":-1}',
    '{"t":"ping","id":1.5}',
    '{"t":"ping","id":"1"}',
    '{"t":"panic"' + "," + '"x":' + "[" * 1_500 + "]" * 1_500 + "}",
    "[" * 4_000,
    '{"a":' * 800,
    '{"t":"ping"}' + " " * MOST_BYTES,
    "ä" * (MOST_BYTES // 2 + 1),
    "\ud800",
]


@pytest.mark.parametrize("document", GOOD, ids=str)
def test_good_messages_are_taken(document) -> None:
    message = parse(json.dumps({**document, "id": 7}))
    assert message.kind == document["t"]
    assert message.number == 7
    values = {key: value for key, value in document.items() if key != "t"}
    if "data" in values:
        values["data"] = bytes(values["data"])
    assert message.values == values


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:60])
def test_bad_messages_are_refused(text) -> None:
    with pytest.raises(MessageError) as refused:
        parse(text)
    assert 0 < len(str(refused.value)) < 200
    assert "\n" not in str(refused.value)


def test_a_refusal_carries_the_messages_id() -> None:
    with pytest.raises(MessageError) as refused:
        parse('{"t":"press","bank":0,"pad":99,"id":12}')
    assert refused.value.number == 12
    assert "pad" in str(refused.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
kinds = st.sampled_from([one["t"] for one in GOOD])
keys = st.sampled_from(
    ["bank", "pad", "vel", "name", "value", "path", "data", "do", "on", "target", "id", "ram"]
)


@given(
    st.text()
    | st.builds(lambda t, rest: json.dumps({**rest, "t": t}), kinds, st.dictionaries(keys, json_values))
)
@example('{"t":"knob","name":"a","value":-0.0}')
def test_whatever_comes_is_a_message_or_a_refusal(text) -> None:
    with suppress(MessageError):
        assert isinstance(parse(text), Message)


def test_an_allowance_is_for_a_time() -> None:
    now = [0.0]
    allowance = Allowance(3, 1.0, lambda: now[0])
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.999
    assert not allowance.take()
    now[0] = 1.0
    assert allowance.take()


def test_a_flood_does_not_fill_the_log(caplog) -> None:
    now = [0.0]
    quiet = QuietLog(lambda: now[0], most=5, seconds=60)
    for _ in range(1_000):
        quiet.warn("refused: \x1b[31m\n" + "x" * 10_000)
    assert len(caplog.records) == 5
    assert all(len(one.getMessage()) <= 300 and "\n" not in one.getMessage() for one in caplog.records)
    assert all("\x1b" not in one.getMessage() for one in caplog.records)
    now[0] = 61
    quiet.warn("again")
    assert [one.getMessage() for one in caplog.records[5:]] == ["995 more refusals were not logged", "again"]
