"""Pages of the log, decoded by one call into what the program knows them as.

Event by event, decoding takes twice as long: most of it is calls. So each form that is known has a
class of `Recorded`, whose tag is the form, and a page is a list of any of them.
"""

from __future__ import annotations

from functools import reduce
from operator import attrgetter, or_
from typing import Any

import msgspec

from ledger_actors.runtime.catalog import Event, EventCatalog
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.store.model import LOG_FIELDS

__all__ = ["TypedPages"]

_by_id = attrgetter("id")

assert Recorded.__struct_fields__ == ("event", *LOG_FIELDS), "arrays are decoded by their order"


class TypedPages:
    """Decodes what `EventStore.read_as_json` tells. For one thread."""

    def __init__(self, known: EventCatalog) -> None:
        self._known = known
        self._names = 0
        self._decoder: msgspec.json.Decoder[list[Any]] | None = None

    def decode(self, text: str) -> list[Recorded] | None:
        """Return the events of a page in order; `None` where one of them is not in today's form."""
        if self._names != len(self._known):  # more of the program was imported
            self._names = len(self._known)
            self._decoder = _decoder(self._known)
        if self._decoder is None:
            return None
        try:
            page = self._decoder.decode(text)
        except msgspec.DecodeError:
            return None  # event by event it is read as of today, or it is told which one cannot be
        page.sort(key=_by_id)
        return page


def _decoder(known: EventCatalog) -> msgspec.json.Decoder[list[Any]] | None:
    kinds = tuple(_of_form(form, cls) for form, cls in known.forms())
    return msgspec.json.Decoder(list[reduce(or_, kinds)]) if kinds else None  # type: ignore[misc]


def _of_form(form: str, cls: type[Event]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        Recorded.__name__,
        [("event", cls)],
        bases=(Recorded,),
        array_like=True,
        tag_field="form",
        tag=form,
        frozen=True,
        gc=False,
    )
