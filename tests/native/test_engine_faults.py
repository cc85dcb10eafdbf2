"""Whatever goes wrong with a card: a voice whose data comes in time sounds, to the bit, as if nothing had."""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np
from engine_songs import Song, songs
from engine_tools import open_engine, play
from hypothesis import event, given, settings
from hypothesis import strategies as st

from native import (
    PAIR_BASE,
    CardModel,
    Device,
    Fault,
    FaultKind,
    FaultyDevice,
    card_device,
    faulty_device,
    pair_device,
    ram_device,
)
from native.types import Event, Extent, Sample, Start, Steal, Underrun

MS = 1_000_000
HEAD = 1_500  # frames of each voice that are loaded before time begins

MODELS = st.builds(
    CardModel,
    command_us=st.sampled_from([0.0, 100.0, 1_000.0]),
    read_mb_per_s=st.sampled_from([0.0, 4.0, 40.0]),
    page_bytes=st.sampled_from([0, 4096]),
    page_us=st.just(150.0),
    body_us=st.sampled_from([0.0, 200.0]),
    spike_every_s=st.sampled_from([0.0, 0.02]),
    spike_ms=st.just(5.0),
)


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    kind = draw(st.sampled_from(FaultKind))
    at = draw(st.integers(0, 80)) * MS
    lasting = draw(st.sampled_from([0, 7, 40, 90]))
    return Fault(
        kind,
        at_ns=at,
        until_ns=at + lasting * MS if lasting else 0,
        times=draw(st.sampled_from([0, 1, 2, 5])),
        offset=draw(st.sampled_from([0, 5_000, 40_000])),
        length=draw(st.sampled_from([0, 512, 9_000])),
        spike_ns=draw(st.sampled_from([1, 3, 30])) * MS,
    )


def checksums(song: Song, sample: Sample) -> np.ndarray:
    whole = b"".join(bytes(song.card.content[e.offset : e.offset + e.length]) for e in sample.extents)
    size = song.config.block_bytes
    return np.array([zlib.crc32(whole[at : at + size]) for at in range(0, len(whole), size)], np.uint32)


def run(
    song: Song, card: FaultyDevice, events: list[Event], posted: list[Fault], mirror: Device | None = None
) -> tuple[np.ndarray, list[Underrun]]:
    """Heads are loaded, then the faults begin, and the song."""
    blocks = max(song.config.pool_bytes // song.config.block_bytes, 200)
    config = replace(
        song.config,
        steal=Steal.OLDEST,  # the quietest would depend on the gains changed below
        pool_bytes=blocks * song.config.block_bytes,
    )
    with open_engine(config, card if mirror is None else pair_device(card, mirror), song.samples) as engine:
        for number, sample in enumerate(song.samples):
            engine.add_checksums(number, checksums(song, sample))
            if mirror is not None:
                engine.add_mirror(number, [Extent(PAIR_BASE + e.offset, e.length) for e in sample.extents])
        for one in events:
            if isinstance(one, Start):
                end = one.end or song.samples[one.sample].frames
                engine.pin(one.sample, max(end - HEAD, 0) if one.reverse else one.start, HEAD)
        engine.preload()
        for fault in sorted(posted, key=lambda one: one.at_ns):
            card.post(fault)
        return play(engine, events, song.frames), engine.drain_underruns()


def slow(song: Song, model: CardModel, seed: int) -> FaultyDevice:
    return faulty_device(card_device(plain(song), model, seed), timeout_ms=20)


def plain(song: Song) -> Device:
    return ram_device(bytes(song.card.content))


def muted(events: tuple[Event, ...], tags: set[int]) -> list[Event]:
    """The same events, and silence for these tags: what is read when does not depend on gains."""
    return [replace(one, gain=0.0) if isinstance(one, Start) and one.tag in tags else one for one in events]


@settings(max_examples=300, deadline=None)
@given(songs(), MODELS, st.lists(faults(), min_size=1, max_size=6), st.integers(0, 99))
def test_unaffected_voices_are_as_without_faults(
    song: Song, model: CardModel, posted: list[Fault], seed: int
):
    late_with = run(song, slow(song, model, seed), list(song.events), posted)[1]
    late_without = run(song, slow(song, model, seed), list(song.events), [])[1]
    affected = {one.tag for one in late_with + late_without}
    events, card = muted(song.events, affected), slow(song, model, seed)
    with_faults, late = run(song, card, events, posted)
    without, _ = run(song, slow(song, model, seed), events, [])
    met = any(one.met for one in card.counts().values())
    event(f"faults met: {met}, underruns: {late != []}, heard: {with_faults.any()}")
    assert late == late_with
    assert np.array_equal(with_faults, without)


@settings(max_examples=60, deadline=None)
@given(songs(), st.lists(faults(), max_size=8), st.integers(0, 99))
def test_faults_are_accounted_for(song: Song, posted: list[Fault], seed: int):
    card = slow(song, CardModel(command_us=200, read_mb_per_s=10), seed)
    run(song, card, list(song.events), posted)
    assert sum(one.begun for one in card.counts().values()) + card.waiting == len(posted)
    for one in card.counts().values():
        assert one.met <= one.begun
        assert one.met <= one.commands or one.commands == 0


@settings(max_examples=60, deadline=None)
@given(songs(), st.sampled_from([FaultKind.READ_ERROR, FaultKind.WRONG_DATA]), st.integers(0, 200))
def test_on_cards_that_take_no_time_a_mirror_hides_every_error(song: Song, kind: FaultKind, at_ms: int):
    error = [Fault(kind, at_ns=at_ms * MS)]
    audio, late = run(song, slow(song, CardModel(), 0), list(song.events), error, plain(song))
    alone, late_alone = run(song, slow(song, CardModel(), 0), list(song.events), [])
    assert late == late_alone
    assert np.array_equal(audio, alone)
