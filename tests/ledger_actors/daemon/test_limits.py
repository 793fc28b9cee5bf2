"""What the door bears: each limit has its refusal, and none is in the way of a stream."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.daemon import errors
from ledger_actors.daemon.connection import CommandRequest
from ledger_actors.daemon.http_protocol import MAX_HEAD_BYTES, MOST_PIPELINED
from ledger_actors.daemon.limits import Limits, RequestRate, is_too_deep
from ledger_actors.daemon.protocol import CommandAnswer
from supervision import ManualClock
from tests.ledger_actors.daemon.raw_http import get, post, raw_client, refusal

COMMAND = b'{"type":"Keep","data":1}'
SOON = 0.2

Open = Callable[[Limits], Any]


def command() -> CommandRequest:
    return CommandRequest("Keep", msgspec.Raw(b"1"))


def test_a_connection_too_many_is_told_so_and_closed(limited: Open) -> None:
    door = limited(Limits(max_connections=2))
    with (
        raw_client(door.folder) as first,
        raw_client(door.folder),
        raw_client(door.folder) as third,
    ):
        status, error = refusal(third.read_to_end())
        assert (status, error["code"]) == (503, "too_many_connections")
        assert "2 connections" in error["message"]
        assert "endpoint.max_connections" in error["message"]
        first.send(get("/v1/commands", "Connection: close"))
        assert first.read_to_end().startswith(b"HTTP/1.1 200")


def test_a_flood_of_connections_leaves_the_door_open(limited: Open) -> None:
    door = limited(Limits(max_connections=3))
    with ExitStack() as flood:
        clients = [flood.enter_context(raw_client(door.folder)) for _ in range(200)]
        answers = [client.read_to_end(patience=SOON) for client in clients[3:]]
        assert all(refusal(answer)[0] == 503 for answer in answers)
    assert door.connection.send(command()).events


def test_a_client_that_finds_the_door_full_waits_for_room(limited: Open) -> None:
    door = limited(Limits(max_connections=1))
    with raw_client(door.folder) as other:
        other.send(get("/v1/commands"))
        other.read_until(b"Keep it.")
        refused = threading.Event()

        def leave() -> None:
            with raw_client(door.folder) as third:
                assert b" 503 " in third.read_to_end()
            refused.set()
            other.socket.close()

        leaving = threading.Thread(target=leave)
        leaving.start()
        answer = door.connection.send(command())
        leaving.join()
    assert refused.is_set()
    assert len(answer.events) == 1


def test_requests_beyond_the_rate_are_refused_until_a_second_is_over(limited: Open) -> None:
    door = limited(Limits(max_request_rate=1))
    with raw_client(door.folder) as client:
        client.send(get("/v1/commands"))
        client.read_until(b"Keep it.")
        client.send(post("/v1/commands", COMMAND, "Connection: close"))
        answer = client.read_to_end()
    status, error = refusal(answer)
    assert (status, error["code"]) == (429, "too_many_requests")
    assert b"retry-after: 1" in answer
    assert "endpoint.max_request_rate" in error["message"]
    assert door.service.recorded == []


def test_a_client_beyond_the_rate_waits_and_goes_on(limited: Open) -> None:
    door = limited(Limits(max_request_rate=4))
    for _ in range(6):
        door.connection.send(command())
    assert len(door.service.recorded) == 6


def test_a_stream_of_commands_is_one_request(limited: Open) -> None:
    door = limited(Limits(max_connections=1, max_request_rate=1, request_timeout=SOON))
    outcomes = list(door.connection.send_many((command() for _ in range(2000)), window=64))
    assert all(isinstance(one, CommandAnswer) for one in outcomes)


def test_the_bucket_fills_as_time_goes_by_and_holds_one_second() -> None:
    clock = ManualClock()
    rate = RequestRate(3, clock)
    assert [rate.take() for _ in range(4)] == [True, True, True, False]
    clock.advance(1 / 3)
    assert [rate.take() for _ in range(2)] == [True, False]
    clock.advance(3600)
    assert [rate.take() for _ in range(4)] == [True, True, True, False]


def test_a_rate_of_zero_is_no_limit() -> None:
    rate = RequestRate(0, ManualClock())
    assert all(rate.take() for _ in range(1000))


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /v1/sta",
        b"GET /v1/commands HTTP/1.1\r\nHost: ledger\r\nX-Slow: ",
        post("/v1/commands", COMMAND)[:-3],
        b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        post("/v1/commands", COMMAND, "Expect: 100-continue").removesuffix(COMMAND),
    ],
)
def test_a_request_that_does_not_come_in_is_refused_in_time(limited: Open, begun: bytes) -> None:
    door = limited(Limits(request_timeout=SOON))
    with raw_client(door.folder) as client:
        client.send(begun)
        answer = client.read_to_end().removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    status, error = refusal(answer)
    assert (status, error["code"]) == (408, "request_timeout")
    assert "endpoint.request_timeout" in error["message"]


def test_a_byte_now_and_then_buys_no_time(limited: Open) -> None:
    door = limited(Limits(request_timeout=SOON))
    with raw_client(door.folder) as slow:
        slow.send(b"GET /v1/commands HTTP/1.1\r\nX-Slow: ")
        answered = threading.Event()
        answers: list[bytes] = []

        def read() -> None:
            answers.append(slow.read_to_end())
            answered.set()

        reading = threading.Thread(target=read)
        reading.start()
        while not answered.wait(SOON / 10):
            slow.send(b"x")
        reading.join()
    assert refusal(answers[0])[0] == 408


def test_a_head_without_end_is_refused(limited: Open) -> None:
    door = limited(Limits())
    with raw_client(door.folder) as client:
        client.send(b"GET /v1/commands HTTP/1.1\r\n" + b"X-More: yes\r\n" * MAX_HEAD_BYTES)
        status, error = refusal(client.read_to_end())
    assert status in (400, 431)
    assert error["message"]


HELD = post("/v1/commands", b'{"type":"Hold","data":1}')
CHUNKED = b"Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked"
STREAM = b"POST /v1/commands HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n\r\n0\r\n"


@pytest.mark.parametrize("begun", [HELD + b"GET / HTTP/1.1\r\n", HELD + STREAM, STREAM])
def test_a_head_or_trailers_without_end_are_not_kept_while_a_request_is_answered(
    limited: Open, begun: bytes
) -> None:
    door = limited(Limits())
    with raw_client(door.folder) as client:
        client.send(begun)
        client.send(b"X-More: yes\r\n" * MAX_HEAD_BYTES)
        with suppress(ConnectionResetError):
            while client.socket.recv(1 << 16):
                pass  # until the door has closed it; one that reads on lets this time out


def test_requests_that_wait_for_one_before_them_are_limited(limited: Open) -> None:
    door = limited(Limits())
    with raw_client(door.folder) as client:
        client.send(HELD + get("/v1/commands") * (MOST_PIPELINED + 1))
        status, error = refusal(client.read_to_end())
    assert (status, error["code"]) == (429, "too_many_requests")
    assert f"{MOST_PIPELINED} requests" in error["message"]


def test_as_many_as_may_wait_are_answered(limited: Open) -> None:
    door = limited(Limits())
    with raw_client(door.folder) as client:
        client.send(get("/v1/commands") * MOST_PIPELINED + get("/v1/none", "Connection: close"))
        answers = client.read_to_end()
    assert answers.count(b"HTTP/1.1 200 OK") == MOST_PIPELINED
    assert answers.count(b"HTTP/1.1 404") == 1


def test_a_body_refused_before_it_came_is_answered_once(limited: Open) -> None:
    door = limited(Limits(request_timeout=SOON))
    with raw_client(door.folder) as client:
        client.send(b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n")
        answer = client.read_until(b"}}")
        client.send(b"x" * 2 * MAX_HEAD_BYTES)
        answer += client.read_to_end()
    assert refusal(answer)[0] == 413


def test_a_stream_may_say_nothing_for_longer_than_a_request(limited: Open) -> None:
    door = limited(Limits(request_timeout=SOON))
    chunked = "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked"
    head = f"POST /v1/commands HTTP/1.1\r\nHost: x\r\n{chunked}\r\n\r\n".encode()
    line = b"%x\r\n%s\n\r\n" % (len(COMMAND) + 1, COMMAND)
    with raw_client(door.folder) as stream, raw_client(door.folder) as idle:
        stream.send(head + line)
        stream.read_until(b'"version":1')
        assert refusal(idle.read_to_end())[0] == 408  # so that time has gone by
        stream.send(line + b"0\r\n\r\n")
        stream.read_until(b'"version":2')


def test_those_who_wait_for_a_read_model_keep_no_command_waiting(door: Any) -> None:
    door.service.caught_up.clear()
    with ExitStack() as open_clients:
        for _ in range(50):
            waiting = open_clients.enter_context(raw_client(door.folder))
            waiting.send(get("/v1/balances"))
        assert door.connection.send(command()).events
        assert door.connection.commands()
        door.service.caught_up.set()


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/v1/actors/x", b'{"action":"tell","message":' + b"[" * 65 + b"]" * 65 + b"}", "64 deep"),
        ("/v1/actors/x", b'{"action":"tell","message":' + b"[" * 99999, "nested too deeply"),
        ("/v1/actors/x", b'{"action":"ask","timeout":1e308}', "timeout"),
        ("/v1/actors/x", b'{"action":"ask","timeout":0}', "timeout"),
        ("/v1/streams/account/a?as_of=" + "9" * 5000, None, "as_of: expected a whole number"),
        ("/v1/events?limit=" + "9" * 30, None, "limit: expected a number from 0"),
        ("/v1/events?after=-1", None, "after: expected a number from 0"),
        ("/v1/events?up_to=-1", None, "up_to: expected a number from 0"),
    ],
)
def test_a_number_or_a_depth_that_cannot_be_is_a_sentence(
    door: Any, path: str, body: bytes | None, words: str
) -> None:
    with raw_client(door.folder) as client:
        closing = "Connection: close"
        client.send(get(path, closing) if body is None else post(path, body, closing))
        status, error = refusal(client.read_to_end())
    assert status == 400
    assert words in error["message"]


@given(st.integers(0, 100), st.sampled_from([dict, list]))
def test_depth_is_the_lists_and_objects_around_the_innermost(depth: int, kind: type) -> None:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value, "b": 2} if kind is dict else [value, 2]
    assert is_too_deep(value) == (depth > 64)


def test_a_sentence_names_what_came_in_but_does_not_repeat_a_megabyte_of_it() -> None:
    error = errors.BadRequest(f"there is nothing at /v1/{'x' * 1_000_000}: look elsewhere")
    assert len(str(error)) < 2_100
    assert str(error).startswith("there is nothing at /v1/x")
    assert str(error).endswith("x: look elsewhere")
