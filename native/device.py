"""Block devices for the engine: memory, host files, and around them a card's timing, faults, a mirror."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from native._check import check, in_range
from native._native import ffi, lib
from native.card import CardModel, Fault, FaultCount, FaultKind, WriteProtectedError, ns, ps_per_byte
from native.types import EngineError

__all__ = [
    "PAIR_BASE",
    "CardModel",
    "Device",
    "Fault",
    "FaultCount",
    "FaultKind",
    "FaultyDevice",
    "card_device",
    "emulated_card",
    "faulty_device",
    "file_device",
    "null_device",
    "pair_device",
    "ram_device",
]

PAIR_BASE = 1 << 48  # offsets from here on are on the second card of a pair


class Device:
    """Owns a C block device. Give it to an `Engine`, which keeps it alive."""

    def __init__(self, pointer: Any) -> None:
        if pointer == ffi.NULL:
            raise EngineError("the block device could not be made: out of memory or of file descriptors")
        self._pointer = ffi.gc(pointer, lib.bp_device_free)
        self._owner: Device | None = None

    @property
    def pointer(self) -> Any:
        """The C object, for the engine alone. EngineError where another device has taken it over."""
        if self._owner is not None:
            raise EngineError("the block device belongs to another device: use that instead")
        return self._pointer

    def read(self, offset: int, length: int, start_ns: int = 0) -> tuple[bytes | None, int]:
        """One read command issued at ``start_ns``: the bytes, None where it failed, and when it was done."""
        data, done = ffi.new("char[]", length), ffi.new("uint64_t *")
        with in_range("read"):
            vector = ffi.new("bp_iov *", {"base": data, "length": length})
            status = self.pointer.read(self.pointer.context, offset, vector, 1, start_ns, done)
        return (bytes(ffi.buffer(data)) if status == 0 else None), int(done[0])

    def write(self, offset: int, length: int, start_ns: int = 0) -> int:
        """When writing so many bytes is done; the bytes reach the host file by another way.

        WriteProtectedError where its switch says so, EngineError where the card does not answer.
        """
        done = ffi.new("uint64_t *")
        with in_range("write"):
            status = self.pointer.write(self.pointer.context, offset, length, start_ns, done)
        if status == lib.BP_EROFS:
            raise WriteProtectedError("the card is write-protected")
        check(status, f"writing {length} bytes at {offset}")
        return int(done[0])

    def nominal(self) -> tuple[int, int]:
        """What the reader plans with: ns a command, ps a byte."""
        fixed, each = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        self.pointer.nominal(self.pointer.context, fixed, each)
        return int(fixed[0]), int(each[0])


def _around(outer: type[Device], make: Callable[..., Any], inner: Sequence[Device], *rest: Any) -> Any:
    """The device that ``make`` puts around others: it frees them from now on, and they keep it alive."""
    pointers = [one.pointer for one in inner]
    for pointer in pointers:
        ffi.gc(pointer, None)
    made = outer(make(*pointers, *rest))
    for one in inner:
        one._owner = made
    return made


def ram_device(data: bytes) -> Device:
    """A copy of ``data`` as a device that takes no time."""
    return Device(lib.bp_device_ram(ffi.from_buffer(data), len(data)))


def file_device(backings: Sequence[tuple[Path, int, int]]) -> Device:
    """Host files joined as one device: (path, base offset, length in bytes), ascending and not overlapping.

    Raises OSError where a file cannot be opened.
    """
    fds: list[int] = []
    try:
        for path, _, _ in backings:
            fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        table = ffi.new("bp_backing[]", max(len(fds), 1))
        with in_range("block device"):
            for i, (fd, (_, base, length)) in enumerate(zip(fds, backings, strict=True)):
                table[i].fd, table[i].base, table[i].length = fd, base, length
        return Device(lib.bp_device_files(table, len(fds)))
    finally:
        for fd in fds:
            os.close(fd)


def null_device(length: int) -> Device:
    """``length`` bytes that take no time and are not copied: for runs that compute no audio."""
    with in_range("block device"):
        return Device(lib.bp_device_null(length))


def card_device(inner: Device, model: CardModel, seed: int = 0) -> Device:
    """``inner`` through a card of that ``model``, its chance drawn from ``seed``. Takes ``inner`` over."""
    made = ffi.new(
        "bp_card_model *",
        {
            "command_ns": ns(model.command_us / 1e6),
            "first_byte_ns": ns(model.first_byte_us / 1e6),
            "read_ps_per_byte": ps_per_byte(model.read_mb_per_s),
            "write_command_ns": ns(model.write_command_us / 1e6),
            "write_ps_per_byte": ps_per_byte(model.write_mb_per_s),
            "page_bytes": model.page_bytes,
            "page_ns": ns(model.page_us / 1e6),
            "unit_bytes": model.unit_bytes,
            "unit_ns": ns(model.unit_us / 1e6),
            "body_ns": ns(model.body_us / 1e6),
            "spike_every_ns": ns(model.spike_every_s),
            "spike_ns": ns(model.spike_ms / 1e3),
            "write_spike_ns": ns(model.write_spike_ms / 1e3),
            "spike_regular": model.spike_regular,
            "wear_bytes": model.wear_bytes,
            "wear_ns": ns(model.wear_ms / 1e3),
            "wear_begun_bytes": model.wear_begun_bytes,
            "real_bytes": model.real_bytes,
        },
    )
    device: Device = _around(Device, lib.bp_device_card, [inner], made, seed & (2**64 - 1))
    return device


def emulated_card(inner: Device, *, latency_ms: float, mb_per_s: float) -> Device:
    """A card without chance: ``latency_ms`` a command, then ``mb_per_s`` (10^6; 0: no limit)."""
    return card_device(inner, CardModel(command_us=latency_ms * 1000, read_mb_per_s=mb_per_s))


class FaultyDevice(Device):
    """A device with faults on its clock, made by `faulty_device`.

    They can be posted to it at any time, also when another device has taken it over.
    """

    def post(self, fault: Fault) -> None:
        """Post a fault; they must come in order of ``at_ns``, and a time that is past means now.

        QueueFullError where 1,024 wait for their time.
        """
        what = f"{fault.kind.name.lower().replace('_', ' ')} at {fault.at_ns} ns"
        with in_range(what):
            made = ffi.new(
                "bp_fault *",
                {
                    "kind": int(fault.kind),
                    "times": fault.times,
                    "at_ns": fault.at_ns,
                    "until_ns": fault.until_ns,
                    "offset": fault.offset,
                    "length": fault.length,
                    "ns": fault.spike_ns,
                },
            )
        check(lib.bp_faulty_post(self._pointer, made), what)

    def insert(self, card: Device) -> None:
        """Exchange the card behind the faults; only while nothing is rendered. Takes ``card`` over."""
        pointer = card.pointer
        ffi.gc(pointer, None)
        card._owner = self
        check(lib.bp_faulty_insert(self._pointer, pointer), "inserting a card")

    def counts(self) -> dict[FaultKind, FaultCount]:
        """What became of the faults so far, for each kind."""
        c = ffi.new("bp_fault_counts *")
        lib.bp_faulty_counts(self._pointer, c)
        return {kind: FaultCount(c.begun[kind], c.met[kind], c.commands[kind]) for kind in FaultKind}

    @property
    def waiting(self) -> int:
        """Faults that are posted and whose time has not come, as far as a command has noticed."""
        c = ffi.new("bp_fault_counts *")
        lib.bp_faulty_counts(self._pointer, c)
        return int(c.waiting)


def faulty_device(inner: Device, timeout_ms: float = 100.0) -> FaultyDevice:
    """``inner`` with faults. Takes ``inner`` over.

    A command fails when it has waited ``timeout_ms`` for a card that is busy (100: the read time-out of the
    SD specification's classic text).
    """
    with in_range("time-out"):
        device: FaultyDevice = _around(FaultyDevice, lib.bp_device_faulty, [inner], ns(timeout_ms / 1e3))
    return device


def pair_device(first: Device, second: Device) -> Device:
    """Two devices as one: offsets from `PAIR_BASE` on belong to the second. Takes both over."""
    if first is second:
        raise EngineError("a pair needs two devices")
    device: Device = _around(Device, lib.bp_device_pair, [first, second])
    return device
