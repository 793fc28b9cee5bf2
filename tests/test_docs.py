"""What the documents, the docstrings and the examples show is run, and nothing public is left out."""

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

import pykka
import pytest

import supervision
from supervision import errors, telemetry, testing, testing_children
from tests.markdown import Block, blocks, run

ROOT = Path(__file__).parent.parent
SUPERVISION = ROOT / "docs" / "supervision.md"
SHOWN = [block for path in sorted((ROOT / "docs").glob("*.md")) for block in blocks(path)]
STORIES = {(block.path.name, block.section): block.path for block in SHOWN}


@pytest.mark.parametrize(("document", "section"), STORIES, ids=lambda text: text.replace(" ", "-"))
def test_what_a_section_shows_runs(document: str, section: str) -> None:
    story = [one for one in SHOWN if (one.path.name, one.section) == (document, section)]
    run(story, "document")
