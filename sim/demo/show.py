"""The demo from end to end: kit, card, song, boot, render, and a page that says what to look at."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from native import CardModel
from sdcard_image import Item, build_image
from sim.board import Board, Setup
from sim.cards import in_words
from sim.demo.kit import sounds
from sim.demo.song import compose
from sim.errors import InputError
from sim.midifile import read_midi
from sim.rendering import RenderJob, render_song
from sim.report import RenderReport

CARD_BYTES = 512 << 20
RAM_BYTES = 8 << 20
GOOD_CARD = CardModel(command_us=1_000, read_mb_per_s=20)  # an ordinary class 10 card
# Slow commands, slow transfers: what old cards come to.
TIRED_CARD = CardModel(command_us=8_000, read_mb_per_s=4)
TIRED_SECONDS = 12.0

SUMMARY = "summary.md"
_TITLE = "# What the demo did"
_MADE = ("kit", "song.mid", "card.img", "song.wav", "slow-card.wav", SUMMARY)

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo made, and what its two renders reported."""

    folder: Path
    kit_files: int
    kit_bytes: int
    pads: int
    refused: tuple[str, ...]
    boot_ms: float
    good: RenderReport
    tired: RenderReport

    def document(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "folder": str(self.folder),
            "kit": {"files": self.kit_files, "bytes": self.kit_bytes},
            "boot": {"pads": self.pads, "refused": list(self.refused), "ms": self.boot_ms},
            "render": self.good.document(),
            "slow_card": self.tired.document(),
        }


def run_demo(folder: Path, say: Say = lambda text: None) -> DemoResult:
    """Make everything in ``folder`` and play it; ``say`` is told each step as it ends.

    Raises InputError where that would replace what no demo made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _claim(folder)
    kit = folder / "kit"
    files = {sound.path: sound.save(kit) for sound in sounds()}
    kit_bytes = sum(path.stat().st_size for path in files.values())
    say(f"kit: {len(files)} files, {kit_bytes / 1e6:.0f} MB of drums, bass, chords and long stems, in kit/")
    compose().save(folder / "song.mid")
    say("song: 16 bars for five banks, in song.mid")
    card = folder / "card.img"
    items = [Item(f"/{path}", source) for path, source in sorted(files.items())]
    build_image(card, items, size_bytes=CARD_BYTES, label="BENCHPAD", overwrite=True)
    say(f"card: FAT32, {CARD_BYTES >> 20} MiB, in card.img")
    with Board(card, Setup(ram_bytes=RAM_BYTES, card=GOOD_CARD)) as board:
        catalogue = board.boot.catalogue
        for line in board.log:
            say(f"boot {line.ms:7.1f} ms: {line.text}")
        good = _play(board, folder, RenderJob(folder / "song.wav"))
        boot_ms = board.log[-1].ms
    say(f"played song.wav: {good.counters.voices_peak} voices at once, {good.counters.underruns} underruns")
    with Board(card, Setup(ram_bytes=RAM_BYTES, card=TIRED_CARD)) as board:
        tired = _play(board, folder, RenderJob(folder / "slow-card.wav", seconds=TIRED_SECONDS))
    say(
        f"played slow-card.wav, {TIRED_SECONDS:.0f} s from a tired card: {tired.counters.underruns} underruns"
    )
    refused = tuple(f"{one.path}: {one.reason}" for one in catalogue.refused)
    result = DemoResult(folder, len(files), kit_bytes, len(catalogue.pads), refused, boot_ms, good, tired)
    (folder / SUMMARY).write_text(summary(result), "utf-8")
    return result


def _claim(folder: Path) -> None:
    """Mark the folder as a demo's, so that the next one may replace what this one leaves, whole or not."""
    page = folder / SUMMARY
    if page.is_file() and page.read_bytes().startswith(_TITLE.encode()):
        return
    taken = next((folder / name for name in _MADE if os.path.lexists(folder / name)), None)
    if taken is not None:
        raise InputError(f"{taken} is not of a demo, and would be replaced: name another folder with --out")
    page.write_text(f"{_TITLE}\n\nIt did not come to its end. Run it again.\n", "utf-8")


def _play(board: Board, folder: Path, job: RenderJob) -> RenderReport:
    messages = read_midi(folder / "song.mid", board.profile.value("engine.rate"))
    return render_song(board, messages, job)


def next_commands(folder: Path) -> list[str]:
    """What to type next, for a shell in the folder where the demo was started."""
    card, song = shlex.quote(str(folder / "card.img")), shlex.quote(str(folder / "song.mid"))
    out = shlex.quote(str(folder / "mine.wav"))
    return [
        f"benchpad boot {card}",
        f"benchpad card tree {card}",
        f"benchpad render {card} --midi {song} -o {out} --ram 8M --card-latency 4 --card-speed 8",
        f"benchpad render {card} --midi {song} --voices 12 --quality sinc --json",
        f"benchpad play {card}",
    ]


def summary(result: DemoResult) -> str:
    """The page that the demo leaves: what is there, what happened, what to look at, what to type."""
    refused = "\n".join(f"- `{line}`" for line in result.refused)
    commands = "\n".join(next_commands(result.folder))
    return f"""{_TITLE}

It synthesised {result.kit_files} files
({result.kit_bytes / 1e6:.0f} MB), put them on a FAT32 card image, booted
the generic sampler from it with {RAM_BYTES >> 20} MB of sample RAM ({result.pads} pads ready after
{result.boot_ms:.0f} ms of the device's time), and played a MIDI file through the streaming engine, twice.

| file | what it is |
|---|---|
| `kit/` | the samples: banks A to E, in the folders that the device reads |
| `card.img` | the card: {CARD_BYTES >> 20} MiB, FAT32 in a partition, sparse |
| `song.mid` | the song: channels 1 to 5 play banks A to E, note 36 is pad 1 |
| `song.wav` | the song from an ordinary card ({in_words(GOOD_CARD)}), 32-bit float |
| `slow-card.wav` | its first {TIRED_SECONDS:.0f} seconds from a tired card ({in_words(TIRED_CARD)}) |

## From the ordinary card

{_table(result.good)}

Look at `voices` against `underruns`: that many streams at once, from more audio than fits into the RAM, and
no block came late. `card` says how much of its time the card needed for that.

## From the tired card

{_table(result.tired)}

Listen for the holes: a voice whose block did not come in time fades out, keeps its place, and fades in
again. `underruns` names the pads and the reasons: the same would happen on the device with this card.

## Refused at boot

{refused}

## Type next

```
{commands}
```
"""


def _table(report: RenderReport) -> str:
    rows = "\n".join(f"| {name} | {text} |" for name, text in report.lines())
    return f"| | |\n|---|---|\n{rows}"
