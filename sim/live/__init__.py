"""Playing in real time: an audio server or a clock asks for blocks; a `Session` holds it together."""
