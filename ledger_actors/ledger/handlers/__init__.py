"""The ledger's handlers."""

from __future__ import annotations
