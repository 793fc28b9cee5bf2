"""How fast it is, each figure beside a peer's in the same run: `make bench`."""

from __future__ import annotations
