"""The bounded run of the fuzz targets; the long one is tests/fuzz/fuzz_formats.py by hand."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "fuzz"))

import fuzz_formats


@pytest.mark.parametrize("name", list(fuzz_formats.TARGETS))
def test_any_bytes_give_a_result_or_a_sentence(name):
    fuzz_formats.run(name, 150)
