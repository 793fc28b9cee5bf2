"""From what the user named to the stages of an import, each a stream of records.

Everything that can be known to be wrong is found here, before the first command is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from ledger_actors.importing.csv_commands import read_csv_commands
from ledger_actors.importing.csv_rows import BadHeader, read_header
from ledger_actors.importing.errors import MappingError, UnusableFile
from ledger_actors.importing.json_lines import read_json_lines
from ledger_actors.importing.mapping import FileSection, Mapping, Preamble, load_mapping
from ledger_actors.importing.records import CommandLine, Record

_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Stage:
    """Records that may be sent together; the next stage rests on them being in.

    `size` in bytes, the measure of `Record.end`. `records()` opens the file when it is begun and
    closes it when it is exhausted or closed.
    """

    name: str
    size: int
    records: Callable[[], Generator[Record, None, None]]


def plan_stages(file: Path, mapping: Path | None, *, batch: str = "") -> tuple[Stage, ...]:
    """What is sent, in order. Raises UnusableFile or MappingError, with a sentence."""
    if not file.exists():
        raise UnusableFile(file, "there is no such file")
    if mapping is not None:
        return _mapped(file, mapping, load_mapping(mapping), batch)
    if file.is_dir():
        raise UnusableFile(file, "is a folder; a mapping says which files in it go in, and how")
    if file.suffix.lower() not in _JSON_SUFFIXES:
        problem = (
            "is not named as JSON Lines are (.jsonl); delimited text needs a mapping, "
            "which says what its columns mean"
        )
        raise UnusableFile(file, problem)
    _refuse_utf16(file)
    return (_stage(file, lambda opened: read_json_lines(opened, file.name, batch)),)


def _mapped(file: Path, path: Path, mapping: Mapping, batch: str) -> tuple[Stage, ...]:
    files = _files(file, path, mapping)
    stages = [_mapped_stage(found, section, batch) for found, section in files]
    if mapping.preamble:
        stages.insert(0, _preamble_stage(path.name, mapping.preamble))
    return tuple(stages)


def _mapped_stage(file: Path, section: FileSection, batch: str) -> Stage:
    _check_columns(file, section)
    return _stage(file, lambda opened: read_csv_commands(opened, section, file.name, batch=batch))


def _files(file: Path, path: Path, mapping: Mapping) -> list[tuple[Path, FileSection]]:
    if file.is_dir():
        for at, section in enumerate(mapping.file):
            if not section.name:
                raise MappingError(path, f"file[{at}].name", f"is missing; {file} is a folder")
        return [(file / section.name, section) for section in mapping.file]
    if len(mapping.file) == 1:
        return [(file, mapping.file[0])]
    for section in mapping.file:
        if section.name == file.name:
            return [(file, section)]
    names = ", ".join(section.name for section in mapping.file)
    raise MappingError(path, "file", f"none is named {file.name}; there are {names}")


def _check_columns(file: Path, section: FileSection) -> None:
    with _opened(file) as opened:
        try:
            header = read_header(opened, section.dialect())
        except BadHeader as error:
            raise UnusableFile(file, str(error)) from error
    missing = sorted(section.columns() - set(header))
    if missing:
        told = ", ".join(map(repr, missing))
        there = ", ".join(map(repr, header))
        raise UnusableFile(file, f"has no column {told}, which the mapping reads; it has {there}")


def _refuse_utf16(file: Path) -> None:
    with _opened(file) as opened:
        if opened.read(2) in _UTF16_MARKS:
            raise UnusableFile(file, "is UTF-16; JSON Lines are UTF-8")


def _stage(file: Path, read: Callable[[BinaryIO], Iterator[Record]]) -> Stage:
    def records() -> Generator[Record, None, None]:
        with _opened(file) as opened:
            yield from read(opened)

    return Stage(file.name, file.stat().st_size, records)


def _preamble_stage(source: str, preamble: tuple[Preamble, ...]) -> Stage:
    lines = [
        CommandLine(source, at, at, msgspec.to_builtins(command))
        for at, command in enumerate(preamble, start=1)
    ]
    return Stage(source, len(lines), lambda: (line for line in lines))


def _opened(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise UnusableFile(file, f"cannot be read: {error.strerror}") from error
