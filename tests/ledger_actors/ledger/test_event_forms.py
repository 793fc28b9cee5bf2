"""Events as they lie in stores: a form that has been written once must be readable for ever.

`event_forms.jsonl` holds one event of each type and version. When a test here fails over a change
of an event, do not change its line: raise the event's version, give it an upcaster, and add a line.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger_actors.ledger import EVENT_TYPES
from ledger_actors.ledger.entries import Entry, Reason, kind_of, postings_of
from ledger_actors.ledger.projectors.trial_balance import MONEY, TRANSIT
from ledger_actors.runtime import EVENTS, Event
from ledger_actors.runtime.recorded import decode_recorded
from ledger_actors.runtime.typed_pages import TypedPages
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from ledger_actors.store.model import RecordedEvent
from ledger_actors.store.sqlite import MEMORY


class Form(msgspec.Struct, frozen=True):
    type: str
    version: int
    payload: msgspec.Raw

    @property
    def text(self) -> str:
        return bytes(self.payload).decode()

    def read(self) -> Event:
        fields: dict[str, Any] = dict.fromkeys(RecordedEvent.__struct_fields__)
        fields |= {"id": 1, "type": self.type, "schema_version": self.version}
        (event,) = EVENTS.decode(RecordedEvent(**fields | {"payload": self.text}))
        return event


LINES = Path(__file__).with_name("event_forms.jsonl").read_bytes()
FORMS = msgspec.json.Decoder(Form).decode_lines(LINES)
each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.type}-{form.version}")


@each_form
def test_what_was_written_is_read_again(form: Form) -> None:
    assert form.read().event_type == form.type


@each_form
def test_an_event_is_written_in_this_form(form: Form) -> None:
    event = form.read()
    if event.event_version == form.version:
        assert EVENTS.encode(event).payload == form.text


def test_a_page_of_them_is_what_they_are_read_as_one_by_one() -> None:
    todays = [form for form in FORMS if form.read().event_version == form.version]
    events = tuple(NewEvent(form.type, form.text, form.version) for form in todays)
    with SqliteEventStore(MEMORY) as store:
        store.append([Append((StreamWrite("any", events),))])
        text = store.read_as_json(after=0, limit=len(events))
        by_row = [one for row in store.read_all() for one in decode_recorded(row, EVENTS)]

    assert text is not None
    found = TypedPages(EVENTS).decode(text)
    assert found is not None
    assert [msgspec.structs.astuple(one) for one in found] == [
        msgspec.structs.astuple(one) for one in by_row
    ]


def test_every_event_type_has_its_form_here() -> None:
    forms = {(form.type, form.version) for form in FORMS}
    assert forms >= {(kind.event_type, kind.event_version) for kind in EVENT_TYPES}


@each_form
def test_what_has_an_amount_is_posted_between_known_balances(form: Form) -> None:
    """An event that moved money and were not posted would make the trial balance a lie."""
    event = form.read()
    assert isinstance(event, Entry) == hasattr(event, "amount")
    for posting in postings_of(event):
        assert kind_of(posting.balance) in MONEY | TRANSIT | {"external", "product", "claims"}
    if isinstance(event, Entry):
        assert event.cause() in Reason
