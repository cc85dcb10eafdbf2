"""Stress runs: how many voices a card, its RAM and its samples hold, what gives first, what would help.

`report` says what comes out, `kit` what is played, `trial` how one run is made, `bound` what no reader can
beat, `sweep` how the limit is found, `suggest` what is tried to move it.
"""
