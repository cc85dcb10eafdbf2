"""``python -m sim`` is the ``benchpad`` command."""

from sim.cli import main

main()
