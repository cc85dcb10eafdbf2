"""The real-time core behind one Python face. It knows bytes, frames and voices; no FAT, SQL or MIDI."""

from native.card import CardModel, Fault, FaultCount, FaultKind, WriteProtectedError
from native.device import (
    PAIR_BASE,
    Device,
    FaultyDevice,
    card_device,
    emulated_card,
    faulty_device,
    file_device,
    null_device,
    pair_device,
    ram_device,
)
from native.engine import EVENT_QUEUE, MOST_JOINED, PATHS, Engine, bare_loop, pan_gains
from native.live import Live

__all__ = [
    "EVENT_QUEUE",
    "MOST_JOINED",
    "PAIR_BASE",
    "PATHS",
    "CardModel",
    "Device",
    "Engine",
    "Fault",
    "FaultCount",
    "FaultKind",
    "FaultyDevice",
    "Live",
    "WriteProtectedError",
    "bare_loop",
    "card_device",
    "emulated_card",
    "faulty_device",
    "file_device",
    "null_device",
    "pair_device",
    "pan_gains",
    "ram_device",
]
