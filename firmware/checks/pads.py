"""Whether the pads' settings fit their samples, and make sense."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from firmware.findings import Finding, Severity, found
from firmware.formats import pad_info, padconf, smp
from firmware.formats.header import AudioHeader
from firmware.formats.pad_info import PadRecord
from firmware.formats.padconf import PadConf, PadConfFile
from firmware.wording import counted

SLOWEST, FASTEST = 40.0, 200.0  # BPM; the maker's manual
_BEAT_ERROR = 0.02  # of its length: a loop that is nearer to whole beats is meant so
_LEAST_BEATS = 0.25
_MOST_BEATS = 256  # 64 bars of 4; longer loops are recordings
_BANKS = "ABCDEFGHIJ"
_MUTE_GROUPS = 10
_FIRST_BYTE = 512  # from which both devices count


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A pad's sample file. ``header`` is None where it was refused: then its frames are not known."""

    path: str
    size: int
    header: AudioHeader | None


def check_sx_pads(
    records: tuple[PadRecord, ...], samples: Mapping[str, SampleFile], index_path: str
) -> Iterator[Finding]:
    """Findings on an SX card's records. ``samples`` are the files by pad (``A1``)."""
    for number, record in enumerate(records):
        bank, place = divmod(number, pad_info.PADS_PER_BANK)
        pad = f"{_BANKS[bank]}{place + 1}"
        sample = samples.get(pad)
        if sample is None:
            yield from _sx_without_sample(record, pad, index_path)
        elif record.is_empty:
            text = f"PAD_INFO.BIN says that pad {pad} is empty"
            yield found("no-pad-entry", text, path=sample.path, pad=pad, mark="?", severity=Severity.WARNING)
        else:
            yield from _sx_range(record, sample, pad)
            yield from _sx_values(record, sample, pad)


def _sx_without_sample(record: PadRecord, pad: str, index_path: str) -> Iterator[Finding]:
    if not record.is_empty:
        text = f"PAD_INFO.BIN describes a sample of {counted(max(0, record.original_end - 512), 'byte')}"
        yield found("pad-without-sample", text, path=index_path, pad=pad)
    elif record != PadRecord():
        yield found("pad-empty-settings", "the empty pad has settings", path=index_path, pad=pad)


def _sx_range(record: PadRecord, sample: SampleFile, pad: str) -> Iterator[Finding]:
    start, end = record.user_start, record.user_end
    if start >= end or start < pad_info.DATA_OFFSET or end > sample.size:
        text = f"it begins at byte {start:,} and ends at {end:,}; the file has {sample.size:,}"
        yield found("pad-range", text, path=sample.path, pad=pad)
    yield from _within_frames({"start": start, "end": end}, sample, pad)
    if record.original_end != sample.size:
        text = _other_size(record.original_end, sample)
        yield found("pad-size", text, path=sample.path, pad=pad)
    yield from (found("pad-size", text, path=sample.path, pad=pad) for text in _sx_other_file(record, sample))


def _other_size(size: int, sample: SampleFile) -> str:
    return f"the settings are for a file of {counted(size, 'byte')}; this one has {sample.size:,}"


def _sx_other_file(record: PadRecord, sample: SampleFile) -> Iterator[str]:
    """In what else, beside its size, a record is for another file than its sample."""
    if record.original_start != pad_info.DATA_OFFSET:
        yield f"the settings are for audio from byte {record.original_start:,} on; it begins at byte 512"
    header = sample.header
    if header is not None and header.channels != record.channels:
        yield f"the settings are for {_channels(record.channels)}; the file is {_channels(header.channels)}"
    kind = pad_info.AIFF if sample.path.upper().endswith(".AIF") else pad_info.WAVE
    names = {pad_info.AIFF: "an AIFF file", pad_info.WAVE: "a WAV file"}
    if record.file_type in names and record.file_type != kind:
        yield f"the settings are for {names[record.file_type]}; this is {names[kind]}"


def _within_frames(
    places: dict[str, int], sample: SampleFile, pad: str, severity: Severity | None = None
) -> Iterator[Finding]:
    """Places that lie inside a frame; one beyond the sample is found otherwise."""
    header = sample.header
    size = header.frame_bytes if header is not None else 0
    odd = {
        name: at
        for name, at in places.items()
        if size and _FIRST_BYTE <= at < sample.size and (at - _FIRST_BYTE) % size
    }
    if odd:
        text = ", ".join(f"the {name} at byte {at:,}" for name, at in odd.items())
        text = f"frames have {counted(size, 'byte')}, but it has {text}"
        yield found("pad-frames", text, path=sample.path, pad=pad, severity=severity)


def _sx_values(record: PadRecord, sample: SampleFile, pad: str) -> Iterator[Finding]:
    flags = {
        "lo-fi": record.lofi,
        "loop": record.loop,
        "gate": record.gate,
        "reverse": record.reverse,
        "file type": record.file_type,
    }
    odd = [f"{name} {value}" for name, value in flags.items() if value > 1]
    odd += [f"volume {record.volume}"] * (record.volume > 127)
    odd += [f"tempo mode {record.tempo_mode}"] * (record.tempo_mode > 2)
    if odd:
        yield found("pad-value", f"out of range: {', '.join(odd)}", path=sample.path, pad=pad, mark="V")
    if record.volume == 0:
        yield found("pad-silent", "its volume is 0", path=sample.path, pad=pad)
    synced = record.tempo_mode and record.loop
    seconds = _seconds(sample.header, record.user_start, record.user_end) if synced else 0.0
    yield from _tempo(record.user_tempo / 10, seconds, sample.path, pad, sure=False)


def check_mk2_pads(
    config: PadConfFile, samples: Mapping[str, SampleFile], index_path: str
) -> Iterator[Finding]:
    """Findings on a project's pads. ``samples`` are the .SMP files by pad (``A1``)."""
    if config.version == padconf.NEWEST and (odd := _not_ascii(config.header[0x80:0xA0])):
        yield found("pad-name", f"the project's name is {odd}", path=index_path)
    for number, conf in enumerate(config.pads):
        bank, place = divmod(number, padconf.PADS_PER_BANK)
        pad = f"{_BANKS[bank]}{place + 1}"
        sample = samples.get(pad)
        if conf.is_empty:
            if sample is None and conf not in _empty_pads():
                yield found("pad-empty-settings", "the empty pad has settings", path=index_path, pad=pad)
        elif sample is None:
            text = f"PADCONF.BIN describes a sample of {counted(max(0, conf.size_bytes - 512), 'byte')}"
            yield found("pad-without-sample", text, path=index_path, pad=pad)
        else:
            yield from _mk2_range(conf, sample, pad)
            yield from _mk2_values(conf, config.bank_volume(bank), sample, pad)
            yield from _mk2_content(config, number, sample, pad)
    yield from _mute_groups(config, samples)


def _empty_pads() -> tuple[PadConf, ...]:
    """An empty pad as it is when new; devices leave its BPM and bus as they were."""
    return (PadConf(),)


def _mk2_range(conf: PadConf, sample: SampleFile, pad: str) -> Iterator[Finding]:
    if conf.size_bytes != sample.size:
        text = (
            f"the settings are for a file of {counted(conf.size_bytes, 'byte')}; this one has {sample.size:,}"
        )
        yield found("pad-size", text, path=sample.path, pad=pad)
    yield from _within_frames({"start": conf.start, "end": conf.end}, sample, pad)
    yield from _mk2_loop(conf, sample, pad)
    if not smp.DATA_OFFSET <= conf.start < conf.end <= sample.size:
        text = f"it begins at byte {conf.start:,} and ends at {conf.end:,}; the file has {sample.size:,}"
        yield found("pad-range", text, path=sample.path, pad=pad)


def _mk2_loop(conf: PadConf, sample: SampleFile, pad: str) -> Iterator[Finding]:
    """A loop point that does not fit; while the loop is off, it only waits."""
    at, severity = conf.loop_start, None if conf.loop else Severity.NOTE
    off = "" if conf.loop else " (the loop is off)"
    if at:
        yield from _within_frames({f"loop start{off}": at}, sample, pad, severity)
    if at and not conf.start <= at < conf.end:
        text = f"the loop starts at byte {at:,}, the pad plays {conf.start:,} to {conf.end:,}{off}"
        yield found("pad-loop", text, path=sample.path, pad=pad, severity=severity)


def _mk2_content(config: PadConfFile, number: int, sample: SampleFile, pad: str) -> Iterator[Finding]:
    """What a project has of a pad beside its words: a name, and chop points."""
    if odd := _not_ascii(config.names[number]):
        yield found("pad-name", f"the pad's name is {odd}", path=sample.path, pad=pad)
    frames = sample.header.frames if sample.header is not None else 0
    chops = config.chops[number].frames if config.chops and frames else ()
    beyond = [at for at in chops if at != padconf.UNUSED_CHOP and at > frames]
    if beyond:
        has = counted(frames, "frame")
        text = f"{len(beyond)} of its chop points, to frame {max(beyond):,}; the sample has {has}"
        yield found("pad-chops", text, path=sample.path, pad=pad)


def _not_ascii(raw: bytes) -> str:
    """A name with its bytes beyond printable ASCII spelt out; empty where there are none."""
    name = raw.split(b"\0", 1)[0]
    if all(32 <= byte < 127 for byte in name):
        return ""
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in name)


def _mk2_values(conf: PadConf, bank_volume: int, sample: SampleFile, pad: str) -> Iterator[Finding]:
    ranges = {
        "level": (conf.level, 0, 127),
        "pan": (conf.pan, 0, 127),
        "pitch": (conf.pitch, -12, 12),
        "speed": (conf.speed, 5_000, 15_000),
        "attack": (conf.attack, 0, 127),
        "hold": (conf.hold, 1, 100),
        "release": (conf.release, 0, 127),
        "mute group": (conf.mute_group, 0, _MUTE_GROUPS),
        "play mode": (conf.play_mode, 0, 3),
        "pad link": (conf.link, 0, 10),
        "bus": (conf.bus, 0, 2),
    }
    odd = [f"{name} {value}" for name, (value, low, high) in ranges.items() if not low <= value <= high]
    if odd:
        yield found("pad-value", f"out of range: {', '.join(odd)}", path=sample.path, pad=pad)
    flags = {"gate": (conf.gate, (0, 1)), "loop": (conf.loop, (0, padconf.LOOP_ON))}
    odd = [f"{name} {value}" for name, (value, known) in flags.items() if value not in known]
    if odd:
        text = f"neither on nor off: {', '.join(odd)}; this simulation takes it for on"
        yield found("pad-value", text, path=sample.path, pad=pad, fixable=False)
    if conf.level == 0 or bank_volume == 0:
        whose = "its level" if conf.level == 0 else "its bank's volume"
        yield found("pad-silent", f"{whose} is 0", path=sample.path, pad=pad)
    synced = conf.bpm_sync and conf.loop
    seconds = _seconds(sample.header, conf.start, conf.end) if synced else 0.0
    yield from _tempo(conf.bpm / 100, seconds, sample.path, pad)


def _mute_groups(config: PadConfFile, samples: Mapping[str, SampleFile]) -> Iterator[Finding]:
    members: dict[int, list[str]] = {}
    for number, conf in enumerate(config.pads):
        bank, place = divmod(number, padconf.PADS_PER_BANK)
        pad = f"{_BANKS[bank]}{place + 1}"
        if not conf.is_empty and 1 <= conf.mute_group <= _MUTE_GROUPS:
            members.setdefault(conf.mute_group, []).append(pad)
    for group, pads in members.items():
        if len(pads) == 1 and pads[0] in samples:
            text = f"the pad is alone in mute group {group}"
            yield found("mute-group-alone", text, path=samples[pads[0]].path, pad=pads[0])


def _channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def _seconds(header: AudioHeader | None, start: int, end: int) -> float:
    """Playing time between two byte offsets that count from 512; 0 where it is not known."""
    if header is None or not header.frame_bytes or not header.rate or end <= start:
        return 0.0
    return min(end - start, header.data_bytes) / header.frame_bytes / header.rate


def _tempo(bpm: float, seconds: float, path: str, pad: str, *, sure: bool = True) -> Iterator[Finding]:
    """``seconds`` is the length of a loop that is to stay in time, else 0. ``sure``: the range is known."""
    if not SLOWEST <= bpm <= FASTEST:
        text = (
            f"the tempo is {bpm:g} BPM; {'the device' if sure else 'the MKII'} has {SLOWEST:g} to {FASTEST:g}"
        )
        unsure = "" if sure else ", and the range of this device is not known"
        yield found("pad-tempo", text + unsure, path=path, pad=pad, mark=None if sure else "?")
        return
    beats = seconds * bpm / 60
    off = abs(beats - round(beats)) / max(1.0, beats)
    if 0 < beats < _MOST_BEATS and (beats < _LEAST_BEATS or off > _BEAT_ERROR):
        text = f"at {bpm:g} BPM the loop is {beats:.2f} beats long"
        yield found("pad-tempo", text, path=path, pad=pad, mark="?", severity=Severity.NOTE)
