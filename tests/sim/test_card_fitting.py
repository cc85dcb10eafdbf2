"""Measuring a card: known cards are found again from their times, and the command measures an image."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from native import CardModel, card_device, null_device
from sim.cards import load_card
from sim.cards.fitting import fit
from sim.cards.measuring import SMALL, Read, Reads, measure
from sim.cli import cli

SIZE = 1 << 31


def simulated(model: CardModel, seed: int) -> Read:
    device, clock = card_device(null_device(SIZE), model, seed), 0

    def read(offset: int, length: int) -> float:
        nonlocal clock
        begun = clock
        data, clock = device.read(offset, length, clock)
        assert data is not None
        return (clock - begun) / 1e9

    return read


KNOWN = {
    "class4": load_card("class4").model,
    "class10": load_card("class10").model,
    "a1": load_card("a1").model,
    "uhs-i": load_card("uhs-i").model,
    "large pages, no units": CardModel(
        command_us=400,
        read_mb_per_s=25,
        page_bytes=65536,
        page_us=200,
        body_us=80,
        spike_every_s=1,
        spike_ms=30,
    ),
    "no chance": CardModel(command_us=900, read_mb_per_s=12, unit_bytes=8 << 20, unit_us=500),
    "plain": CardModel(command_us=500, read_mb_per_s=20, body_us=100),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_card_is_found_again(name: str):
    known = KNOWN[name]
    found = fit(measure(simulated(known, 3), SIZE, 60, seed=4))
    assert found is not None
    model = found.model
    assert model.command_us == pytest.approx(known.command_us + known.first_byte_us, rel=0.04)
    assert model.read_mb_per_s == pytest.approx(known.read_mb_per_s, rel=0.02)
    assert model.body_us == pytest.approx(known.body_us, rel=0.05, abs=1)
    assert (model.page_bytes, model.unit_bytes) == (known.page_bytes, known.unit_bytes)
    assert model.page_us == pytest.approx(known.page_us, rel=0.15)
    assert model.unit_us == pytest.approx(known.unit_us, rel=0.1)
    if known.spike_every_s:
        assert model.spike_ms == pytest.approx(known.spike_ms, rel=0.05)
        assert known.spike_every_s / 2 < model.spike_every_s < known.spike_every_s * 2
    else:
        assert found.spikes == 0
    assert found.residual_us < 0.02 * known.ms(1, 8192) * 1000


def test_too_few_reads_are_no_measurement():
    assert fit(measure(simulated(KNOWN["class4"], 1), SIZE, 0.001, seed=1)) is None
    assert fit(Reads()) is None


def test_a_card_that_takes_no_time_is_measured_in_bounded_time():
    found = fit(measure(lambda offset, length: 0.0, SIZE, 1e9, seed=1))
    assert found is not None
    assert found.model == CardModel()


def test_long_measuring_takes_bounded_memory_and_all_spikes_count():
    model = CardModel(command_us=20, read_mb_per_s=500, body_us=2, spike_every_s=0.1, spike_ms=8)
    reads = measure(simulated(model, 3), SIZE, 20, seed=4)
    assert reads.seconds >= 20
    assert reads.count > 60_000
    assert len(reads.kept) < 32_000
    found = fit(reads)
    assert found is not None
    assert found.reads == reads.count
    assert found.model.command_us == pytest.approx(20, rel=0.05)
    assert found.model.spike_every_s == pytest.approx(0.1, rel=0.2)
    assert found.model.spike_ms == pytest.approx(8, rel=0.05)
    assert found.spikes_look_hosts
    assert sum(one.length == SMALL and one.boundary == 0 and not one.late for one in reads.kept) <= 2_000


def benchpad(*arguments: object):
    return CliRunner().invoke(cli, [str(one) for one in arguments])


def test_an_image_is_measured_and_the_result_used(tmp_path: Path):
    image, out = tmp_path / "card.img", tmp_path / "mine.toml"
    assert benchpad("card", "new", image, "--size", "64M").exit_code == 0
    before = image.read_bytes()
    run = benchpad("card", "profile", image, "--seconds", "0.5", "-o", out, "--json")
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert told["reads"] > 50
    assert image.read_bytes() == before
    written = tomllib.loads(out.read_text())
    page_cache = "past" if told["direct"] else "through"
    assert page_cache in written["sources"][0]
    assert load_card(str(out)).model == CardModel(**told["model"])
    assert benchpad("boot", image, "--card", out).exit_code == 0
    shown = benchpad("card", "profile", image, "--seconds", "0.2")
    assert shown.exit_code == 0
    assert "assumptions = [" in shown.stdout


def test_what_cannot_be_measured_is_said(tmp_path: Path):
    small = tmp_path / "small.img"
    small.write_bytes(bytes(1000))
    for arguments, said in (
        ((small,), "has 1,000 bytes"),
        ((tmp_path,), "folder"),
        ((tmp_path / "none.img",), "no such file"),
    ):
        run = benchpad("card", "profile", *arguments)
        assert (run.exit_code, said in run.stderr) == (2, True), run.stderr
    image = tmp_path / "card.img"
    benchpad("card", "new", image, "--size", "64M")
    run = benchpad("card", "profile", image, "-o", image)
    assert run.exit_code == 2
    assert "replace a card" in run.stderr
