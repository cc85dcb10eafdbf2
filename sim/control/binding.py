"""What a user bound: notes and controllers to pads, knobs and functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from firmware.midi import ALL_SOUND_OFF, CONTROL_CHANGE, NOTE_OFF, NOTE_ON
from firmware.player import Tags

FUNCTIONS = ("panic", "bank up", "bank down", "start", "stop", "continue", "sustain")
KNOBS = {"volume": "Volume"}  # name, and what a person reads
_TRIGGER = re.compile(r"channel (\d{1,2}) (note|controller) (\d{1,3})")
_PAD = re.compile(r"pad ([A-Z])(\d{1,2})")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A note or a controller on a channel (0 to 15)."""

    is_note: bool
    channel: int
    number: int

    @property
    def text(self) -> str:
        """For people and for the settings file."""
        return f"channel {self.channel + 1} {'note' if self.is_note else 'controller'} {self.number}"

    @staticmethod
    def parse(text: str) -> Trigger | None:
        """What `text` gave, or None."""
        found = _TRIGGER.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= 16 or int(found[3]) > 127:
            return None
        return Trigger(found[2] == "note", int(found[1]) - 1, int(found[3]))


def trigger_of(message: bytes) -> Trigger | None:
    """The note or controller of a whole channel message; None for others, and for orders to a channel."""
    kind, channel = message[0] & 0xF0, message[0] & 0x0F
    if kind in (NOTE_ON, NOTE_OFF):
        return Trigger(True, channel, message[1])
    is_controller = kind == CONTROL_CHANGE and message[1] < ALL_SOUND_OFF  # from there on they are orders
    return Trigger(False, channel, message[1]) if is_controller else None


@dataclass(frozen=True, slots=True)
class Target:
    """A pad (``bank`` from 0, ``pad`` from 1), or a knob or function by ``name``; ``kind`` says which."""

    kind: str
    name: str = ""
    bank: int = 0
    pad: int = 0

    def document(self) -> dict[str, Any]:
        """As the panel's protocol has it."""
        if self.kind == "pad":
            return {"kind": "pad", "bank": self.bank, "pad": self.pad}
        return {"kind": self.kind, "name": self.name}


class Targets:
    """Those of a device: what can be bound, and how it is called."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags

    def text(self, target: Target) -> str:
        """For people, for the panel, and for the settings file."""
        if target.kind == "pad":
            return f"pad {self._tags.banks[target.bank]}{target.pad}"
        return f"{target.kind} {target.name}"

    def parse(self, text: str) -> Target | None:
        """What `text` gave; None where the device has no such thing."""
        if found := _PAD.fullmatch(text):
            bank = self._tags.banks.find(found[1])
            return self.known(Target("pad", bank=bank, pad=int(found[2])))
        kind, _, name = text.partition(" ")
        return self.known(Target(kind, name))

    def of_document(self, document: Mapping[str, Any]) -> Target | None:
        """What the panel asks for; None where the device has no such thing."""
        kind = str(document.get("kind"))
        if kind == "pad":
            bank, pad = document.get("bank"), document.get("pad")
            if not isinstance(bank, int) or not isinstance(pad, int):
                return None
            return self.known(Target("pad", bank=bank, pad=pad))
        return self.known(Target(kind, str(document.get("name"))))

    def known(self, target: Target) -> Target | None:
        """The target, where the device has it."""
        if target.kind == "pad":
            banks = len(self._tags.banks)
            return target if 0 <= target.bank < banks and 1 <= target.pad <= self._tags.per_bank else None
        names: Iterable[str] = {"knob": KNOBS, "function": FUNCTIONS}.get(target.kind, ())
        return target if target.name in names else None


class Bindings:
    """One trigger for each target, and one target for each trigger: what is bound anew is bound no more."""

    def __init__(self) -> None:
        self._targets: dict[Trigger, Target] = {}

    def __len__(self) -> int:
        return len(self._targets)

    def get(self, trigger: Trigger) -> Target | None:
        """What a trigger plays."""
        return self._targets.get(trigger)

    def bind(self, trigger: Trigger, target: Target) -> None:
        """From now on ``trigger`` plays ``target``."""
        self.forget(target)
        self._targets[trigger] = target

    def forget(self, target: Target) -> bool:
        """Nothing plays ``target`` beside its own note; whether something did."""
        found = [trigger for trigger, bound in self._targets.items() if bound == target]
        for trigger in found:
            del self._targets[trigger]
        return bool(found)

    def texts(self, targets: Targets) -> dict[str, str]:
        """By target what it is bound to, both as text: what the settings file keeps."""
        bound = self._targets.copy()  # somebody else may bind meanwhile
        return {targets.text(target): trigger.text for trigger, target in bound.items()}

    def load(self, texts: Mapping[str, Any], targets: Targets) -> int:
        """Bind what `texts` gave; returns how many of them say nothing here."""
        lost = 0
        for name, text in texts.items():
            target, trigger = targets.parse(name), Trigger.parse(text) if isinstance(text, str) else None
            if target is None or trigger is None:
                lost += 1
            else:
                self.bind(trigger, target)
        return lost
