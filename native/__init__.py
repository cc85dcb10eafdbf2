"""The real-time core behind one Python face. It knows bytes, frames and voices; no FAT, SQL or MIDI."""

from native.device import Device, emulated_card, file_device, ram_device
from native.engine import EVENT_QUEUE, PATHS, Engine, bare_loop, pan_gains

__all__ = [
    "EVENT_QUEUE",
    "PATHS",
    "Device",
    "Engine",
    "bare_loop",
    "emulated_card",
    "file_device",
    "pan_gains",
    "ram_device",
]
