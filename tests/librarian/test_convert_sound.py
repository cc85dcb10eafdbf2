"""What converting does to the sound: nothing where it can, and next to nothing where it must."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import soxr
from audio_files import converted, decoded, sine, sound_file

from firmware.profiles import Fact, load
from librarian.convert import plan_file
from librarian.errors import ConvertError
from librarian.levels import Quantiser, Resampler


def snr_db(measured: np.ndarray, hertz: float, rate: int) -> float:
    """Signal to noise of a sine whose amplitude and phase are fitted; the ends are left out."""
    inner = slice(2_000, len(measured) - 2_000)
    time = np.arange(len(measured))[inner] / rate
    basis = np.stack([np.sin(2 * np.pi * hertz * time), np.cos(2 * np.pi * hertz * time)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, measured[inner], rcond=None)
    signal = basis @ fit
    return float(10 * np.log10(np.sum(signal**2) / np.sum((measured[inner] - signal) ** 2)))


@pytest.mark.parametrize(("rate_in", "rate_out"), [(44_100, 48_000), (48_000, 44_100), (96_000, 44_100)])
@pytest.mark.parametrize("hertz", [1_000, 10_000, 18_000])
def test_resampling_is_transparent(rate_in, rate_out, hertz) -> None:
    stream = Resampler(rate_in, rate_out, 1)
    source = sine(hertz, rate_in)[:, None]
    made = np.concatenate([stream.step(source), stream.step(np.empty((0, 1)), last=True)])[:, 0]
    assert abs(len(made) - rate_out) <= 1
    assert snr_db(made, hertz, rate_out) > 150


def test_resampling_in_blocks_is_resampling_at_once_and_keeps_time() -> None:
    source = np.random.default_rng(5).uniform(-0.5, 0.5, (150_000, 2))
    data = sound_file(source, 48_000, subtype="FLOAT")
    made, _, outcome = converted(data, "sp404sx")
    whole = soxr.resample(decoded(data)[0], 48_000, 44_100, "VHQ")
    assert abs(outcome.frames - len(whole)) <= 1
    count = min(outcome.frames, len(whole))
    assert np.abs(decoded(made)[0][:count] - whole[:count]).max() < 1.6 / 32_768


def test_24_bit_survives_a_change_of_container_to_the_bit() -> None:
    values = np.random.default_rng(1).integers(-(2**23), 2**23, (70_000, 2)) * 256
    data = sound_file(values.astype(np.int32), container="FLAC", subtype="PCM_24")
    made, recipe, outcome = converted(data, "sp404mk2")
    assert (recipe.target.bits, outcome.gain, outcome.dithered) == (24, 1.0, False)
    assert np.array_equal(decoded(made, "int32")[0], values)


@pytest.mark.parametrize("subtype", ["PCM_U8", "ULAW", "ALAW"])
def test_narrow_coding_becomes_16_bit_without_a_change(subtype) -> None:
    data = sound_file(sine(440, 44_100), subtype=subtype)
    made, _, outcome = converted(data, "sp404sx")
    assert not outcome.dithered
    assert np.array_equal(decoded(made, "int32")[0], decoded(data, "int32")[0])


def test_dither_takes_the_distortion_out_of_a_faint_tone() -> None:
    faint = sine(997, 44_100, 4.0, level=10 ** (-90 / 20))
    made, _, outcome = converted(sound_file(faint, subtype="FLOAT"), "sp404sx")
    assert outcome.dithered

    def harmonics(values):
        window = np.hanning(len(values))
        spectrum = np.abs(np.fft.rfft(values * window)) / window.sum() * 2
        places = [round(n * 997 * len(values) / 44_100) for n in range(3, 22, 2)]
        return 20 * np.log10(max(spectrum[at - 2 : at + 3].max() for at in places))

    plain = np.rint(faint * 32_768) / 32_768
    assert harmonics(plain) > -115
    assert harmonics(decoded(made)[0][:, 0]) < -120
    error = decoded(made)[0][:, 0] - faint
    assert abs(error.mean()) < 0.02 / 32_768
    assert error.var() * 32_768**2 == pytest.approx(0.25, abs=0.01)  # 1/12 of rounding and 2/12 of dither


def test_the_noise_repeats_and_is_another_for_another_file_or_seed() -> None:
    data = sound_file(sine(440, 44_100), subtype="PCM_24")
    first = converted(data, "sp404sx")[0]
    assert first == converted(data, "sp404sx")[0]
    assert first != converted(data, "sp404sx", seed=1)[0]
    assert first != converted(data, "sp404sx", name="y")[0]


@pytest.mark.parametrize("peak", [1.0, 1.0001, 3.0])
def test_what_would_clip_is_made_quieter_by_what_it_needs_and_no_more(peak) -> None:
    values = sine(997, 48_000, level=peak)
    data = sound_file(values, 48_000, subtype="DOUBLE")
    made, _, outcome = converted(data, "sp404mk2")
    assert outcome.gain < 1
    assert outcome.peak == pytest.approx(peak, rel=1e-3)
    out = decoded(made, "int16")[0][:, 0]
    assert 32_760 <= np.abs(out.astype(int)).max() <= 32_767
    assert np.abs(out / 32_768 - values * outcome.gain).max() < 1.6 / 32_768
    assert not np.any((out[1:] == 32_767) & (out[:-1] == 32_767)) or peak <= 1.0001


def test_a_peak_that_only_resampling_makes_does_not_clip() -> None:
    square = np.where(np.arange(48_000) // 50 % 2, 0.999, -0.999)
    made, _, outcome = converted(sound_file(square, 48_000), "sp404sx")
    assert outcome.peak > 1.05  # the ringing that a band limit must have
    assert 32_700 < np.abs(decoded(made, "int16")[0].astype(int)).max() <= 32_767
    assert outcome.gain == pytest.approx(1 / outcome.peak, rel=1e-3)


def test_what_does_not_clip_keeps_its_level() -> None:
    _, _, outcome = converted(sound_file(sine(440, 48_000, level=0.9), 48_000), "sp404sx")
    assert outcome.gain == 1.0


def test_values_that_are_no_numbers_become_silence_and_are_told() -> None:
    values = sine(440, 44_100)
    values[100], values[200] = np.nan, np.inf
    made, _, outcome = converted(sound_file(values, subtype="FLOAT"), "sp404sx")
    assert np.abs(decoded(made)[0][[100, 200]]).max() < 1.6 / 32_768
    assert "2 values" in " ".join(outcome.notes)


def test_six_channels_become_two_by_the_recommendation() -> None:
    values = np.zeros((6_000, 6))
    for channel in range(6):
        values[channel * 1_000 : (channel + 1) * 1_000, channel] = 0.25
    made, _, outcome = converted(sound_file(values, subtype="PCM_24"), "sp404mk2")
    levels = decoded(made)[0].reshape(6, 1_000, 2).mean(axis=1) / 0.25
    half = 0.5**0.5
    expected = [[1, 0], [0, 1], [half, half], [0, 0], [half, 0], [0, half]]
    assert levels == pytest.approx(np.array(expected), abs=1e-5)
    assert "mixed down" in " ".join(outcome.notes)


def test_memory_does_not_grow_with_the_file() -> None:
    def peak(seconds: float) -> int:
        data = sound_file(np.zeros((round(48_000 * seconds), 2), np.int16), 48_000)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        made, _, _ = converted(data, "sp404sx")
        used = tracemalloc.get_traced_memory()[1] - before - 3 * len(made)
        tracemalloc.stop()
        return used

    assert peak(40) < peak(4) + (4 << 20)


def test_a_quantiser_without_room_says_so_rather_than_wrap() -> None:
    plain = Quantiser(16, dither=False, seed=0, name="")
    assert plain.step(np.array([[1.0]]), 1.0) is None
    assert plain.step(np.array([[-1.0]]), 1.0) == -32_768
    assert plain.step(np.array([[1.0]]), plain.highest) == 32_767


def test_what_the_device_takes_needs_no_change() -> None:
    data = sound_file(sine(440, 44_100))
    assert plan_file(io.BytesIO(data), len(data), load("sp404sx")).keep
    data = sound_file(sine(440, 44_100), subtype="PCM_24")
    assert plan_file(io.BytesIO(data), len(data), load("sp404mk2")).keep
    assert not plan_file(io.BytesIO(data), len(data), load("sp404mk2"), bits=16).keep


def test_too_long_by_bytes_is_made_smaller_and_too_long_by_time_is_refused() -> None:
    mk2 = load("sp404mk2")
    short = replace(mk2, facts=mk2.facts | {"audio.max_bytes": Fact(100_000, "R", "")})
    made, recipe, _ = converted(sound_file(sine(440, 96_000, 1.0), 96_000, subtype="PCM_24"), short)
    assert (recipe.target.rate, recipe.target.bits) == (48_000, 16)
    assert len(made) < 100_000
    flac = sound_file(sine(440, 96_000), 96_000, container="FLAC", subtype="PCM_24")
    assert converted(flac, short)[1].target.bits == 16
    long = sound_file(sine(440, 96_000, 2.0), 96_000)
    with pytest.raises(ConvertError, match="cut it"):
        plan_file(io.BytesIO(long), len(long), short)
