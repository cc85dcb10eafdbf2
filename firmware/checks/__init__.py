"""What can be said of a card beyond what its boot refuses: pure functions from what is there to findings."""
