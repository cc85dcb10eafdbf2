"""A long fuzz of the engine, for hand use: random songs over random cards must give the same bits whatever
the host's blocks and the vector path, and no click and no stale data.

python tests/fuzz/fuzz_engine.py --examples 20000
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "native")]

from engine_songs import Song, check_smooth, perform, songs  # noqa: E402 - needs the path above

SPLITS = st.lists(st.integers(1, 3000), min_size=1, max_size=9).map(tuple)
met: Counter[str] = Counter()


def run(song: Song, split: tuple[int, ...]) -> None:
    plain = perform(song)
    other = perform(song, split, replace(song.config, path="scalar"))
    assert (plain.audio == other.audio).all()
    assert (plain.underruns, plain.counters) == (other.underruns, other.counters)
    check_smooth(song, plain.audio)
    counters = plain.counters
    met.update(
        songs=1,
        voices=counters.voices_started,
        stolen=counters.voices_stolen,
        refused=counters.voices_refused,
        evictions=counters.evictions,
        wasted=counters.wasted_bytes > 0,
        sounding=bool(plain.audio.any()),
    )
    met.update(u.cause.name for u in plain.underruns)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=5000, help="songs to play (default 5000)")
    parser.add_argument("--events", type=int, default=30, help="most events in a song (default 30)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    checks = settings(
        max_examples=args.examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    seed(args.seed)(checks(given(songs(args.events), SPLITS)(run)))()
    print(", ".join(f"{name} {count}" for name, count in sorted(met.items())))


if __name__ == "__main__":
    main()
