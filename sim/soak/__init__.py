"""A day of random playing with random faults, and the proof that nothing was lost, leaked or shifted."""
