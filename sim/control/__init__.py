"""Playing from MIDI: ports, what comes through them, what it is bound to, and the clock."""
