"""The direction of the imports, and what each package may know."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pykka
import pytest

from supervision.actor import Actor

ROOT = Path(__file__).parents[1]
PACKAGES = ("supervision", "ledger_actors")

MAY_IMPORT = {
    "supervision": set(),
    "store": {"supervision"},
    "runtime": {
        "store",
        "_version",
        "command_ids",
        "json_decoders",
        "processors",
        "supervision",
    },
    "ledger": {"runtime"},
    "daily_cycler": {"ledger", "runtime", "supervision"},
    "read_models": {"ledger", "runtime"},
    "business_dates": {"ledger", "runtime"},
    "_version": set(),
    "command_ids": set(),
    "json_decoders": {"supervision"},
    "processors": set(),
    "settings_layers": set(),
    "settings": {"settings_layers"},
    "logs": {"settings", "supervision"},
    # Whatever is above the domain: the ways in and out, and the one place that knows everything.
    "daemon": {"*"},
    "importing": {"daemon", "ledger_api"},
    "demos": {"*"},
    "ledger_api": {"*"},
    "application": {"*"},
    "__main__": {"daemon"},
    "__init__": {"ledger_api", "_version"},
}
"""Unit (a folder or a module of ledger_actors, or supervision) -> the units it may import."""

ABOVE_THE_DOMAIN = {"daemon", "importing", "demos", "ledger_api", "application", "__main__"}
"""Units that no other than these may import: they are what `*` is for."""

KNOWS_SQLITE = {
    "sqlite3": {"ledger_actors.store", "ledger_actors.runtime.read_models"},
    # A read model is a sqlite-utils Database: a projector writes it, and who needs it reads it.
    "sqlite_utils": {
        "ledger_actors.store",
        "ledger_actors.runtime.read_models",
        "ledger_actors.runtime.table_rows",
        "ledger_actors.runtime.projector",
        "ledger_actors.runtime.process_manager",
        "ledger_actors.ledger.projectors",
        "ledger_actors.read_models",
    },
}
"""The packages and modules that may import them: nobody else knows that there is SQLite."""

DISTRIBUTIONS = {
    "sqlite_utils": "sqlite-utils",
    "pydantic_settings": "pydantic-settings",
    "pydantic_core": "pydantic",
    "IPython": "ipython",
}
"""Where the name that is imported is not the name that is installed."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module or name, and where."""

    module: str
    name: str
    importer: str
    place: str

    @property
    def full(self) -> str:
        return f"{self.module}.{self.name}" if self.name else self.module


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def unit(module: str) -> str:
    """The unit of a module: `ledger_actors.store.chain` is of `store`."""
    first, _, rest = module.partition(".")
    return first if first != "ledger_actors" else rest.partition(".")[0] or "__init__"


@cache
def modules() -> dict[str, ast.Module]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imports(importer: str, tree: ast.Module) -> Iterator[Import]:
    """Every import of a module, also those inside functions and under TYPE_CHECKING."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, "", importer, f"{importer}:{node.lineno}")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{importer}:{node.lineno} has a relative import"
            for alias in node.names:
                module, name = node.module or "", alias.name
                yield Import(module, name, importer, f"{importer}:{node.lineno}")


@cache
def all_imports() -> tuple[Import, ...]:
    return tuple(one for name, tree in modules().items() for one in imports(name, tree))


def imported_unit(one: Import) -> str:
    """The unit that is imported; `from ledger_actors import settings` imports `settings`."""
    if one.module == "ledger_actors" and one.name in MAY_IMPORT:
        return one.name
    return unit(one.module)


def ours(one: Import) -> bool:
    return one.module.partition(".")[0] in PACKAGES


def test_every_unit_has_its_place_in_the_table() -> None:
    """A new folder or module says in MAY_IMPORT what it stands on."""
    assert {unit(name) for name in modules()} <= set(MAY_IMPORT)


def points_up(one: Import) -> bool:
    """Whether a unit imports another one that it does not stand on."""
    importer, imported = unit(one.importer), imported_unit(one)
    return imported != importer and not {imported, "*"} & MAY_IMPORT.get(importer, set())


def test_no_import_points_up() -> None:
    wrong = [
        f"{one.place} imports {one.full}" for one in all_imports() if ours(one) and points_up(one)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "text", "expected"),
    [
        ("supervision.actor", "import ledger_actors", True),
        ("supervision.actor", "def f():\n    from ledger_actors.store import chain", True),
        ("ledger_actors.store.chain", "from ledger_actors.runtime.catalog import event", True),
        ("ledger_actors.store.chain", "from ledger_actors import settings", True),
        ("ledger_actors.ledger.amounts", "from ledger_actors.store.model import NewEvent", True),
        ("ledger_actors.runtime.catalog", "from ledger_actors.store.model import NewEvent", False),
        ("ledger_actors.store.chain", "from ledger_actors.store import model", False),
        ("ledger_actors.application", "import ledger_actors.ledger.deal", False),
    ],
)
def test_an_import_that_points_up_is_seen(importer: str, text: str, *, expected: bool) -> None:
    (one,) = imports(importer, ast.parse(text))
    assert points_up(one) is expected


def test_what_is_above_the_domain_is_imported_by_nothing_below() -> None:
    below = {name for name in MAY_IMPORT if name not in ABOVE_THE_DOMAIN | {"__init__"}}
    assert [name for name in below if MAY_IMPORT[name] & (ABOVE_THE_DOMAIN | {"*"})] == []


def test_supervision_stands_on_pykka_and_structlog_only() -> None:
    allowed = {*sys.stdlib_module_names, "supervision", "pykka", "structlog"}
    wrong = [
        f"{one.place} imports {one.full}"
        for one in all_imports()
        if unit(one.importer) == "supervision" and one.module.partition(".")[0] not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("library", KNOWS_SQLITE)
def test_only_the_store_and_the_read_models_know(library: str) -> None:
    wrong = [
        f"{one.place} imports {one.full}"
        for one in all_imports()
        if one.module.partition(".")[0] == library
        and not any(f"{one.importer}.".startswith(f"{known}.") for known in KNOWS_SQLITE[library])
    ]
    assert wrong == []


@pytest.mark.parametrize("library", ["pykka", "starlette", "uvicorn", "httpx", "click", "rich"])
def test_the_domain_does_not_know(library: str) -> None:
    wrong = [
        f"{one.place} imports {one.full}"
        for one in all_imports()
        if unit(one.importer) in {"ledger", "daily_cycler"}
        and one.module.partition(".")[0] == library
    ]
    assert wrong == []


def test_no_unit_takes_anothers_private_names() -> None:
    """From the package, or from a module of it, but nothing that begins with an underscore."""
    wrong = [
        f"{one.place} imports {one.full}"
        for one in all_imports()
        if ours(one)
        and imported_unit(one) != unit(one.importer)
        and "._" in one.full
        and imported_unit(one) != "_version"
    ]
    assert wrong == []


class TestPykkasPrivateNames:
    def test_are_imported_by_one_module(self) -> None:
        wrong = [
            f"{one.place} imports {one.full}"
            for one in all_imports()
            if one.module.partition(".")[0] == "pykka"
            and "._" in one.full
            and one.importer != "supervision._pykka"
        ]
        assert wrong == []

    def test_are_overridden_by_the_actors_base_class_alone(self) -> None:
        """An actor of ours with a method `_stop` would change how Pykka stops it."""
        private = {name for name in vars(pykka.Actor) if re.match(r"_[^_]", name)} - {"_abc_impl"}
        for name in modules():
            if not name.endswith("__main__"):
                importlib.import_module(name.removesuffix(".__init__"))
        wrong = {
            f"{kind.__module__}.{kind.__qualname__}": sorted(private & set(vars(kind)))
            for kind in subclasses(Actor)
            if kind.__module__.partition(".")[0] in PACKAGES and private & set(vars(kind))
        }
        assert wrong == {}


def subclasses(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from subclasses(one)


def test_no_modules_import_each_other_in_a_circle() -> None:
    """A circle works only by the order of lines somewhere. Imports in functions do not count."""
    edges = {name: set(loaded_at_import(name, tree)) for name, tree in modules().items()}
    while leaves := [name for name, targets in edges.items() if not targets & set(edges)]:
        for name in leaves:
            del edges[name]
    assert {name: sorted(targets & set(edges)) for name, targets in edges.items()} == {}


def loaded_at_import(importer: str, tree: ast.Module) -> Iterator[str]:
    """The modules of ours that are loaded while this one is."""
    top = ast.Module([node for node in tree.body if not is_type_checking(node)], [])
    functions = (node for node in ast.walk(top) if isinstance(node, ast.FunctionDef | ast.Lambda))
    inside = {id(node) for function in functions for node in ast.walk(function)}
    kept = [node for node in ast.walk(top) if id(node) not in inside]
    statements = [node for node in kept if isinstance(node, ast.Import | ast.ImportFrom)]
    for one in imports(importer, ast.Module(statements, [])):
        for target in (one.full, one.module, f"{one.module}.__init__"):
            if target in modules() and target != importer:
                yield target
                break


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def test_what_is_imported_is_declared() -> None:
    """No dependency is there by accident, because another one brings it along."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    text = config["options"]["install_requires"] + config["options.extras_require"]["shell"]
    declared = {re.split(r"[<>=]", line, maxsplit=1)[0] for line in text.split()}
    wrong = [
        f"{one.place} imports {one.full}"
        for one in all_imports()
        if (top := one.module.partition(".")[0]) not in {*sys.stdlib_module_names, *PACKAGES}
        and DISTRIBUTIONS.get(top, top) not in declared
    ]
    assert wrong == []


def test_every_folder_with_modules_is_a_package() -> None:
    """One without __init__.py would be left out of the wheel."""
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    without = [folder for folder in folders if not (folder / "__init__.py").is_file()]
    assert sorted(str(folder.relative_to(ROOT)) for folder in without) == []
