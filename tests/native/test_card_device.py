"""The card's devices from Python: impossible models, faults posted in time, pairs, and who owns whom."""

from __future__ import annotations

import gc

import pytest

from native import (
    PAIR_BASE,
    CardModel,
    Device,
    Fault,
    FaultCount,
    FaultKind,
    card_device,
    faulty_device,
    null_device,
    pair_device,
    ram_device,
)
from native.card import WriteProtectedError
from native.types import EngineError, QueueFullError

MS = 1_000_000
DATA = bytes(range(256)) * 64


def took(device: Device, offset: int, length: int, start_ns: int = 0) -> int:
    data, done = device.read(offset, length, start_ns)
    assert data == DATA[offset : offset + length]
    return done - start_ns


def test_what_is_planned_is_what_is_said() -> None:
    model = CardModel(
        command_us=100, first_byte_us=50, read_mb_per_s=20, body_us=25, page_bytes=512, page_us=5
    )
    assert (model.fixed_ns, model.ps_per_byte) == (180_000, 50_000)
    assert card_device(ram_device(DATA), model).nominal() == (180_000, 50_000)
    assert model.ms(10, 1_000_000) == pytest.approx(1.8 + 50)
    units = CardModel(read_mb_per_s=20, unit_bytes=1 << 20, unit_us=300)
    assert card_device(ram_device(DATA), units).nominal() == (0, units.ps_per_byte)
    assert CardModel().ms(5, 5) == 0


@pytest.mark.parametrize(
    "values",
    [
        {"command_us": -1.0},
        {"command_us": float("nan")},
        {"body_us": 1e10},
        {"read_mb_per_s": 1e-9},
        {"read_mb_per_s": float("inf")},
        {"spike_every_s": 1e-6},
        {"wear_bytes": 1 << 60},
        {"spike_ms": 1e9},
    ],
)
def test_a_card_that_cannot_be_is_refused_by_name(values: dict[str, float]) -> None:
    with pytest.raises(EngineError, match=next(iter(values))):
        CardModel(**values)  # type: ignore[arg-type]  # that is the point


def test_a_seed_gives_the_same_card_again() -> None:
    model = CardModel(body_us=300, spike_every_s=0.05, spike_ms=7)

    def times(seed: int) -> list[int]:
        device, at, found = card_device(ram_device(DATA), model, seed), 0, []
        for _ in range(400):
            found.append(took(device, 0, 16, at))
            at += found[-1]
        return found

    assert times(1) == times(1)
    assert times(1) != times(2)
    assert times(-1) == times(2**64 - 1)


def test_spikes_come_whatever_is_read() -> None:
    """They run on the clock, so that two schedules are compared on the same card."""
    model = CardModel(spike_every_s=0.2, spike_ms=5)

    def late(step_ms: int) -> set[int]:
        device = card_device(ram_device(DATA), model, 3)
        return {at for at in range(0, 20_000, step_ms) if took(device, 0, 1, at * MS) > 0}

    often, seldom = late(1), late(10)
    assert 70 < len(often) < 130
    assert len(seldom) <= len(often)
    for at in seldom:
        assert any(at - 10 < one <= at for one in often)


def test_faults_from_python() -> None:
    device = faulty_device(ram_device(DATA), timeout_ms=2)
    outer = card_device(device, CardModel(command_us=10))
    device.post(Fault(FaultKind.SPIKE, at_ns=1 * MS, times=1, spike_ns=3 * MS))
    device.post(Fault(FaultKind.READ_ERROR, at_ns=2 * MS, offset=512, length=512))
    device.post(Fault(FaultKind.STUCK, at_ns=20 * MS))
    assert device.waiting == 3
    assert took(outer, 0, 16, 1 * MS) == 3 * MS + 10_000
    assert took(outer, 0, 512, 8 * MS) == 10_000
    assert outer.read(512, 1, 9 * MS) == (None, 9 * MS + 10_000)
    assert outer.read(0, 1, 30 * MS) == (None, 32 * MS + 10_000)
    assert device.counts()[FaultKind.READ_ERROR] == FaultCount(1, 1, 1)
    assert device.counts()[FaultKind.REMOVED] == FaultCount()
    assert device.waiting == 0
    with pytest.raises(EngineError, match="spike at -1 ns"):
        device.post(Fault(FaultKind.SPIKE, at_ns=-1))
    with pytest.raises(EngineError, match="stuck at 5 ns"):
        device.post(Fault(FaultKind.STUCK, at_ns=5, until_ns=4))
    for _ in range(1024):
        device.post(Fault(FaultKind.SPIKE, at_ns=100 * MS))
    with pytest.raises(QueueFullError):
        device.post(Fault(FaultKind.SPIKE, at_ns=100 * MS))


def test_writing_costs_time_and_can_be_refused() -> None:
    device = faulty_device(card_device(ram_device(DATA), CardModel(write_command_us=7, write_mb_per_s=1)))
    assert device.write(0, 1_000, 0) == 7_000 + 1_000_000
    device.post(Fault(FaultKind.READ_ONLY, at_ns=5 * MS, until_ns=6 * MS))
    device.post(Fault(FaultKind.REMOVED, at_ns=9 * MS))
    with pytest.raises(WriteProtectedError, match="write-protected"):
        device.write(0, 1_000, 5 * MS)
    assert device.write(0, 0, 6 * MS) == 6 * MS + 7_000
    with pytest.raises(EngineError, match="writing 5 bytes at 3"):
        device.write(3, 5, 9 * MS)


def test_another_card_takes_the_place() -> None:
    device = faulty_device(ram_device(DATA))
    device.insert(card_device(ram_device(DATA[::-1]), CardModel(command_us=1)))
    assert device.read(0, 4, 0) == (DATA[::-1][:4], 1_000)


def test_a_pair_has_two_cards_each_with_its_own_faults() -> None:
    first, second = faulty_device(ram_device(DATA)), faulty_device(ram_device(DATA[::-1]))
    pair = pair_device(first, second)
    first.post(Fault(FaultKind.REMOVED))
    assert pair.read(0, 4, 10)[0] is None
    assert pair.read(PAIR_BASE, 4, 10) == (DATA[::-1][:4], 10)
    one = ram_device(DATA)
    with pytest.raises(EngineError, match="two devices"):
        pair_device(one, one)


def test_a_device_taken_over_stays_alive_and_is_not_used_twice() -> None:
    inner = faulty_device(null_device(1 << 40))
    card_device(inner, CardModel())
    gc.collect()
    inner.post(Fault(FaultKind.SPIKE))
    assert inner.waiting == 1
    for use in (lambda: inner.read(0, 1), lambda: card_device(inner, CardModel())):
        with pytest.raises(EngineError, match="belongs to another device"):
            use()


def test_nothing_is_read_from_a_null_device() -> None:
    device = null_device(1 << 40)
    assert device.read((1 << 40) - 5, 5, 7) == (bytes(5), 7)
    assert device.read((1 << 40) - 4, 5, 7)[0] is None
