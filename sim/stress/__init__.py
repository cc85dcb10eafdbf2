"""Stress runs: how many voices a card, its RAM and its samples hold, what gives first, what would help.

`report` says what comes out, `kit` what is played, `trial` how one run is made, `bound` where the card must
be used up, `sweep` how the limit is found, `changes` what is tried to move it, `judge` what gives first,
`run` puts them together; `song` plays a song and watches it.
"""
