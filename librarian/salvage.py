"""A damaged table of pads: what of it can be read, and what cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from firmware.formats import FormatError, pad_info, padconf
from firmware.formats.pad_info import PadRecord
from firmware.formats.padconf import Chops, PadConf

from .kit_read import pads_of

MOST_BYTES = 1 << 20  # that are looked at; the largest table has 52,000
_RECORD = pad_info.SIZE_BYTES // pad_info.RECORDS
_HEADER = {3: 0xA0, 2: 0x80}  # bytes before the pads of PADCONF.BIN, by its version
_SIZE_OF_2 = 31_488

_MAGIC = b"RFPD"
_FEW = pad_info.RECORDS // 2


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A table of the right size, or None where nothing can be read; why it was damaged, and what is lost.

    Where the table is whole ``reason`` is empty.
    """

    data: bytes | None
    reason: str = ""
    lost: tuple[str, ...] = ()


def salvage_pad_info(data: bytes, size: int) -> Salvaged:
    """PAD_INFO.BIN of ``size`` bytes, of which ``data`` are the first."""
    if size == pad_info.SIZE_BYTES:
        return Salvaged(data)
    reason = f"PAD_INFO.BIN has {size:,} bytes instead of {pad_info.SIZE_BYTES:,}"
    tables = [data[at : at + pad_info.SIZE_BYTES] for at in (0, max(0, len(data) - pad_info.SIZE_BYTES))]
    best = max(tables, key=_likely)
    whole = len(best) // _RECORD
    if _likely(best) < min(_FEW, whole) or not whole:
        return Salvaged(None, reason, (f"the settings of {_pads(range(pad_info.RECORDS), 12)}",))
    lost = range(whole, pad_info.RECORDS)
    filled = best[: whole * _RECORD] + PadRecord().to_bytes() * len(lost)
    return Salvaged(filled, reason, (f"the settings of {_pads(lost, 12)}",) if lost else ())


def _likely(table: bytes) -> int:
    """How many records begin as those of every pad do: with where the audio begins."""
    begin = pad_info.DATA_OFFSET.to_bytes(4, "big")
    return sum(table[at : at + 4] == begin for at in range(0, len(table), _RECORD))


def salvage_padconf(data: bytes, size: int) -> Salvaged:
    """PADCONF.BIN of ``size`` bytes, of which ``data`` are the first."""
    try:
        if size == len(data):
            padconf.parse(data)
            return Salvaged(data)
        reason = f"PADCONF.BIN has {size:,} bytes"
    except FormatError as error:
        reason = str(error)
    version = _version(data, size)
    if version is None or len(data) < _HEADER[version]:
        pads = _pads(range(padconf.PADS), 16)
        return Salvaged(None, reason, (f"the settings of {pads}",))
    return _pieces(data, version, reason)


def _version(data: bytes, size: int) -> int | None:
    """3 or 2, which the ninth byte says, the size, and in version 3 the second word as well."""
    if data[4:8] == _HEADER[3].to_bytes(4, "big") or data[8:9] == b"\3":
        return 3
    return 2 if data.startswith(_MAGIC) and (data[8:9] == b"\2" or size == _SIZE_OF_2) else None


def _pieces(data: bytes, version: int, reason: str) -> Salvaged:
    """The records that are whole, and those of an empty pad for the rest."""
    at, parts, lost = _HEADER[version], [], []
    kinds = [("settings", PadConf().to_bytes()), ("names", padconf.NO_NAME)]
    for what, empty in kinds if version == 2 else [*kinds, ("chop points", Chops().to_bytes())]:
        whole = max(0, min((len(data) - at) // len(empty), padconf.PADS))
        parts.append(data[at : at + whole * len(empty)] + empty * (padconf.PADS - whole))
        at += padconf.PADS * len(empty)
        if whole < padconf.PADS:
            lost.append(f"the {what} of {_pads(range(whole, padconf.PADS), 16)}")
    head = bytearray(data[: _HEADER[version]])
    head[:4] = _MAGIC
    head[8] = version if version == 3 else head[8]
    return Salvaged(bytes(head) + b"".join(parts), reason, tuple(lost))


def _pads(numbers: Iterable[int], per_bank: int) -> str:
    return pads_of((pad_info.BANKS[one // per_bank], one % per_bank + 1) for one in numbers)
