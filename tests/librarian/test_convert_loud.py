"""Floats above full scale: one rule for every container, finite, and settled at the first correction."""

from __future__ import annotations

import io

import numpy as np
import pytest
from audio_files import converted, decoded, sine, sound_file

from firmware.profiles import load
from librarian.convert import plan_file
from librarian.fix import apply_fix, plan_fix
from sdcard_image import open_card

LOUD = np.stack([sine(440, 44_100, 0.2, level=2.5), sine(660, 44_100, 0.2, level=1.0)], axis=1)
CONTAINERS = ["WAV", "AU", "AIFF", "CAF", "W64", "RF64", "WAVEX"]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_the_container_does_not_matter(container: str, subtype: str) -> None:
    made, recipe, outcome = converted(sound_file(LOUD, container=container, subtype=subtype), "generic")
    assert (recipe.target.bits, recipe.target.is_float) == (32, True)
    assert outcome.gain == pytest.approx(1 / 2.5, rel=1e-4)
    values = decoded(made)[0]
    assert np.abs(values).max() == 1.0
    assert np.abs(values - LOUD * outcome.gain).max() < 1e-6
    assert plan_file(io.BytesIO(made), len(made), load("generic")).keep


def test_a_float_file_within_full_scale_keeps_its_values() -> None:
    data = sound_file(LOUD / 2.5, container="AU", subtype="FLOAT")
    made, _, outcome = converted(data, "generic")
    assert outcome.gain == 1.0
    assert np.array_equal(decoded(made)[0], decoded(data)[0])


@pytest.mark.parametrize("value", [1e300, -1e39, 3.5e38, np.inf, np.nan, 1e20])
@pytest.mark.parametrize("device", ["generic", "sp404mk2"])
def test_what_is_no_level_is_made_silent_and_told(value: float, device: str) -> None:
    values = sine(440, 48_000, 0.1)
    values[100] = value
    made, _, outcome = converted(sound_file(values, 48_000, container="AU", subtype="DOUBLE"), device)
    out = decoded(made)[0][:, 0]
    assert np.isfinite(out).all()
    assert abs(out[100]) < 2 / 32_768
    assert np.abs(out[:90] - values[:90]).max() < 2 / 32_768
    assert "1 values that are no numbers" in " ".join(outcome.notes)


def test_floats_on_the_scale_of_integers_come_down_to_full_scale() -> None:
    values = sine(440, 48_000, 0.1) * 2.0**31
    made, _, outcome = converted(sound_file(values, 48_000, container="AU", subtype="FLOAT"), "generic")
    assert outcome.peak == pytest.approx(2.0**30, rel=1e-3)
    assert np.abs(decoded(made)[0]).max() == 1.0


@pytest.mark.parametrize("container", ["WAV", "AU"])
def test_a_corrected_card_needs_no_more_correcting(container: str, tmp_path) -> None:
    folder = tmp_path / "in" / "A"
    folder.mkdir(parents=True)
    ending = {"WAV": "wav", "AU": "au"}[container]
    (folder / f"loud.{ending}").write_bytes(sound_file(LOUD, container=container, subtype="FLOAT"))
    (folder / "fine.wav").write_bytes(sound_file(LOUD / 3, subtype="FLOAT"))
    card = open_card(tmp_path / "in")
    report = apply_fix(card, plan_fix(card, load("generic")), tmp_path / "out")
    assert report.converted == 1
    assert (tmp_path / "out/A/fine.wav").read_bytes() == (folder / "fine.wav").read_bytes()
    fixed = decoded((tmp_path / "out/A/loud.wav").read_bytes())[0]
    assert np.abs(fixed).max() == 1.0
    assert plan_fix(open_card(tmp_path / "out"), load("generic")).changes == ()
