"""The one place that knows Pykka's private names.

Pykka's envelope, its stop request and its attribute look-up are not public, and an actor
class that interoperates with Pykka's proxies and references needs all three. When Pykka
changes, this file changes.
"""

from __future__ import annotations

from pykka._envelope import Envelope
from pykka._introspection import get_attr_directly
from pykka.messages import _ActorStop as StopRequest

__all__ = ["Envelope", "StopRequest", "get_attr_directly"]
