"""Kits and their variants: what stays, what changes, and that the samples still hold what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stress_kits import trial

from firmware.catalogue import Pad, PadSettings, SampleInfo
from native.types import Encoding, Extent, Sample
from sim.stress.kit import Kit, Source, at_16_bit, at_rate, joined, kit_of, mono, scattered, stems
from sim.stress.trial import run_trial


def kit_24() -> Kit:
    """Two pads of one 24-bit stereo file in two pieces."""
    frames = 40_000
    sample = Sample((Extent(0, 100_000), Extent(131_072, 140_080)), 80, frames, 2, 48_000, Encoding.S24_LE)
    settings = PadSettings(start=10_000, end=30_000, loop_start=12_000)
    return Kit((Source("A1", "/a.wav", sample), Source("A2", "/a.wav", sample, settings)))


def holds(sample: Sample) -> bool:
    needed = sample.data_offset + sample.frames * sample.channels * sample.encoding.size_bytes
    return sum(one.length for one in sample.extents) >= needed


@pytest.mark.parametrize(
    "change", [joined, scattered, mono, at_16_bit, lambda kit: at_rate(kit, 22_050)], ids=str
)
def test_variants_still_play(change) -> None:
    changed = change(kit_24())
    assert all(holds(one) for one in changed.samples)
    assert len(changed.samples) == 1  # pads that shared a sample still do
    assert [one.name for one in changed.sources] == ["A1", "A2"]
    assert run_trial(trial(3, kit=changed)).clean


def test_joined_is_one_piece_of_the_same_bytes() -> None:
    (sample,) = joined(kit_24()).samples
    assert [one.length for one in sample.extents] == [240_080]


def test_scattered_pieces_do_not_touch() -> None:
    kit = scattered(stems(2, 5.0), piece_bytes=32 << 10, seed=3)
    for sample in kit.samples:
        pairs = zip(sample.extents, sample.extents[1:], strict=False)
        assert all(one.offset + one.length != other.offset for one, other in pairs)
        assert sum(one.length for one in sample.extents) == 5 * 44_100 * 4 + 44
    places = [one.offset for sample in kit.samples for one in sample.extents]
    assert len(set(places)) == len(places)


def test_mono_and_bits_cut_what_a_voice_reads() -> None:
    before = kit_24().sources[0].bytes_per_s
    assert before == 48_000 * 6
    assert mono(kit_24()).sources[0].bytes_per_s == before / 2
    assert at_16_bit(kit_24()).sources[0].bytes_per_s == 48_000 * 4
    assert at_rate(kit_24(), 32_000).sources[0].bytes_per_s == 32_000 * 6


def test_positions_move_with_the_rate() -> None:
    moved = at_rate(kit_24(), 24_000).sources[1]
    assert moved.region == (5_000, 15_000)
    assert moved.settings.loop_start == 6_000
    assert moved.sample.frames == 20_000


def test_slower_samples_stay_as_they_are() -> None:
    assert at_rate(kit_24(), 48_000) == kit_24()
    kit = stems(1, 1.0, channels=1)
    assert mono(kit) == kit
    assert at_16_bit(kit) == kit


def test_pitch_and_speed_count() -> None:
    one = stems(1, 1.0).sources[0]
    octave_up = replace(one, settings=PadSettings(pitch_cents=1_200.0, speed=0.5))
    assert octave_up.bytes_per_s == pytest.approx(one.bytes_per_s)


def test_a_catalogue_becomes_a_kit() -> None:
    info = SampleInfo("/A/x.wav", 1_000, 44_100, 1, 16, Encoding.S16_LE, 44)
    pads = [Pad("A", 1, info), Pad("B", 3, info, PadSettings(start=10))]
    kit = kit_of(pads, {"/A/x.wav": [(512, 2_044)]})
    assert [one.name for one in kit.sources] == ["A1", "B3"]
    assert kit.device_bytes == 2_556
    facts = kit.facts()
    assert (facts.samples, facts.pads, facts.stereo, facts.pieces, facts.fragmented) == (1, 2, 0, 1, 0)
