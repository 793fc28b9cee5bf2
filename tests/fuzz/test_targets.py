"""Every decoder of what comes from outside, under bytes that nobody meant.

`FUZZ_EXAMPLES=100000` makes it long; `make fuzz SECONDS=...` is guided by coverage.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.samples import FAILED_ONCE, SAMPLES
from fuzz.targets import TARGETS

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))

TRICKS = (
    b"\x00", b"\xff", b"\\ud800", b"\n", b"\r\n", b'"', b"\\", b"[" * 2_000, b"{" * 2_000,
    b'{"a":' * 1_500, b"9" * 5_000, b"-1", b"1e999", b"nan", b"inf", b"null", b"true", b"1.5",
    b"a" * 70_000, "é\u2028\u202e\U0001f600".encode(), b"\xed\xa0\x80", b"%00", b"%ff", b"&",
    b"=", b"~nobody-at-all/x", b"../../etc", b"America", b"idna", b"undefined", b"utf-7", b"[[",
    b"]]", b"= [", b"1979-05-27", b"${x}", b",", b"'", b"''' '''", b"\xef\xbb\xbf",
)  # fmt: skip


def test_every_target_has_samples() -> None:
    assert SAMPLES.keys() == TARGETS.keys()


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_right_is_taken(name: str) -> None:
    for sample in SAMPLES[name]:
        TARGETS[name](sample)


@pytest.mark.parametrize(("name", "text"), FAILED_ONCE)
def test_what_failed_once_is_refused_with_a_sentence(name: str, text: bytes) -> None:
    TARGETS[name](text)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_decoder_takes_it_or_refuses_it_with_a_sentence(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(changed(SAMPLES[name])))


@st.composite
def changed(draw: st.DrawFn, samples: tuple[bytes, ...]) -> bytes:
    """A sample with some parts cut out, doubled, swapped for others or for tricks."""
    text = bytearray(draw(st.sampled_from(samples)))
    chance = draw(st.randoms(use_true_random=False))
    for _ in range(draw(st.integers(1, 6))):
        begin, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
        text[begin:end] = another(chance, bytes(text[begin:end]), samples)
    return bytes(text)


def another(chance: random.Random, part: bytes, samples: tuple[bytes, ...]) -> bytes:
    match chance.randrange(6):
        case 0:
            return b""
        case 1:
            return part * 2
        case 2:
            return chance.choice(TRICKS)
        case 3:
            return part + chance.choice(TRICKS)
        case 4:
            return chance.randbytes(chance.randrange(1, 9))
        case _:
            return chance.choice(samples)
