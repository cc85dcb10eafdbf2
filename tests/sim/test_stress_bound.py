"""The bound: against the closed form of the quadratic, and at its edges."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress_kits import MIB, RATE_BYTES, card

from sim.stress.bound import bound, needed_part
from sim.stress.card import nominal
from sim.stress.kit import Kit, scattered, stems


def closed_form(ms: float, mb_per_s: float, ram: float, rate: float = RATE_BYTES) -> float:
    """V of V^2 R t/M + V R/W = 1."""
    a, b = rate * ms / 1000 / ram, rate / (mb_per_s * 1e6)
    return (-b + math.sqrt(b * b + 4 * a)) / (2 * a)


@pytest.mark.parametrize("ram", [1, 4, 16])
@pytest.mark.parametrize(("ms", "mb_per_s"), [(2.0, 4.0), (1.0, 10.0), (0.5, 20.0), (0.3, 80.0)])
def test_long_files_in_one_piece_follow_the_quadratic(ram: int, ms: float, mb_per_s: float) -> None:
    found = bound(stems(32, 600.0), nominal(card(ms, mb_per_s)), ram * MIB)
    assert found.voices == pytest.approx(closed_form(ms, mb_per_s, ram * MIB), rel=0.004)
    assert found.shared_voices == pytest.approx(closed_form(ms, mb_per_s, 2 * ram * MIB), rel=0.008)
    assert found.command_ms == ms
    assert found.mb_per_s == mb_per_s
    assert found.transfer_bytes == pytest.approx(ram * MIB / found.voices, rel=0.01)


@given(ms=st.floats(0.05, 20), speed=st.floats(0.5, 200), ram=st.integers(1 << 18, 1 << 28))
def test_the_card_is_used_up_at_the_bound(ms: float, speed: float, ram: int) -> None:
    v = bound(stems(4, 3_000.0), nominal(card(ms, speed)), ram).voices
    load = v * RATE_BYTES * (ms / 1000 * v / ram + 1e-6 / speed)
    assert load == pytest.approx(1.0, rel=0.02)


def test_pieces_cap_the_transfers() -> None:
    kit = scattered(stems(8, 30.0), piece_bytes=32 << 10)
    found = bound(kit, nominal(card(1.0, 10.0)), 64 * MIB)
    assert found.voices == pytest.approx(1 / (RATE_BYTES * (1e-3 / 32_768 + 1e-7)), rel=0.005)
    assert found.transfer_bytes == pytest.approx(32 << 10, rel=0.01)


def test_a_piece_that_does_not_fit_takes_more_commands() -> None:
    kit = scattered(stems(8, 30.0), piece_bytes=32 << 10)
    found = bound(kit, nominal(card(1.0, 10.0)), MIB)  # beyond 32 voices a cluster is read in two commands
    assert found.voices == pytest.approx(1 / (RATE_BYTES * (2e-3 / 32_768 + 1e-7)), rel=0.005)


def test_voices_of_different_rates_add_up() -> None:
    mixed = Kit((*stems(1, 600.0, channels=1).sources, *stems(1, 600.0).sources))
    found = bound(mixed, nominal(card(1.0, 10.0)), 4 * MIB)
    assert found.voice_bytes_per_s == pytest.approx(0.75 * RATE_BYTES, rel=0.02)
    alike = bound(stems(1, 600.0), nominal(card(1.0, 10.0)), 4 * MIB)
    assert alike.voices < found.voices < 2 * alike.voices


def test_a_card_that_takes_no_time_has_no_bound() -> None:
    assert bound(stems(2, 10.0), nominal(None), MIB).voices == math.inf


def test_commands_alone_and_bytes_alone() -> None:
    kit = stems(8, 600.0)
    only_bytes = bound(kit, nominal(card(0.0, 10.0)), MIB)
    assert only_bytes.voices == pytest.approx(1e7 / RATE_BYTES, rel=1e-6)
    only_commands = bound(kit, nominal(card(1.0, 0.0)), MIB)
    assert only_commands.voices == pytest.approx(math.sqrt(MIB / (RATE_BYTES * 1e-3)), rel=0.004)


def test_spikes_take_their_part_of_the_time() -> None:
    kit = stems(8, 600.0)
    smooth = bound(kit, nominal(card(0.0, 10.0)), MIB).voices
    spiky = bound(kit, nominal(card(0.0, 10.0, spike_every_s=2.0, spike_ms=100.0)), MIB).voices
    assert spiky == pytest.approx(0.95 * smooth, rel=1e-5)


def test_short_transfers_cross_a_page_only_sometimes() -> None:
    crossing = nominal(card(1.0, 10.0, page_bytes=16_384, page_us=150.0))
    assert crossing.seconds(8_192) == pytest.approx(1.075e-3)
    assert crossing.seconds(65_536) == pytest.approx(1.15e-3)


def test_what_is_needed_is_all_of_the_time_at_the_bound() -> None:
    kit, timing = stems(8, 600.0), replace(card(1.0, 10.0), spike_every_s=2.0, spike_ms=100.0)
    found = bound(kit, nominal(timing), 4 * MIB)
    assert needed_part(kit, nominal(timing), 4 * MIB, found.voices) == pytest.approx(1.0, abs=1e-4)
    half = needed_part(kit, nominal(timing), 4 * MIB, found.voices / 2)
    a, b = RATE_BYTES * 1e-3 / (4 * MIB), RATE_BYTES * 1e-7
    voices = found.voices / 2
    assert half == pytest.approx(voices * voices * a + voices * b + 0.05, rel=0.01)
    assert half < 0.55, "half the voices, and transfers of twice the length"
