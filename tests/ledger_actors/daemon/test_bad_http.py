"""The whole ledger behind its door, under requests that no client of ours would send.

Whatever comes in, the connection is answered or closed, no answer is a 5xx that blames the ledger,
and a well-meant request beside it is answered. `FUZZ_EXAMPLES=20000` makes it long.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_actors.application import Application
from ledger_actors.settings import load_settings
from tests.ledger_actors.daemon.raw_http import HANG, RawClient, get, post, raw_client, refusal

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
SECONDS = 0.05

NDJSON = "Content-Type: application/x-ndjson"
GOOD = b'{"type":"RegisterCompany","data":{"company_uuid":"c-1","name":"Acme"}}'
ASK = b'{"action":"ask","message":{"$message":"ReadPosition"},"timeout":0.2}'

REQUESTS = (
    get("/v1/status"),
    get("/v1/commands/RegisterCompany"),
    get("/v1/streams/company/c-1?as_of=1"),
    get("/v1/events?after=0&limit=5&types=Company*&stream=company-*"),
    get("/v1/balances/a-1"),
    get("/v1/actors/company/c-1"),
    get("/v1/verify"),
    get("/metrics"),
    post("/v1/commands", GOOD),
    post("/v1/commands", GOOD + b"\n" + GOOD + b"\n", NDJSON),
    post("/v1/actors/membership", ASK),
    post("/v1/actors/company/c-1", b'{"action":"tell","message":{"a":[1]}}'),
    b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"%x\r\n%s\r\n0\r\n\r\n" % (len(GOOD), GOOD),
)
TRICKS = (
    b"\x00", b"\r\n", b"\r\n\r\n", b"\n", b"\xff", b"%00", b"%ed%a0%80", b"%ff", b"%2e%2e/", b"?",
    b"Content-Length: 0\r\n", b"Content-Length: -1\r\n", b"Content-Length: 9999999999999999999\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Expect: 100-continue\r\n",
    b"Content-Encoding: gzip\r\n\x1f\x8b", b"Connection: close\r\n", b"Upgrade: websocket\r\n",
    b"Connection: upgrade\r\nUpgrade: h2c\r\n", b"Ledger-Protocol: 9\r\n", b"X: " + b"y" * 20_000,
    b"Host: a\r\nHost: b\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"HTTP/9.9", b"HTTP/1.0",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00", b"[" * 3_000, b"9" * 5_000,
    b"\\ud800", b"as_of=", b"follow=true&", b"-", b"*[!", b'{"$message":"RecordedEvent"}',
)  # fmt: skip


class Loud:
    """Keeps what is logged as an error: a crash, or what nobody expected."""

    def __init__(self) -> None:
        self.errors: list[Any] = []

    def error(self, message: Any, **_: Any) -> None:
        self.errors.append(message)

    exception = critical = error

    def msg(self, *_: Any, **__: Any) -> None:
        """Ignore it."""

    debug = info = warning = log = msg


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    limits = {"request_timeout": SECONDS}
    application = Application(load_settings(data=tmp_path, env="test", endpoint=limits))
    application.start()
    yield tmp_path
    application.stop()


@pytest.fixture
def loud() -> Loud:
    logger = Loud()
    structlog.configure(
        processors=[structlog.processors.KeyValueRenderer()],
        logger_factory=lambda *_: logger,
        cache_logger_on_first_use=False,
    )
    return logger


def answers_of(client: RawClient, patience: float = HANG) -> list[tuple[int, bytes]]:
    """The status and the rest of each answer, until the door closes the connection."""
    received = client.read_to_end(patience=patience)
    parts = re.split(rb"HTTP/1\.1 (?=[0-9]{3} )", received)
    assert parts[0] == b"", "what comes first is an answer"
    return [(int(part[:3]), part) for part in parts[1:] if not part.startswith(b"100")]


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), print_blob=True)
@given(chance=st.randoms(use_true_random=False), count=st.integers(1, 3), changes=st.integers(1, 4))
def test_whatever_comes_is_answered_or_closed_and_blames_nobody_here(
    folder: Path, loud: Loud, chance: random.Random, count: int, changes: int
) -> None:
    text = bytearray(b"".join(chance.choice(REQUESTS) for _ in range(count)))
    for _ in range(changes):
        begin = chance.randrange(len(text) + 1)
        end = min(len(text), begin + chance.choice((0, 0, 1, 5, 40)))
        text[begin:end] = chance.choice((*TRICKS, b"", chance.randbytes(3)))
    with raw_client(folder) as client:
        client.send(bytes(text) + get("/v1/commands/Nothing", "Connection: close"))
        for status, answer in answers_of(client, patience=0.3):
            assert status < 500 or status in (501, 505), answer
            if status >= 400:
                assert refusal(b"HTTP/1.1 " + answer)[1]["message"].strip()
    with raw_client(folder) as client:
        client.send(get("/v1/status", "Connection: close"))
        assert [status for status, _ in answers_of(client)] == [200]
    assert loud.errors == []


def test_a_client_that_breaks_off_a_stream_is_no_error(folder: Path, loud: Loud) -> None:
    head = (
        f"POST /v1/commands HTTP/1.1\r\nHost: x\r\n{NDJSON}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for rest in (b"", b"5\r\nabc", b"zz\r\n", b"%x\r\n%s\n\r\n" % (len(GOOD) + 1, GOOD)):
        with raw_client(folder) as client:
            client.send(head.encode() + rest)
            client.finish()
            client.read_to_end()
    with raw_client(folder) as client:
        client.send(post("/v1/commands", GOOD, "Connection: close"))
        client.read_to_end()
    assert loud.errors == []
