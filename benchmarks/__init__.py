"""Measurements, run by hand: ``make bench``. Not installed."""

from __future__ import annotations
