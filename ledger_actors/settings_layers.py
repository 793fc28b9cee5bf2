"""Where settings come from: the TOML files and the environment, and the mistakes in them.

pydantic-settings reads the files, merges the layers and checks the result. What it does not do is
say *where* a wrong value came from, refuse a variable that nobody reads, or see a mistake that a
later layer covers. So each layer checks itself against the model, key by key, before the merge.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    TomlConfigSettingsSource,
)

PREFIXES = ("LEDGER_", "PROJECTOR_")
"""A variable that begins so is ours: one that names no setting is a mistake, not a stranger."""

EXPECTED = {
    "path_type": "a path",
    "zoneinfo_str": "a time zone such as Europe/Vienna",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "a string",
}
"""What is right, in our words, where pydantic's are for programmers."""

EXTRA_FILE = "LEDGER_CONFIG"
ENVIRONMENT_NAME = "LEDGER_ENV"


class InvalidSettings(ValueError):
    """The settings cannot be used; nothing was started. ``problems`` has a sentence for each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def config_folder() -> Path:
    """Return the folder of config.toml: the installed one, or the checkout's.

    A wheel carries it inside the package; a checkout has it beside the package.
    """
    package = Path(__file__).parent
    installed = package / "config"
    return installed if installed.is_dir() else package.parent / "config"


def setting_keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return each setting under its dotted key, such as ``journal.max_batch``."""
    found: dict[str, FieldInfo] = {}
    for name, field in model.model_fields.items():
        section = _section(field)
        if section is None:
            found[name] = field
        else:
            found |= {f"{name}.{key}": inner for key, inner in setting_keys(section).items()}
    return found


def variable(key: str) -> str:
    """Return the environment variable of a setting."""
    name = key.replace(".", "_").upper()
    return name if name.startswith(PREFIXES) else f"LEDGER_{name}"


def sentence(error: ErrorDetails, *, where: str = "") -> str:
    """Return pydantic's error as a sentence that names the setting, its value and what is right."""
    key = where or ".".join(str(part) for part in error["loc"])
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if error["type"] == "value_error":
        return message
    if error["type"] in EXPECTED:
        return f"{key} should be {EXPECTED[error['type']]}; found {error['input']!r}"
    if error["type"] == "missing":
        return f"{key} is set nowhere; config.toml should have a default for it"
    if error["type"] == "extra_forbidden":
        return f"{key} is not a setting"
    return f"{key} {message}; found {error['input']!r}"


class TomlFile(TomlConfigSettingsSource):
    """One TOML file as a layer."""

    def __init__(self, settings_cls: type[BaseSettings], path: Path) -> None:
        self.path = path
        try:
            super().__init__(settings_cls, toml_file=path)
        except (ValueError, RecursionError) as error:  # also a number or lists without end
            raise InvalidSettings([f"{path} is not TOML: {error}"]) from error
        except OSError as error:
            raise InvalidSettings([f"{path} cannot be read: {error.strerror}"]) from error

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each key of the file that is unknown or has a wrong value."""
        keys = setting_keys(self.settings_cls)
        for key, value in _flat(self.toml_data, keys):
            if key == "env":
                yield f"{self.path}: env does not belong in a file; set {ENVIRONMENT_NAME}"
            elif key in keys:
                yield from _wrong(keys[key], value, where=f"{self.path}: {key}")
            elif key in (top := self.settings_cls.model_fields):
                yield f"{self.path}: {key} should be a table, [{key}]; found {value!r}"
            else:
                known = keys if "." in key else top
                yield f"{self.path}: {key} is not a setting; {_suggestion(key, known)}"


class Environment(PydanticBaseSettingsSource):
    """The environment variables as a layer; one that is empty counts as not set."""

    def __init__(self, settings_cls: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings_cls)
        self.keys = {variable(key): key for key in setting_keys(settings_cls)}
        self.ours = {
            name: text for name, text in environ.items() if name.startswith(PREFIXES) and text
        }

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what the library asks of a source for a single field; ours are read whole."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values, nested as the model is, each of its setting's type."""
        values: dict[str, Any] = {}
        fields = setting_keys(self.settings_cls)
        for name, text in self.ours.items():
            if name in self.keys:
                section, _, key = self.keys[name].rpartition(".")
                table = values.setdefault(section, {}) if section else values
                table[key] = _adapter(fields[self.keys[name]]).validate_strings(text)
        return values

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each of our variables that is unknown or has a wrong value."""
        fields = setting_keys(self.settings_cls)
        for name, text in sorted(self.ours.items()):
            if name in self.keys:
                yield from _wrong(fields[self.keys[name]], text, where=name, strings=True)
            elif name != EXTRA_FILE:
                known = [*self.keys, EXTRA_FILE]
                yield f"the variable {name} names no setting; {_suggestion(name, known)}"


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers below the arguments, first what wins."""

    environment: Environment
    files: tuple[TomlFile, ...]

    @classmethod
    def read(cls, model: type[BaseSettings], env: object = None) -> Layers:
        """Read the files for ``env`` (or ``LEDGER_ENV``, or dev) and the variables of this process.

        Raises `InvalidSettings` when there is no such environment, or a file is missing, cannot
        be read or is not TOML.
        """
        known = get_args(model.model_fields["env"].annotation)
        name = env or os.environ.get(ENVIRONMENT_NAME) or model.model_fields["env"].default
        if name not in known:
            source = "env" if env else ENVIRONMENT_NAME
            raise InvalidSettings([f"{source} should be one of {', '.join(known)}; found {name!r}"])
        paths = [config_folder() / "config.toml", config_folder() / f"{name}.toml"]
        if extra := os.environ.get(EXTRA_FILE):
            paths.append(_extra_file(extra))
        return cls(
            Environment(model, os.environ),
            tuple(TomlFile(model, _existing(path)) for path in reversed(paths)),
        )

    @property
    def sources(self) -> tuple[PydanticBaseSettingsSource, ...]:
        """The layers as pydantic-settings takes them."""
        return (self.environment, *self.files)

    def problems(self) -> tuple[str, ...]:
        """Return a sentence for each mistake, the files' first."""
        in_files = (text for file in reversed(self.files) for text in file.problems())
        return (*in_files, *self.environment.problems())


def user_path(path: Path) -> Path:
    """Return a path whose `~` is a home folder.

    Raises:
        PydanticCustomError: it has a NUL in it, or names a user that there is not; with a sentence.
    """
    if "\0" in str(path):
        raise PydanticCustomError("path", "should be a path, which has no NUL in it")
    try:
        return path.expanduser()
    except RuntimeError:
        what = "should be a path; nobody of that name has a home folder"
        raise PydanticCustomError("path", what) from None


def _extra_file(name: str) -> Path:
    try:
        return user_path(Path(name))
    except PydanticCustomError as error:
        raise InvalidSettings([f"{EXTRA_FILE} {error.message()}; found {name!r}"]) from error


def _existing(path: Path) -> Path:
    if path.is_file():
        return path
    whose = "" if path.parent == config_folder() else f"; {EXTRA_FILE} names it"
    what = "is no file" if path.exists() else "is not there"
    raise InvalidSettings([f"{path} {what}{whose}"])


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _flat(
    table: Mapping[str, Any], keys: Iterable[str], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    """Yield each dotted key of a file; a table is entered where settings may be in it."""
    sections = {key.rpartition(".")[0] for key in keys}
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key in sections:
            yield from _flat(value, keys, f"{key}.")
        else:
            yield key, value


def _adapter(field: FieldInfo) -> TypeAdapter[Any]:
    kind: Any = Annotated[field.annotation, field]
    return TypeAdapter(kind, config=ConfigDict(strict=True))


def _wrong(field: FieldInfo, value: object, *, where: str, strings: bool = False) -> Iterator[str]:
    """Yield a sentence for each reason why ``value`` cannot be that setting's."""
    if field.annotation is SecretStr and not isinstance(value, str):
        yield f"{where} should be a string; what was found is not shown"
        return
    check = _adapter(field).validate_strings if strings else _adapter(field).validate_python
    try:
        check(value)
    except ValidationError as error:
        for detail in error.errors():
            yield sentence(detail, where=where)


def _suggestion(name: str, known: Iterable[str]) -> str:
    """Return the name that was probably meant, or what there is."""
    if close := difflib.get_close_matches(name, known, n=1):
        return f"did you mean {close[0]}?"
    section = f"{name.rpartition('.')[0]}."
    beside = [key for key in known if key.startswith(section)]
    return f"there are {', '.join(sorted(beside or known))}"
