"""Pictures for the page: waveforms of samples and a map of the card, as inline SVG."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from firmware.catalogue import SampleInfo
from firmware.checks.audio import decode, full_scale
from sdcard_image.types import Card, CardError, CardInfo
from sim.check.listening import frame_reader
from sim.check.markup import text

COLUMNS = 160  # of a waveform
_MOST_READ = 4 << 20  # bytes of a sample that are read whole; of a longer one, a stretch for each column
_STRETCH = 1_024  # frames
MAP_COLUMNS, MAP_ROWS = 128, 16
_RANK = {"free": 0, "used": 1, "note": 2, "warning": 3, "error": 4}


def waveform(card: Card, sample: SampleInfo) -> str:
    """A sample's waveform as SVG; empty where it cannot be read. Both channels are drawn as one."""
    try:
        columns = _columns(card, sample)
    except CardError:
        return ""
    up = " ".join(f"{x},{50 - 50 * high:.1f}" for x, (_, high) in enumerate(columns))
    down = " ".join(f"{x},{50 - 50 * low:.1f}" for x, (low, _) in reversed(list(enumerate(columns))))
    label = text(f"Waveform of {sample.path}")
    return (
        f'<svg class="wave" viewBox="0 0 {max(1, len(columns) - 1)} 100" preserveAspectRatio="none"'
        f' role="img" aria-label="{label}"><path class="axis" d="M0 50H{COLUMNS}"/>'
        f'<polygon points="{up} {down}"/></svg>'
    )


def _columns(card: Card, sample: SampleInfo) -> list[tuple[float, float]]:
    """Lowest and highest value of each column, as parts of full scale, from -1 to 1."""
    read, width = frame_reader(card, sample), sample.channels * sample.encoding.size_bytes
    edges = [sample.frames * i // COLUMNS for i in range(COLUMNS + 1)]
    spans = [(a, b - a) for a, b in itertools.pairwise(edges) if b > a]
    if sample.frames * width <= _MOST_READ:
        data = read(0, sample.frames)
        return [_extremes(data[a * width : (a + n) * width], sample) for a, n in spans]
    return [_extremes(read(a, min(n, _STRETCH)), sample) for a, n in spans]


def _extremes(data: bytes, sample: SampleInfo) -> tuple[float, float]:
    whole = len(data) // sample.encoding.size_bytes * sample.encoding.size_bytes
    values = decode(data[:whole], sample.encoding)
    if not len(values):
        return 0.0, 0.0
    scaled = np.nan_to_num(values.astype(np.float64) / full_scale(sample.encoding), posinf=1.0, neginf=-1.0)
    return max(-1.0, float(scaled.min())), min(1.0, float(scaled.max()))


def card_map(
    info: CardInfo, pieces: Mapping[str, Sequence[tuple[int, int]]], verdicts: Mapping[str, str]
) -> str:
    """The card from its first byte to its last, row by row, each cell coloured by the worst that lies in it.

    ``pieces`` are (offset, length) by path; ``verdicts`` the severity of what was found in a path.
    """
    cells = [0] * (MAP_COLUMNS * MAP_ROWS)
    for path, runs in pieces.items():
        rank = _RANK[verdicts.get(path, "used")]
        for offset, length in runs:
            first = _cell(offset, info.size_bytes)
            for cell in range(first, _cell(offset + max(length, 1) - 1, info.size_bytes) + 1):
                cells[cell] = max(cells[cell], rank)
    names = list(_RANK)
    rects = (
        f'<rect class="m-{names[rank]}" x="{start % MAP_COLUMNS}" y="{start // MAP_COLUMNS}"'
        f' width="{count}" height="1"/>'
        for start, count, rank in _runs(cells)
    )
    return (
        f'<svg class="map" viewBox="0 0 {MAP_COLUMNS} {MAP_ROWS}" preserveAspectRatio="none" role="img"'
        f' aria-label="Map of the card">{"".join(rects)}</svg>'
    )


def _cell(offset: int, size: int) -> int:
    count = MAP_COLUMNS * MAP_ROWS
    return min(max(0, offset * count // max(size, 1)), count - 1)


def _runs(cells: Sequence[int]) -> Iterable[tuple[int, int, int]]:
    """Neighbouring cells of the same rank in a row: first, count, rank."""
    start = 0
    for at in range(1, len(cells) + 1):
        if at == len(cells) or cells[at] != cells[start] or at % MAP_COLUMNS == 0:
            yield start, at - start, cells[start]
            start = at
