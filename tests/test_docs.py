"""What documents, docstrings and examples show is run, and nothing public is left out."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import supervision
from supervision import SupervisionError, errors, telemetry, testing, testing_children
from tests.markdown import Block, blocks, run

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def called(document: Path) -> str:
    """The name of a document within `docs`."""
    return document.relative_to(DOCS).as_posix()


INDEX = DOCS / "supervision.md"
MANUAL = [INDEX, *sorted((DOCS / "supervision").glob("*.md"))]
DOCUMENTS = sorted(DOCS.rglob("*.md"))
SHOWN = [block for path in DOCUMENTS for block in blocks(path)]
STORIES = list(dict.fromkeys((called(block.path), block.section) for block in SHOWN))


@pytest.mark.parametrize(("document", "section"), STORIES, ids=lambda text: text.replace(" ", "-"))
def test_what_a_section_shows_runs(
    document: str, section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry, "EVENTS", dict(telemetry.EVENTS))  # one may declare its own
    story = [one for one in SHOWN if (called(one.path), one.section) == (document, section)]
    run(story, "document")


def names_used(story: list[Block]) -> set[str]:
    """Every name and attribute that these blocks use; to import one is not to use it."""
    nodes = [node for block in story for node in ast.walk(block.code())]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("package", [supervision, testing, testing_children])
def test_every_public_name_is_used_in_an_example(package: ModuleType) -> None:
    used = names_used([block for document in MANUAL for block in blocks(document)])
    assert [name for name in package.__all__ if name not in used] == []


def test_a_name_that_is_only_imported_or_mentioned_is_not_used() -> None:
    source = '"""Actor"""\nfrom supervision import Actor, tree  # tree\nprint(Registry, x.Ref)\n'
    block = Block(INDEX, "", 0, source)
    assert names_used([block]) == {"print", "Registry", "x", "Ref"}


def rows(document: str, section: str = "") -> list[list[str]]:
    """The cells of all table rows of a section or of a whole document, without backticks."""
    text = (DOCS / "supervision" / document).read_text(encoding="utf-8")
    if section:
        text = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.replace("`", "").split(" | ")] for line in lines]


def test_the_table_of_errors_is_complete_and_true() -> None:
    told = {row[0]: set(row[1].split(", ")) for row in rows("errors.md")}
    kinds = {name: getattr(errors, name) for name in errors.__all__ if name != "SupervisionError"}
    also = {name: set(kind.__bases__) - {SupervisionError} for name, kind in kinds.items()}
    assert {name: told.get(name) for name in kinds} == {
        name: {spelled(base) for base in bases} for name, bases in also.items()
    }


def spelled(kind: type) -> str:
    module = kind.__module__.partition(".")[0].lstrip("_")  # `queue.Full` is made in `_queue`
    return f"{module}.{kind.__name__}" if module in {"pykka", "queue"} else kind.__name__


EVENT = re.compile(r"(?:actor|supervisor|timer|future|trace|registry|pool|telemetry)\.[a-z_]+")


def test_every_event_of_telemetry_is_told_with_its_fields() -> None:
    told = {row[0]: row[1].split(", ") for row in rows("observing.md", "Telemetry")[2:]}
    ours = {name: event for name, event in telemetry.EVENTS.items() if EVENT.fullmatch(name)}
    assert told == {name: list(event.fields) for name, event in ours.items()}


def test_every_event_that_is_logged_is_told() -> None:
    told = {row[0] for section in ("Telemetry", "Logs") for row in rows("observing.md", section)}
    emitted = {
        node.value
        for path in (ROOT / "supervision").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and EVENT.fullmatch(str(node.value))
    }
    assert telemetry.CHILD_ENDED in emitted
    assert emitted - told == set()


LINK = re.compile(r"\]\((?!http)([^)#]*)#?([^)]*)\)")


def anchors(path: Path) -> set[str]:
    """The headings of a document as GitHub links to them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=called)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    for file, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        target = document.parent / file if file else document
        assert target.exists(), file
        assert not anchor or anchor in anchors(target), anchor


@pytest.mark.parametrize("document", [*ROOT.glob("*.md"), *DOCUMENTS], ids=lambda path: path.name)
def test_a_document_has_no_leftover_of_a_merge(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert re.findall(r"^(?:<{7}|>{7}|\|{7}) .*$", text, re.MULTILINE) == []


def example_modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(supervision.__path__, "supervision."):
        yield importlib.import_module(found.name)


DOCTESTS = [
    test
    for module in example_modules()
    for test in doctest.DocTestFinder(exclude_empty=True).find(module)
    if test.examples
]


def test_there_are_examples_in_docstrings() -> None:
    assert {"supervision.supervisor.Supervisor", "supervision.registry.Registry"} <= {
        test.name for test in DOCTESTS
    }


@pytest.mark.parametrize("test", DOCTESTS, ids=lambda test: test.name)
def test_the_example_of_a_docstring_runs(test: doctest.DocTest) -> None:
    said: list[str] = []
    failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append)
    assert not failed, "".join(said)


def test_the_example_program_shows_a_restart_and_a_name_that_survives_it() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "crash_and_restart.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
        timeout=testing.HANG,
    )

    assert re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", done.stdout) == (
        "100 is 5 times 20; 20 in the ledger\n"
        "the cashier crashed: integer division or modulo by zero\n"
        "100 is 4 times 25; 45 in the ledger\n"
        "shop  (Supervisor)\n"
        "├── ledger  (Ledger)\n"
        "└── cashier  (Cashier)  1 restart  last crash TIME: crashed: ZeroDivisionError: "
        "integer division or modulo by zero\n"
    )
    assert "supervisor.child_crashed" in done.stderr
    assert "in on_receive" in done.stderr
