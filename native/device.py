"""Block devices for the engine: memory, host files, and an emulated card around either."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from native._check import in_range
from native._native import ffi, lib
from native.types import EngineError


class Device:
    """Owns a C block device. Give it to an `Engine`, which keeps it alive."""

    def __init__(self, pointer: Any) -> None:
        if pointer == ffi.NULL:
            raise EngineError("the block device could not be made: out of memory or of file descriptors")
        self._pointer = ffi.gc(pointer, lib.bp_device_free)
        self._owned = True

    @property
    def pointer(self) -> Any:
        """The C object, for the engine alone. EngineError where another device has taken it over."""
        if not self._owned:
            raise EngineError("the block device belongs to an emulated card: use that instead")
        return self._pointer

    def disown(self) -> Any:
        """The C object, which the caller frees from now on."""
        pointer = self.pointer
        ffi.gc(pointer, None)
        self._owned = False
        return pointer


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


def emulated_card(inner: Device, *, latency_ms: float, mb_per_s: float) -> Device:
    """``inner`` seen through a card: a command costs ``latency_ms`` plus its bytes at ``mb_per_s`` (10^6).

    0 MB/s means no limit. Takes ``inner`` over: it must not be used on its own afterwards.
    """
    if not (0 <= latency_ms <= 10_000 and 0 <= mb_per_s <= 1_000_000):
        raise EngineError("a card's latency must be 0 to 10,000 ms and its speed 0 to 1,000,000 MB/s")
    ps_per_byte = round(1e6 / mb_per_s) if mb_per_s else 0
    return Device(lib.bp_device_emulated(inner.disown(), round(latency_ms * 1e6), ps_per_byte))
