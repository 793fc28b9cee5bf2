"""The ledger's projectors."""

from __future__ import annotations
