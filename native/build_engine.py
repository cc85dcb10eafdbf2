"""Builds the C engine as a cffi extension in API mode, against Python's stable ABI.

The declarations that Python sees come from the public header itself: one source of truth.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent / "src"
SOURCES = (
    "device", "card", "faults", "pair", "cache", "reader", "pace", "fetch", "window", "envelope", "voice",
    "voices", "share", "measure", "samples", "engine", "live",
    "kernels", "kernels_sse2", "kernels_avx2", "bare",
)  # fmt: skip


def declarations(header: str) -> str:
    """The header without what cffi's parser does not read: preprocessor lines and the C++ of nobody."""
    return re.sub(r"^\s*#.*$", "", header, flags=re.MULTILINE)


ffibuilder = FFI()
ffibuilder.cdef(declarations((HERE / "benchpad.h").read_text("utf-8")))
ffibuilder.set_source(
    "native._native",
    '#include "benchpad.h"',
    sources=[f"native/src/{name}.c" for name in SOURCES],
    include_dirs=["native/src"],
    depends=[str(p) for p in sorted(HERE.iterdir())],
    # No -march and no -ffast-math: one wheel for every machine, and float results that are the same on all.
    extra_compile_args=["-std=c11", "-O3", "-ffp-contract=off", "-fvisibility=hidden", "-fno-math-errno"],
    libraries=[] if sys.platform == "darwin" else ["m", "pthread"],
    py_limited_api=True,
)
