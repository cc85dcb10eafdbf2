"""The hands that mash pads: in order, from a seed, and much like a person's."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise

import numpy as np

from firmware.midi import CONTROL_CHANGE, NOTE_OFF, NOTE_ON
from sim.measure.mash import mash, mash_for

RATE = 48_000
KEYS = [(channel, 36 + pad) for channel in range(3) for pad in range(16)]


def test_a_seed_says_everything():
    once = mash_for(KEYS, RATE, 1, 60)
    assert once == mash_for(KEYS, RATE, 1, 60)
    assert once != mash_for(KEYS, RATE, 2, 60)
    assert once == [one for one in mash_for(KEYS, RATE, 1, 120) if one.frame < 60 * RATE]


def test_messages_are_valid_and_in_order():
    found = mash_for(KEYS, RATE, 3, 600)
    assert all(a.frame <= b.frame for a, b in pairwise(found))
    for one in found:
        assert len(one.data) == 3
        assert one.data[0] & 0xF0 in (NOTE_ON, NOTE_OFF, CONTROL_CHANGE)
        assert all(byte < 128 for byte in one.data[1:])
    keys = {(one.data[0] & 0x0F, one.data[1]) for one in found if one.data[0] & 0xF0 == NOTE_ON}
    assert keys <= set(KEYS)
    assert len(keys) > len(KEYS) // 2


def test_every_key_that_goes_down_comes_up():
    down: Counter[tuple[int, int]] = Counter()
    for one in islice(mash(KEYS, RATE, 4), 20_000):
        key = (one.data[0] & 0x0F, one.data[1])
        if one.data[0] & 0xF0 == NOTE_ON:
            down[key] += 1
        elif one.data[0] & 0xF0 == NOTE_OFF:
            down[key] -= 1
            assert down[key] >= 0
    assert sum(down.values()) < 50  # those that are down at the end


def test_it_looks_like_hands():
    hits = [one for one in mash_for(KEYS, RATE, 5, 1800) if one.data[0] & 0xF0 == NOTE_ON]
    assert 1 < len(hits) / 1800 < 10
    velocities = [one.data[2] for one in hits]
    assert 5 < np.std(velocities) < 40
    favourites = Counter(one.data[1] for one in hits[:200]).most_common(3)
    assert sum(count for _, count in favourites) > 60  # a few pads get most of the hits
    gaps = np.diff([one.frame for one in hits])
    assert np.mean(gaps < 10 * RATE // 1000) > 0.02  # some together
    assert gaps.max() > 2 * RATE  # some rests
    assert len(set(gaps.tolist())) > len(gaps) // 3  # no machine


def test_one_pad_and_none():
    assert {one.data[1] for one in mash_for([(0, 40)], RATE, 1, 300) if one.data[0] == NOTE_ON} == {40}
    assert mash_for([], RATE, 1, 10) == []
