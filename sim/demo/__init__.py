"""The demo: a kit, a card and a song made from nothing but a seed."""
