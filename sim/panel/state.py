"""The state that clients are shown: made from a look at the session, and sent as differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from firmware.catalogue import Catalogue, Pad, PadSettings
from firmware.player import Tags
from native.types import Loop, VoiceState
from sim.heads import choose_heads
from sim.panel.port import Look, Session

PROTOCOL = 1
MOST_VOICES = 64
AUDITION_TAG = -1
_MERGED = ("pads", "metrics", "cache", "card", "audio", "tempo", "midi", "knobs", "learnt")

State = dict[str, Any]


def hello(session: Session, card_name: str, edition: Callable[[int], str]) -> dict[str, Any]:
    """The first message to a client. ``edition`` is `sim.panel.editions.Editions.of`."""
    profile = session.profile
    return {
        "t": "hello",
        "protocol": PROTOCOL,
        "device": profile.name,
        "title": profile.title,
        "card": card_name,
        "writable": session.writable,
        "banks": profile.value("pads.banks"),
        "per_bank": profile.value("pads.per_bank"),
        "pads": [{**one, "edition": edition(one["tag"])} for one in pads(session)],
        **session.about(),
    }


def pads(session: Session) -> list[dict[str, Any]]:
    """Every pad with a sample or a refused file."""
    catalogue, tags = session.boot.catalogue, tags_of(session)
    doubted = _doubted(catalogue)
    made = {}
    for refused in catalogue.refused:
        if refused.pad:
            bank = tags.banks.index(refused.bank)
            made[tags.tag(bank, refused.pad)] = {
                **_place(tags, bank, refused.pad),
                "path": refused.path,
                "sample": _stem(refused.path),
                "seconds": 0.0,
                "verdict": "refused",
                "reason": refused.reason,
                "modes": modes_of(PadSettings()),
            }
    for pad in catalogue.pads:
        made[_tag(tags, pad)] = _pad(session, tags, pad, doubted.get(pad.sample.path, ""))
    return [made[tag] for tag in sorted(made)]


def tags_of(session: Session) -> Tags:
    """The tags of the device."""
    return Tags(session.profile.value("pads.banks"), session.profile.value("pads.per_bank"))


def modes_of(settings: PadSettings) -> dict[str, bool]:
    """The modes of a pad as the card has them; the others are the bench's own, and off."""
    return {
        "loop": settings.loop is not Loop.NONE,
        "reverse": settings.reverse,
        "gate": settings.gate,
        "hold": False,
        "mute": False,
        "pin": False,
    }


def empty_pad(tags: Tags, tag: int) -> dict[str, Any]:
    """What `pads` says of a pad that has nothing any more."""
    return _place(tags, *tags.place(tag))


def _place(tags: Tags, bank: int, pad: int) -> dict[str, Any]:
    tag = tags.tag(bank, pad)
    return {"tag": tag, "bank": bank, "pad": pad, "name": tags.name(tag)}


def _tag(tags: Tags, pad: Pad) -> int:
    return tags.tag(tags.banks.index(pad.bank), pad.pad)


def _pad(session: Session, tags: Tags, pad: Pad, doubt: str) -> dict[str, Any]:
    bank, sample = tags.banks.index(pad.bank), pad.sample
    return {
        **_place(tags, bank, pad.pad),
        "path": sample.path,
        "sample": pad.name or _stem(sample.path),
        "seconds": round(sample.frames / sample.rate, 3),
        "verdict": "doubtful" if doubt else "accepted",
        "reason": doubt,
        "modes": dict(session.modes(bank, pad.pad)),
    }


def _doubted(catalogue: Catalogue) -> dict[str, str]:
    """Remarks of the boot by the path that they begin with."""
    found: dict[str, str] = {}
    for note in catalogue.notes:
        path, colon, text = note.partition(": ")
        if colon and path.startswith("/"):
            found.setdefault(path, text)
    return found


def _stem(path: str) -> str:
    name = path.rpartition("/")[2]
    return name.rpartition(".")[0] or name


class Shown:
    """What of a session's pads does not change between two boots."""

    def __init__(self, session: Session) -> None:
        self.generation = session.generation
        self.tags = tags_of(session)
        catalogue = session.boot.catalogue
        self._frames = {_tag(self.tags, pad): pad.sample.frames for pad in catalogue.pads}
        self._profile, self._pads = session.profile, catalogue.pads
        self._refused = [
            self.tags.tag(self.tags.banks.index(one.bank), one.pad) for one in catalogue.refused if one.pad
        ]
        self._rate = session.profile.value("engine.rate")
        self._pool_bytes = session.about().get("ram", 0)
        self._calm: dict[int, dict[str, str]] = {}

    def state(self, look: Look, more: Mapping[str, Any]) -> State:
        """All that a client may be shown, as of ``look``."""
        others = dict(look.others or {})
        return {
            "frame": look.frame,
            **others,
            "pads": self._lights(look, others.get("bank", 0)),
            "voices": [self._voice(one) for one in look.states[:MOST_VOICES]],
            "levels": [round(one, 3) for one in look.levels],
            "metrics": {
                name: _short(value) for name, value in look.metrics.items() if name != "engine.frames"
            },
            "cache": {"pool_bytes": self._pool_bytes, **_cache(look)},
            "card": dict(look.card),
            "audio": {name: _tenth(value) for name, value in look.audio.items()},
            "latency_ms": round(look.latency_ms, 2),
            "underruns": look.metrics.get("voices.underruns", 0),
            "alert": None if look.alert is None else dict(look.alert),
            **more,
        }

    def _lights(self, look: Look, bank: int) -> dict[str, str]:
        lights = dict(self._calm_lights(bank))
        if look.loaded is not None:
            for tag, light in lights.items():
                if light == "resident" and int(tag) not in look.loaded:
                    lights[tag] = "silent"
        for one in look.states:
            if str(one.tag) in lights and one.state != "fading":
                lights[str(one.tag)] = "playing" if one.slack is None else "streaming"
        return lights

    def _calm_lights(self, bank: int) -> dict[str, str]:
        """The lights while nothing sounds: whose beginning is in RAM depends on the bank."""
        if bank not in self._calm:
            lights = {str(tag): "refused" for tag in self._refused}
            lights |= {str(tag): "silent" for tag in self._frames}
            letter = self.tags.banks[bank]
            heads = choose_heads(self._pads, self._profile, letter)
            lights |= {str(_tag(self.tags, one.pad)): "resident" for one in heads}
            self._calm = {bank: lights}
        return self._calm[bank]

    def _voice(self, one: VoiceState) -> list[Any]:
        frames = self._frames.get(one.tag, 0)
        slack = None if one.slack is None else round(one.slack * 1000 / self._rate, 1)
        position = round(min(1.0, one.position / frames), 3) if frames else 0.0
        tag = one.tag if one.tag in self._frames else AUDITION_TAG
        return [tag, one.state, slack, position, round(one.level, 3)]


def _cache(look: Look) -> dict[str, Any]:
    metrics = look.metrics
    names = ("resident_bytes", "pinned_bytes", "hit_rate")
    return {name: _short(metrics.get(f"cache.{name}", 0)) for name in names}


def _short(value: float) -> float:
    return round(value, 3) if isinstance(value, float) else value


def _tenth(value: float) -> float:
    return round(value, 1) if isinstance(value, float) else value


def changes(old: State | None, new: State) -> State:
    """What of ``new`` a client must be told that has ``old``; empty but for the frame where nothing."""
    if old is None:
        return new
    made: State = {"frame": new["frame"]}
    for key, value in new.items():
        before = old.get(key)
        if key == "frame" or before == value:
            continue
        merged = key in _MERGED and isinstance(value, dict) and isinstance(before, dict)
        made[key] = _difference(before, value) if merged and before is not None else value
    return made


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in new.items() if key not in old or old[key] != value}
    return made | {key: None for key in old if key not in new}
