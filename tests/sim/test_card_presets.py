"""Card presets and users' card files: sources for all, one clear sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from fault_cards import make_card
from hypothesis import given
from hypothesis import strategies as st

from native import CardModel
from sim.cards import card_model, in_words, load_card, preset_names
from sim.cards.writing import to_toml
from sim.cli import cli
from sim.errors import InputError


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_says_what_it_assumes(name: str):
    preset = load_card(name)
    assert preset.name == name
    assert preset.title != name
    assert preset.assumptions
    assert preset.sources or name == "ideal"
    if preset.model.spike_every_s:
        assert any("no published rate" in one for one in preset.assumptions)


def test_presets_are_as_slow_as_their_classes_promise():
    models = {name: load_card(name).model for name in preset_names()}
    assert models["ideal"] == CardModel()
    read_4k = {name: model.ms(1, 4096) for name, model in models.items()}
    for slower, faster in (("class2", "class4"), ("class4", "class10"), ("class10", "a1"), ("a1", "a2")):
        assert read_4k[slower] > read_4k[faster]
    assert 1000 / models["a1"].ms(1, 4096) >= 1_500  # random reads a second, crossing a page each
    assert 0.30 <= models["a1"].ms(1, 4096) - 0.15 <= 0.68  # as iozone found
    assert 0.47 <= models["a1"].ms(1, 16384) - 0.15 <= 0.86
    assert models["spi"].ms(1, 512) == pytest.approx(0.107, abs=0.001)
    assert models["worn"].wear_ms == 95
    assert models["fake"].real_bytes > 0


def test_a_file_changes_single_values(tmp_path: Path):
    (tmp_path / "mine.toml").write_text(
        'base = "class10"\nspike_ms = 100\nspike_every_s = 2.0\nspike_regular = true\n'
    )
    mine, base = load_card(str(tmp_path / "mine.toml")), load_card("class10")
    assert (mine.model.spike_ms, mine.model.spike_every_s, mine.model.spike_regular) == (100, 2, True)
    assert mine.model.read_mb_per_s == base.model.read_mb_per_s
    assert (mine.title, mine.sources) == (base.title, base.sources)
    assert in_words(mine.model) == "0.55 ms a command, 20 MB/s, a spike of 100 ms every 2 s"


def test_two_figures_are_a_card_without_chance():
    assert card_model(None, 2, 20) == CardModel(command_us=2000, read_mb_per_s=20)
    with pytest.raises(InputError, match="exclude each other"):
        card_model("class10", 1, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spike_mss = 3", "did you mean spike_ms"),
        ("turbo = 3", "nothing that a card has"),
        ('read_mb_per_s = "fast"', "must be a number"),
        ("spike_regular = 1", "true or false"),
        ("page_bytes = 1.5", "whole number"),
        ("body_us = true", "must be a number"),
        ("command_us = -1", "command_us is -1"),
        ("command_us = inf", "command_us is inf"),
        ('base = "class11"', "no preset"),
        ("base = 3", "base must be a text"),
        ("sources = [1]", "list of texts"),
        ("[table]\nx = 1", "nothing that a card has"),
        ("a = ", "no TOML file"),
        ("\xff", "no TOML file"),
        ("[" * 5_000, "no TOML file"),
        ("# " + "x" * 70_000, "no description"),
        ("wear_bytes = 1e99", "whole number"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(tmp_path: Path, text: str, said: str):
    path = tmp_path / "bad.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=said) as told:
        load_card(str(path))
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_what_is_no_card_names_the_presets():
    run = CliRunner().invoke(cli, ["boot", "x.img", "--card", "class11"])
    assert run.exit_code == 2
    assert "class10" in run.stderr


@given(
    st.builds(
        CardModel,
        command_us=st.floats(0, 1e5),
        read_mb_per_s=st.floats(0.001, 1e4),
        spike_every_s=st.floats(0.001, 100),
        spike_regular=st.booleans(),
        page_bytes=st.integers(0, 1 << 30),
    ),
    st.text(max_size=20),
)
def test_a_model_is_read_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, model: CardModel, title: str
):
    path = tmp_path_factory.mktemp("card") / "one.toml"
    path.write_text(to_toml(title, model, [title], [title]), "utf-8")
    back = load_card(str(path))
    assert (back.model, back.title, back.sources) == (model, title, (title,))


def test_the_documented_table_is_the_presets():
    text = (Path(__file__).resolve().parents[2] / "docs" / "cards.md").read_text("utf-8")
    for name in preset_names():
        preset = load_card(name)
        m = preset.model
        size = f"{m.spike_ms:g} to {m.wear_ms:g}" if m.wear_ms else f"{m.spike_ms:g}"
        cells = (
            f"`{name}`",
            f"{(m.command_us + m.first_byte_us) / 1000:g}",
            f"{m.body_us / 1000:g}",
            f"{m.read_mb_per_s:g}" if m.read_mb_per_s else "any",
            f"{size} / {m.spike_every_s:g} s" if m.spike_every_s else "none",
            preset.title,
        )
        assert f"| {' | '.join(cells)} |" in text


def test_boot_and_check_use_the_card(tmp_path: Path):
    image = make_card(tmp_path / "card.img")

    def told(*arguments: str):
        run = CliRunner().invoke(cli, [*arguments, "--json"])
        assert run.exit_code == 0, run.output
        return json.loads(run.stdout)

    checked = told("check", str(image), "--card", "class2")
    assert checked["card_timing"] == {"latency_ms": 2.15, "mb_per_s": 2}
    slow, fast = (told("boot", str(image), "--card", name)["boot_ms"] for name in ("class2", "a2"))
    assert slow > 3 * fast > 0
    assert told("boot", str(image), "--card", "ideal")["boot_ms"] == 0
    worn = {told("boot", str(image), "--card", "worn", "--seed", str(seed))["boot_ms"] for seed in range(40)}
    assert len(worn) > 5  # the chance of loading the heads
