"""A C library that prints does not reach the user's terminal, and nothing else is kept from it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
from audio_files import sound_file

from firmware.profiles import load
from librarian.convert import convert_file, plan_file
from librarian.errors import ConvertError
from librarian.quiet import quiet

NOISE = np.random.default_rng(5).standard_normal((60_000, 2)) * 0.1


def hurt_mp3s() -> list[bytes]:
    data = sound_file(NOISE, container="MP3", subtype="MPEG_LAYER_III")
    middle = len(data) // 2
    return [
        data[:middle],
        data[:middle] + b"\x55" * 80 + data[middle + 80 :],
        data[:middle] + data[middle + 700 :],
        data[:400] + bytes(np.random.default_rng(1).integers(0, 256, 5_000, np.uint8)),
    ]


def test_damaged_mp3s_are_decoded_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    profile = load("generic")
    for data in hurt_mp3s():
        with suppress(ConvertError):
            recipe = plan_file(io.BytesIO(data), len(data), profile)
            convert_file(io.BytesIO(data), len(data), recipe, io.BytesIO(), profile)
    assert capfd.readouterr() == ("", "")


def test_only_what_is_within_is_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    open_before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    os.write(2, b"before ")
    with quiet(), quiet():
        os.write(2, b"within ")
    with pytest.raises(ValueError, match="goes on"), quiet():
        raise ValueError("goes on")
    os.write(2, b"after")
    assert capfd.readouterr().err == "before after"
    if open_before:
        assert len(os.listdir("/proc/self/fd")) == open_before


def test_threads_leave_the_descriptor_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    def loop() -> None:
        for _ in range(200):
            with quiet():
                os.write(2, b"x")

    threads = [threading.Thread(target=loop) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    os.write(2, b"done")
    assert capfd.readouterr().err == "done"


def test_a_closed_descriptor_is_no_harm() -> None:
    lines = ["import os; os.close(2)", "from librarian.quiet import quiet", "with quiet(): print('within')"]
    code = "\n".join([*lines, "print('after')"])
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "within\nafter\n"
