"""The voices in FluidSynth, through its C library."""

from __future__ import annotations

import ctypes.util
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from cffi import FFI
from peer_voices import BLOCK, RATE, SAMPLES, VOICES, noise, speed
from soundfont import soundfont

METHODS = {"linear": 1, "4th order": 4}
_SETTINGS = {
    "synth.reverb.active": 0,
    "synth.chorus.active": 0,
    "synth.cpu-cores": 1,
    "synth.polyphony": 4 * VOICES,
    "synth.dynamic-sample-loading": 0,
}
_WARM_UP_BLOCKS = 64

ffi: Any = FFI()  # what it declares is not known to a type checker
ffi.cdef("""
    typedef struct settings fluid_settings_t;
    typedef struct synth fluid_synth_t;
    fluid_settings_t *new_fluid_settings(void);
    void delete_fluid_settings(fluid_settings_t *);
    int fluid_settings_setint(fluid_settings_t *, const char *name, int value);
    int fluid_settings_setnum(fluid_settings_t *, const char *name, double value);
    fluid_synth_t *new_fluid_synth(fluid_settings_t *);
    void delete_fluid_synth(fluid_synth_t *);
    int fluid_synth_sfload(fluid_synth_t *, const char *path, int reset);
    int fluid_synth_set_interp_method(fluid_synth_t *, int channel, int method);
    int fluid_synth_noteon(fluid_synth_t *, int channel, int key, int velocity);
    int fluid_synth_get_active_voice_count(fluid_synth_t *);
    int fluid_synth_write_float(fluid_synth_t *, int frames, void *left, int l0, int lstep,
                                void *right, int r0, int rstep);
    const char *fluid_version_str(void);
""")


def find() -> str | None:
    """The library's name, None where it is not installed."""
    return ctypes.util.find_library("fluidsynth")


def write_soundfont(path: Path) -> None:
    """The comparison's voices, key k for voice k."""
    path.write_bytes(soundfont(noise(), [(v % SAMPLES, speed(v)) for v in range(VOICES)], RATE))


class FluidSynth:
    """A synth with all voices sounding. Each stereo voice is two of FluidSynth's."""

    def __init__(self, lib: Any, synth: Any) -> None:
        self._lib, self._synth = lib, synth
        self._out = np.zeros((2, BLOCK), np.float32)
        self._sides = [ffi.from_buffer("float *", side) for side in self._out]
        self.version = ffi.string(lib.fluid_version_str()).decode()
        for key in range(VOICES):
            assert lib.fluid_synth_noteon(synth, 0, key, 127) == 0
        self.render(_WARM_UP_BLOCKS)

    def render(self, blocks: int) -> float:
        """CPU seconds of the thread for so many blocks of 128 frames."""
        write, synth, (left, right) = self._lib.fluid_synth_write_float, self._synth, self._sides
        began = time.thread_time()
        for _ in range(blocks):
            write(synth, BLOCK, left, 0, 1, right, 0, 1)
        return time.thread_time() - began

    @property
    def voices(self) -> int:
        """Stereo voices that sound; 0 where the last block was silent on a side."""
        active = int(self._lib.fluid_synth_get_active_voice_count(self._synth))
        return active // 2 if self._out.any(axis=1).all() else 0


@contextmanager
def playing(library: str, font: Path, interpolation: str) -> Iterator[FluidSynth]:
    """FluidSynth with all voices sounding, effects off."""
    lib = ffi.dlopen(library)
    settings = lib.new_fluid_settings()
    for name, value in _SETTINGS.items():
        assert lib.fluid_settings_setint(settings, name.encode(), value) == 0, name
    assert lib.fluid_settings_setnum(settings, b"synth.sample-rate", RATE) == 0
    synth = lib.new_fluid_synth(settings)
    try:
        assert lib.fluid_synth_sfload(synth, str(font).encode(), 1) >= 0, "the sound font was refused"
        assert lib.fluid_synth_set_interp_method(synth, -1, METHODS[interpolation]) == 0
        yield FluidSynth(lib, synth)
    finally:
        lib.delete_fluid_synth(synth)
        lib.delete_fluid_settings(settings)
