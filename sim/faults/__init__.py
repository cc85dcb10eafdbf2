"""What goes wrong with a card: scripts of faults on the clock, what becomes of each, and the count of it."""
