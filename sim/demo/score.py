"""The piece that the demo plays: 16 bars in A minor, its harmony known to the kit and to the song."""

from __future__ import annotations

BPM = 110
BARS = 16
BEATS_PER_BAR = 4

# Eight bars, played twice: root of the bass, then four voices from low to high, as MIDI note numbers.
ROOTS = (33, 29, 36, 31, 38, 33, 29, 28)  # A F C G D A F E
VOICES = (
    (57, 60, 64, 71),  # Am9
    (57, 60, 65, 72),  # F
    (55, 60, 64, 74),  # C9
    (55, 59, 62, 71),  # G
    (53, 57, 60, 69),  # Dm7
    (57, 60, 64, 67),  # Am7
    (53, 57, 60, 69),  # F
    (52, 56, 59, 68),  # E
)
BASS_NOTES = (28, 29, 31, 33, 36, 38, 40, 41, 43, 45, 48, 50)

BEAT_SECONDS = 60 / BPM
BAR_SECONDS = BEATS_PER_BAR * BEAT_SECONDS

DRUMS = ("kick", "snare", "clap", "hat closed", "hat open", "rim", "tom low", "tom high", "shaker")
