"""Names that last: events and commands by what is stored and sent, not by their classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ledger_actors.runtime import (
    Command,
    CommandCatalog,
    DuplicateName,
    Event,
    EventCatalog,
    Form,
    FutureSchemaVersion,
    InvalidCommand,
    InvalidEvent,
    UnknownCommand,
    UnknownEventType,
)
from ledger_actors.store import RecordedEvent


def stored(name: str, payload: str, version: int = 1) -> RecordedEvent:
    return RecordedEvent(
        7, "cup-1", 1, name, version, payload, None, None, None, None, 0, "2026-01-01", ""
    )


@pytest.fixture
def events() -> EventCatalog:
    return EventCatalog()


@pytest.fixture
def poured(events: EventCatalog) -> type[Event]:
    @events.define(
        "milk.poured",
        version=3,
        formerly=("milk.spilt",),
        upcasters={
            1: lambda data: {"litres": data["pints"] // 2},
            2: lambda data: {"millilitres": 1000 * data["litres"]},
        },
    )
    class Poured(Event, frozen=True):
        millilitres: int

    return Poured


def test_what_is_written_is_read_back(events: EventCatalog, poured: Any) -> None:
    new = events.encode(poured(250))

    assert (new.type, new.schema_version, new.payload) == ("milk.poured", 3, '{"millilitres":250}')
    assert events.decode(stored(new.type, new.payload, 3)) == (poured(250),)


@pytest.mark.parametrize("name", ["milk.poured", "milk.spilt"])
@pytest.mark.parametrize(
    ("version", "payload"), [(1, '{"pints":4}'), (2, '{"litres":2}'), (3, '{"millilitres":2000}')]
)
def test_older_forms_and_names_are_brought_up_step_by_step(
    events: EventCatalog, poured: Any, name: str, version: int, payload: str
) -> None:
    assert events.decode(stored(name, payload, version)) == (poured(2000),)


@pytest.fixture
def breakfast(events: EventCatalog, poured: type[Event]) -> type[Event]:
    """Once it was one event that milk was poured and bread buttered; and grace was said."""

    @events.define("bread.buttered")
    class Buttered(Event, frozen=True):
        slices: int

    def split(payload: dict[str, Any], version: int) -> Iterator[Form]:
        milk = Form("milk.poured", {"litres": payload["milk"]}, 2)
        return iter([Form("bread.buttered", {"slices": payload["bread"]}), milk][: version + 1])

    events.replace("breakfast.had", into=["milk.poured", "bread.buttered"], by=split, version=2)
    events.replace("grace.said", by=lambda _payload, _version: ())
    return Buttered


def test_one_that_has_become_several_is_read_as_those_in_todays_form(
    events: EventCatalog, poured: Any, breakfast: Any
) -> None:
    had = stored("breakfast.had", '{"milk":1,"bread":2}', 2)
    assert events.decode(had) == (breakfast(2), poured(1000))


@pytest.mark.usefixtures("breakfast")
def test_one_that_was_dropped_is_read_as_nothing(events: EventCatalog) -> None:
    assert events.decode(stored("grace.said", "{}")) == ()


@pytest.mark.usefixtures("breakfast")
def test_what_replaces_one_is_held_to_the_same_rules(events: EventCatalog) -> None:
    with pytest.raises(FutureSchemaVersion, match=r"breakfast\.had in schema version 3.*up to 2"):
        events.decode(stored("breakfast.had", "{}", 3))
    with pytest.raises(InvalidEvent, match=r"event 7 .*what replaces it failed: KeyError"):
        events.decode(stored("breakfast.had", "{}", 2))


@pytest.mark.usefixtures("breakfast")
def test_a_name_that_was_replaced_is_no_classs(events: EventCatalog) -> None:
    with pytest.raises(ValueError, match="is replaced already"):
        events.define("grace.said")
    with pytest.raises(ValueError, match="has a class"):
        events.replace("milk.spilt", by=lambda _payload, _version: ())


@pytest.mark.usefixtures("breakfast")
@pytest.mark.parametrize(
    ("wanted", "aliases"),
    [
        ("milk.poured", {"milk.spilt", "breakfast.had"}),
        ("bread.buttered", {"breakfast.had"}),
        ("grace.said", set()),
    ],
)
def test_who_wants_an_event_wants_what_is_read_as_one(
    events: EventCatalog, wanted: str, aliases: set[str]
) -> None:
    assert set(events.aliases(lambda name: name == wanted)) == aliases


def test_an_unknown_type_is_named(events: EventCatalog) -> None:
    with pytest.raises(UnknownEventType, match=r"event 7 is of type 'tea\.poured'"):
        events.decode(stored("tea.poured", "{}"))


@pytest.mark.usefixtures("poured")
def test_a_form_from_the_future_is_named(events: EventCatalog) -> None:
    with pytest.raises(FutureSchemaVersion, match=r"milk\.poured in schema version 4.*up to 3"):
        events.decode(stored("milk.poured", "{}", 4))


@pytest.mark.usefixtures("poured")
@pytest.mark.parametrize(
    ("version", "payload"),
    [(3, '{"litres":1}'), (3, '{"millilitres":"x"}'), (3, "no json"), (1, '{"litres":1}')],
)
def test_a_payload_that_does_not_fit_names_the_event(
    events: EventCatalog, version: int, payload: str
) -> None:
    with pytest.raises(InvalidEvent, match=r"event 7 \(milk\.poured\)"):
        events.decode(stored("milk.poured", payload, version))


def test_a_step_that_is_missing_is_seen_when_the_class_is_made(events: EventCatalog) -> None:
    with pytest.raises(ValueError, match=r"needs upcasters from versions \[2\]"):
        events.define("milk.poured", version=3, upcasters={1: dict})


def test_a_name_is_one_classs(events: EventCatalog, poured: Any) -> None:
    with pytest.raises(DuplicateName, match="Poured"):

        @events.define("milk.spilt")
        class Spilt(Event, frozen=True):
            pass

    again = type(
        poured.__name__, (Event,), {"__module__": poured.__module__, "__annotations__": {}}
    )
    again.__qualname__ = poured.__qualname__
    assert events.define("milk.poured")(again) is again  # the same module, loaded once more


def test_a_subclass_is_not_stored_under_its_parents_name(events: EventCatalog, poured: Any) -> None:
    """It would be read back as its parent, without what it adds."""

    class PouredAway(poured, frozen=True):  # type: ignore[misc]
        why: str = ""

    with pytest.raises(InvalidEvent, match="PouredAway has no stable name"):
        events.encode(PouredAway(1))


@pytest.fixture
def commands() -> CommandCatalog:
    catalog = CommandCatalog()

    @catalog.define("PourMilk")
    class Pour(Command, frozen=True):
        cup: str
        litres: int = 1

    return catalog


@pytest.mark.parametrize("data", [b'{"cup":"a"}', {"cup": "a"}, msgspec.Raw(b'{"cup":"a"}')])
def test_a_command_is_made_of_json_or_of_plain_values(commands: CommandCatalog, data: Any) -> None:
    order: Any = commands.decode("PourMilk", data)

    assert (order.cup, order.litres) == ("a", 1)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"{}", "missing required field `cup`"),
        (b'{"cup":"a","milk":1}', "unknown field `milk`"),
        (b'{"cup":1}', r"Expected `str`, got `int` - at `\$\.cup`"),
        (b'{"cup":"a","litres":1.5}', r"Expected `int`, got `float` - at `\$\.litres`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{", "PourMilk: "),
        (b'{"cup":"\xff"}', "PourMilk: .*utf-8"),
        (b'{"cup":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "PourMilk: "),
    ],
)
def test_what_is_wrong_with_a_command_is_said(
    commands: CommandCatalog, data: bytes, sentence: str
) -> None:
    with pytest.raises(InvalidCommand, match=sentence):
        commands.decode("PourMilk", data)


def test_an_unknown_command_is_told_of_the_nearest(commands: CommandCatalog) -> None:
    with pytest.raises(UnknownCommand, match=r"no command 'PuorMilk'; did you mean PourMilk\?"):
        commands.decode("PuorMilk", {})


def test_two_commands_do_not_share_a_name(commands: CommandCatalog) -> None:
    with pytest.raises(DuplicateName):

        @commands.define("PourMilk")
        class Other(Command, frozen=True):
            pass
