"""What would run inside the device: boot, catalogue, pads, MIDI, formats."""
