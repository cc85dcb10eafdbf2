"""From an MKII pad's words to how it plays.

Known: offsets, level, gate, loop on or off, mute group, play mode, the centres of speed and pan, the flags,
and that attack and release reach 3 s at 127. Assumed, as no source says: that attack, release and pan are
linear, that pitch counts semitones and fine cents, that a bank's volume scales the level, that ping-pong
without loop is one pass in its first direction.
"""

from __future__ import annotations

from dataclasses import replace

from firmware.catalogue import PadSettings, SampleInfo
from firmware.formats import padconf
from firmware.formats.padconf import PadConf
from firmware.profiles import Profile
from native.types import Loop, Retrigger

from .admitting import default_settings

_LONGEST_MS = 3000.0  # attack and release at 127
_FIXED = 127  # a pad with fixed velocity


def settings(
    conf: PadConf, sample: SampleInfo, bank_volume: int, profile: Profile
) -> tuple[PadSettings, list[str]]:
    """The pad's settings, and one sentence for each word that is out of its range and so was not believed."""
    start, end, loop_start = (_frame(word, sample) for word in (conf.start, conf.end, conf.loop_start))
    doubts = _doubts(conf)
    if not start < end <= sample.frames:
        if conf.end:
            doubts.append(
                f"start {start} and end {end} do not fit {sample.frames} frames; it plays whole [?]"
            )
        start, end = 0, sample.frames
    made = replace(
        default_settings(profile),
        start=start,
        end=0 if end == sample.frames else end,
        loop_start=loop_start if start <= loop_start < end else start,
        loop=_loop(conf),
        reverse=conf.play_mode in (padconf.REVERSE, padconf.REVERSE_PING_PONG),
        gate=bool(conf.gate),
        retrigger=_retrigger(conf, profile),
        level=round(_within(conf.level, 0, 127, 127) * bank_volume / 127),
        pan=max(-1.0, (_within(conf.pan, 0, 127, 64) - 64) / 63),
        pitch_cents=100.0 * _within(conf.pitch, -12, 12, 0) + _within(conf.fine, -100, 100, 0),
        speed=_within(conf.speed, 5_000, 15_000, 10_000) / 10_000,
        attack_ms=_within(conf.attack, 0, 127, 0) * _LONGEST_MS / 127,
        hold_percent=float(_within(conf.hold, 1, 100, 100)),
        release_ms=_within(conf.release, 0, 127, 0) * _LONGEST_MS / 127,
        mute_group=_within(conf.mute_group, 0, 10, 0),
        fixed_velocity=_FIXED if conf.flags & padconf.FIXED_VELOCITY else 0,
        bpm=conf.bpm / 100,
    )
    return made, doubts


def _frame(offset: int, sample: SampleInfo) -> int:
    return max(0, offset - sample.data_offset) // (sample.channels * sample.encoding.size_bytes)


def _loop(conf: PadConf) -> Loop:
    if not conf.loop:
        return Loop.NONE
    ping_pong = conf.play_mode in (padconf.PING_PONG, padconf.REVERSE_PING_PONG)
    return Loop.PING_PONG if ping_pong else Loop.FORWARD


def _retrigger(conf: PadConf, profile: Profile) -> Retrigger:
    """Maker's manual: one-shot ignores presses until it ends, a loop stops at the next press; poly layers."""
    if conf.flags & padconf.ONE_SHOT:
        return Retrigger.IGNORE
    if conf.loop and not conf.gate:
        return Retrigger.TOGGLE
    return Retrigger.LAYER if conf.flags & padconf.POLY else default_settings(profile).retrigger


def _within(value: int, low: int, high: int, otherwise: int) -> int:
    return value if low <= value <= high else otherwise


def _doubts(conf: PadConf) -> list[str]:
    ranges = {
        "level": (conf.level, 0, 127),
        "pan": (conf.pan, 0, 127),
        "pitch": (conf.pitch, -12, 12),
        "fine pitch": (conf.fine, -100, 100),
        "speed": (conf.speed, 5_000, 15_000),
        "attack": (conf.attack, 0, 127),
        "hold": (conf.hold, 1, 100),
        "release": (conf.release, 0, 127),
        "mute group": (conf.mute_group, 0, 10),
        "play mode": (conf.play_mode, 0, 3),
    }
    return [
        f"{name} {value} is not within {low} to {high}; its default is used [?]"
        for name, (value, low, high) in ranges.items()
        if not low <= value <= high
    ]
