"""Lengths of time as this project counts it: in microseconds, days being those of UTC."""

from __future__ import annotations

__all__ = ["DAY_US", "HOUR_US"]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
