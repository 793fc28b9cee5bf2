"""The ledger's aggregates."""

from __future__ import annotations
