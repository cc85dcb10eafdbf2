"""Broken files and what is put behind them: nothing sound is thrown away, and "likely" is mostly right."""

from __future__ import annotations

import random
import struct
from functools import lru_cache
from pathlib import Path

import pytest
from card_damage import END, FILES, Hurt, card, repaired
from card_tools import RamMedium, small_card

from sdcard_image import Item
from sdcard_image.fragment import fragment

LOOP, KICK = "/loops/long loop.aif", "/KICK.WAV"


def _lost_chain(hurt: Hurt, count: int, data: bytes = b"Z", apart: int = 9) -> None:
    """A chain of ``count`` clusters that no entry names."""
    first = hurt.free_cluster() - count - apart
    for i in range(count):
        hurt.fat(first + i, first + i + 1 if i < count - 1 else END)
        hurt.poke(hurt.volume.cluster_offset(first + i), data * (hurt.volume.cluster_bytes // len(data)))


def _state(report, path: str) -> tuple[str, str]:
    return next((f.state, f.sure) for f in report.files if f.path == path)


@pytest.mark.parametrize("shorter", [1, 2, 5])
@pytest.mark.parametrize("value", [0, 1, 0x0FFF_FFF7, 0x0ABC_DEF0])
def test_a_lost_end_mark_is_put_back_whatever_lies_on_the_card(shorter: int, value: int) -> None:
    hurt = card()
    chain = hurt.chain(LOOP)
    _lost_chain(hurt, len(chain) - shorter)
    hurt.fat(chain[-1], value)
    _, report, found = repaired(hurt)
    assert found[LOOP] == FILES[LOOP]
    assert _state(report, LOOP) == ("repaired", "likely")
    assert len(report.recovered) == 1


def _broken_off(hurt: Hurt, keep: int) -> int:
    """The loop's chain breaks off after ``keep`` clusters, and the rest, so many clusters, is gone."""
    chain = hurt.chain(LOOP)
    hurt.fat(chain[keep - 1], 0x0ABC_DEF0)
    for cluster in chain[keep:]:
        hurt.fat(cluster, 0)
        hurt.poke(hurt.volume.cluster_offset(cluster), bytes(hurt.volume.cluster_bytes))
    return len(chain) - keep


def _is_cut(hurt: Hurt, keep: int) -> int:
    """How many files were recovered, where the loop was cut behind ``keep`` clusters."""
    _, report, found = repaired(hurt)
    assert _state(report, LOOP) == ("cut", "certain")
    assert found[LOOP] == FILES[LOOP][: keep * hurt.volume.cluster_bytes]
    return len(report.recovered)


@pytest.mark.parametrize("longer", [1, 3, 5])
def test_a_known_beginning_is_never_cut_to_make_a_chain_fit(longer: int) -> None:
    hurt = card()
    rest = _broken_off(hurt, 6)
    _lost_chain(hurt, rest + longer)
    assert _is_cut(hurt, 6) == 1


def test_of_two_rests_that_fit_none_is_taken() -> None:
    hurt = card()
    rest = _broken_off(hurt, 6)
    _lost_chain(hurt, rest)
    _lost_chain(hurt, rest, b"Y", apart=40)
    assert _is_cut(hurt, 6) == 2


def test_what_begins_like_a_file_is_no_rest_of_another() -> None:
    hurt = card()
    rest = _broken_off(hurt, 6)
    _lost_chain(hurt, rest, b"RIFF\x10\x00\x00\x00WAVEfmt ")
    assert _is_cut(hurt, 6) == 1


def test_the_only_rest_far_away_is_a_guess() -> None:
    hurt = card()
    rest = _broken_off(hurt, 6)
    _lost_chain(hurt, rest)
    _, report, found = repaired(hurt)
    assert _state(report, LOOP) == ("repaired", "guess")
    data = found[LOOP]
    assert data is not None
    assert data.startswith(FILES[LOOP][: 6 * hurt.volume.cluster_bytes])


def test_an_entry_that_stands_before_its_header_points_right() -> None:
    hurt = card()
    chain = hurt.chain(KICK)
    _lost_chain(hurt, len(chain))
    for cluster in chain:
        hurt.fat(cluster, 0)
    _, _, found = repaired(hurt)
    assert found[KICK] == FILES[KICK]


def _song(chance: random.Random) -> bytes:
    size = chance.randint(20, 70) * 512 - chance.randrange(500)
    return b"RIFF" + struct.pack("<I", size - 8) + b"WAVE" + chance.randbytes(size - 12)


@lru_cache(2)
def _worn(folder: Path, extent: int) -> tuple[RamMedium, dict[str, bytes]]:
    """40 files in pieces of ``extent`` clusters."""
    chance = random.Random(extent)
    files = {f"/s{i:02}.wav": _song(chance) for i in range(40)}
    source = small_card(folder, [Item(path, data) for path, data in files.items()])
    copy = RamMedium(source.size, source.sectors)
    fragment(source, copy, extent_clusters=extent, seed=1)
    return RamMedium(copy.size, copy.sectors), files


@pytest.mark.parametrize("extent", [16, 3])
def test_on_a_worn_card_likely_means_right(extent: int, tmp_path_factory) -> None:
    worn, files = _worn(tmp_path_factory.mktemp("worn"), extent)
    right, wrong, shorter = 0, [], []
    for sector in range(1, 14):
        hurt = Hurt(RamMedium(worn.size, worn.sectors))
        sound = {path: _sound(hurt, path, sector) for path in files}
        hurt.zero_fat(sector * 128, 128, (0, 1))
        _, report, found = repaired(hurt)
        for state in report.files:
            data, want = found.get(state.path), files[state.path]
            if state.state in ("whole", "repaired") and state.sure != "guess":
                right += data == want
                wrong += [] if data == want else [(sector, state.path)]
            least = sound[state.path] * hurt.volume.cluster_bytes
            if data is None or data[:least] != want[:least]:
                shorter.append((sector, state.path))
    assert wrong == []
    assert shorter == []
    assert right > (400 if extent == 16 else 150)


def _sound(hurt: Hurt, path: str, sector: int) -> int:
    """How many clusters of a file are known although a sector of the FATs is lost."""
    chain = hurt.chain(path)
    lost = [i for i, cluster in enumerate(chain) if cluster // 128 == sector]
    return lost[0] if lost else len(chain)


def test_a_last_step_into_the_blank_is_no_end() -> None:
    hurt = card()
    chain = hurt.chain(LOOP)
    hurt.fat(chain[-2], hurt.free_cluster())
    hurt.fat(chain[-1], 0)
    _, report, found = repaired(hurt)
    data = found[LOOP]
    assert data is not None
    assert _state(report, LOOP)[0] == "cut" or data == FILES[LOOP]
    assert FILES[LOOP].startswith(data)


def test_a_size_that_the_header_bears_out_stays() -> None:
    hurt = card()
    chain = hurt.chain(KICK)
    hurt.fat(chain[2], END)
    for cluster in chain[3:]:
        hurt.fat(cluster, 0)
        hurt.poke(hurt.volume.cluster_offset(cluster), bytes(hurt.volume.cluster_bytes))
    _, report, found = repaired(hurt)
    assert _state(report, KICK) == ("cut", "certain")
    assert found[KICK] == FILES[KICK][: 3 * hurt.volume.cluster_bytes]
