"""The check: everything that can be known of a card before the device sees it."""

from __future__ import annotations

from sim.check.report import CheckReport, Options
from sim.check.run import run_check

__all__ = ["CheckReport", "Options", "run_check"]
