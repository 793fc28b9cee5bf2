"""What makes an import impossible; a bad line is not one of these, it is a value (records.py)."""

from __future__ import annotations

from pathlib import Path


class ImportingError(Exception):
    """The root: nothing was sent, because the file or its mapping cannot be used at all."""


class UnusableFile(ImportingError, ValueError):
    """The file is not there, cannot be read, or is not what the mapping says it is."""

    def __init__(self, path: Path | str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class MappingError(ImportingError, ValueError):
    """The mapping says something that cannot be carried out; names the file and the key."""

    def __init__(self, path: Path | str, key: str, problem: str) -> None:
        self.path = path
        self.key = key
        self.problem = problem
        where = f"{path}, {key}" if key else f"{path}"
        super().__init__(f"{where}: {problem}")
