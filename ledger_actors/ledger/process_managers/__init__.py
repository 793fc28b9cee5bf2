"""The ledger's process managers."""

from __future__ import annotations
