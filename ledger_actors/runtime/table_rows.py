"""The rows of a read model's table, as structs, many to a statement.

A projector that takes events in batches reads the rows that they touch, changes them in memory and
writes each once. A statement for each row would cost more than the row: Python gives its lock away
for it, and with other threads busy waits to have it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Generic, TypeVar

import msgspec
from sqlite_utils import Database

__all__ = ["Rows"]

R = TypeVar("R", bound=msgspec.Struct)
MOST_AT_ONCE = 256
"""Rows to a statement: times its columns no more than SQLite takes values (32,766)."""


class Rows(Generic[R]):
    """A table with a column for each field of a struct, found by the column `key`.

    What is no number or text is kept as msgspec writes it: decimals and dates as text, enums as
    their values, booleans as 0 and 1. Not for floats and bytes, which JSON does not hold exactly.

    Example:
        >>> class Total(msgspec.Struct):
        ...     name: str
        ...     total: int = 0
        >>> db, totals = Database(memory=True), Rows("totals", Total, key="name")
        >>> _ = db.table("totals").create({"name": str, "total": int}, pk="name")
        >>> totals.put(db, [Total("a", 5), Total("b", 2)])
        >>> totals.find(db, ["a", "c"])
        {'a': Total(name='a', total=5)}
    """

    def __init__(self, table: str, kind: type[R], *, key: str) -> None:
        self._columns = kind.__struct_fields__
        self._key = key
        names = ", ".join(self._columns)
        fields = ", ".join(f"'{name}', {name}" for name in self._columns)
        self._find = (
            f"SELECT '[' || coalesce(group_concat(json_object({fields})), '') || ']' "
            f"FROM {table} WHERE {key} IN "
        )
        self._put = f"INSERT INTO {table} ({names}) VALUES "
        others = ", ".join(f"{name} = excluded.{name}" for name in self._columns if name != key)
        self._replace = f" ON CONFLICT ({key}) DO UPDATE SET {others}"
        self._delete = f"DELETE FROM {table} WHERE {key} IN "
        self._decode = msgspec.json.Decoder(list[kind], strict=False).decode  # type: ignore[valid-type]

    def find(self, db: Database, keys: Iterable[Any]) -> dict[Any, R]:
        """Return the rows that are there, by their keys."""
        found: dict[Any, R] = {}
        for some in _portions(keys):
            statement = self._find + _values(1, len(some))
            (text,) = db.conn.execute(statement, some).fetchone()
            found.update((getattr(row, self._key), row) for row in self._decode(text))
        return found

    def put(self, db: Database, rows: Iterable[R]) -> None:
        """Write rows, each in the place of the one with its key, if there is one."""
        for some in _portions(rows):
            values = (row.values() for row in msgspec.to_builtins(some))
            statement = self._put + _values(len(some), len(self._columns)) + self._replace
            db.conn.execute(statement, tuple(chain.from_iterable(values)))

    def delete(self, db: Database, keys: Iterable[Any]) -> None:
        """Remove the rows of these keys, where they are there."""
        for some in _portions(keys):
            db.conn.execute(self._delete + _values(1, len(some)), some)


def _portions(items: Iterable[Any]) -> Iterable[Sequence[Any]]:
    """Cut into powers of two, the largest first: few different statements, each prepared once."""
    left = tuple(items)
    size = MOST_AT_ONCE
    start = 0
    while start < len(left):
        while size > len(left) - start:
            size //= 2
        yield left[start : start + size]
        start += size


@lru_cache(maxsize=256)
def _values(rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return ", ".join([row] * rows)
