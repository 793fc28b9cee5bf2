"""Runs the Python that a Markdown file shows, in order, as a reader would type it.

A block of ```python is run as it is, or, if it begins with `>>>`, as a doctest: what it prints is
compared. Blocks that are given together share their names. Line numbers are those of the file.
"""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of code.

    Attributes:
        path: the file that it is in.
        section: the last `##` heading above it; empty if there is none.
        line: the number of its first line in the file, from 0.
        source: the code.
    """

    path: Path
    section: str
    line: int
    source: str

    @property
    def examples(self) -> list[doctest.Example]:
        """The statements of a doctest, with what they print; empty for a block of another kind."""
        if not self.source.startswith(">>> "):
            return []
        return doctest.DocTestParser().get_examples(self.source, str(self.path))

    def code(self) -> ast.Module:
        """The code without prompts and output."""
        plain = "".join(example.source for example in self.examples)
        return ast.parse(plain or self.source)


def blocks(path: Path) -> list[Block]:
    """Return the blocks of a file, in order."""
    return list(_blocks(path, path.read_text(encoding="utf-8")))


def _blocks(path: Path, text: str) -> Iterator[Block]:
    headings = [(match.start(), match[1]) for match in SECTION.finditer(text)]
    for match in BLOCK.finditer(text):
        above = [heading for start, heading in headings if start < match.start()]
        line = text.count("\n", 0, match.start(1))
        yield Block(path, above[-1] if above else "", line, match[1])


def run(story: Sequence[Block], name: str) -> None:
    """Run blocks in one namespace, which says that its module is called `name`.

    Raises:
        AssertionError: a doctest printed something else than is shown; says what and where.
        Exception: whatever the code raised.
    """
    namespace: dict[str, object] = {"__name__": name}
    for block in story:
        if block.examples:
            _run_doctest(block, namespace)
        else:
            padded = "\n" * block.line + block.source
            exec(compile(padded, str(block.path), "exec", dont_inherit=True), namespace)


def _run_doctest(block: Block, namespace: dict[str, object]) -> None:
    test = doctest.DocTest(
        block.examples, namespace, block.path.name, str(block.path), block.line, block.source
    )
    test.globs = namespace  # DocTest has made a copy; what is defined here is for later blocks, too
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.REPORT_NDIFF)
    failed, _ = runner.run(test, out=said.append, clear_globs=False)
    assert not failed, "".join(said)
