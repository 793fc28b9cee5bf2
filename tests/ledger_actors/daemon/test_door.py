"""The door and its client, over a service in memory."""

from __future__ import annotations

import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ledger_actors.daemon import errors
from ledger_actors.daemon.address import LONGEST_ADDRESS, UnixDoor, door_link, resolved
from ledger_actors.daemon.client import HttpConnection
from ledger_actors.daemon.connection import CommandRequest, EventQuery
from ledger_actors.daemon.endpoint import Endpoint, NetworkDoor
from ledger_actors.daemon.http_protocol import MAX_HEAD_BYTES
from ledger_actors.daemon.protocol import (
    MAX_COMMAND_BYTES,
    PROTOCOL_HEADER,
    ActorAction,
    CommandAnswer,
)
from ledger_actors.daemon.target import Target
from ledger_actors.logs import configure_logging
from ledger_actors.settings import LogSettings
from supervision import spawn

HANG = 20.0


def command(kind: str = "Keep", number: int = 0, **told: Any) -> CommandRequest:
    return CommandRequest(kind, msgspec.Raw(msgspec.json.encode({"n": number})), **told)


def raw_client(door: Any) -> httpx.Client:
    path = str(resolved(door_link(door.folder)))
    return httpx.Client(base_url="http://ledger", transport=httpx.HTTPTransport(uds=path))


def test_only_the_owner_can_open_it(door: Any) -> None:
    link = door_link(door.folder)
    assert stat.S_IMODE(link.stat().st_mode) == 0o600
    assert stat.S_IMODE(link.parent.stat().st_mode) == 0o700


def test_a_command_comes_back_with_its_events(door: Any) -> None:
    answer = door.connection.send(command(number=7, command_id="x"))
    assert [(event.type, event.data, event.command_id) for event in answer.events] == [
        ("Keep", {"n": 7}, "x")
    ]


def test_a_rejection_is_raised_with_its_own_code(door: Any) -> None:
    with pytest.raises(errors.Rejected) as caught:
        door.connection.send(command("Refuse"))
    assert (caught.value.code, str(caught.value)) == ("refused_here", "no")


def test_many_commands_are_answered_in_order_and_refusals_are_values(door: Any) -> None:
    kinds = ["Keep", "Refuse", "Keep"] * 500
    outcomes = list(door.connection.send_many((command(kind) for kind in kinds), window=64))
    assert [isinstance(one, CommandAnswer) for one in outcomes] == [k == "Keep" for k in kinds]
    kept = [one.events[0].id for one in outcomes if isinstance(one, CommandAnswer)]
    assert kept == sorted(kept)


def test_answers_come_while_commands_still_go_out(door: Any) -> None:
    """The iterable is asked for more only as answers come: it is a pipeline, not an upload."""
    most_ahead = sent = 0

    def endless() -> Any:
        nonlocal sent
        while True:
            sent += 1
            yield command()

    outcomes = door.connection.send_many(endless(), window=32)
    for answered, outcome in enumerate(outcomes, start=1):
        assert isinstance(outcome, CommandAnswer)
        most_ahead = max(most_ahead, sent - answered)
        if answered == 500:
            break
    assert most_ahead <= 32


def test_the_order_holds_when_actors_answer_late(door: Any) -> None:
    held = [command("Hold", 1), command("Keep", 2), command("Hold", 3)]
    releasing = threading.Timer(0.05, door.service.release)
    releasing.start()
    outcomes = list(door.connection.send_many(held, window=8))
    releasing.join()
    assert [one.events[0].data["n"] for one in outcomes] == [1, 2, 3]


def test_single_commands_of_many_threads_get_each_its_own_answer(door: Any) -> None:
    def send_some(first: int) -> list[int]:
        numbers = range(first, first + 25)
        answers = [door.connection.send(command(number=number)) for number in numbers]
        return [answer.events[0].data["n"] for answer in answers]

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(send_some, range(0, 200, 25)))
    assert sorted(n for part in told for n in part) == list(range(200))
    assert all(part == list(range(part[0], part[0] + 25)) for part in told)


def test_a_single_command_passes_a_stream_that_waits(door: Any) -> None:
    held = door.connection.send_many((command("Hold", n) for n in range(3)), window=8)
    streaming = threading.Thread(target=list, args=(held,))
    streaming.start()
    while len(door.service.held) < 3:
        door.connection.send(command(number=7))
    door.service.release()
    streaming.join(HANG)
    assert not streaming.is_alive()


def test_single_commands_one_after_the_other_use_one_connection(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connects = 0
    connect = door.target.connect

    def counted() -> socket.socket:
        nonlocal connects
        connects += 1
        made: socket.socket = connect()
        return made

    monkeypatch.setattr(door.target, "connect", counted)
    for number in range(5):
        door.connection.send(command(number=number))
    assert connects == 1


def test_a_late_answer_is_not_taken_for_the_next_one(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger_actors.daemon.target.ANSWER_SECONDS", 0.2)
    with pytest.raises(errors.TimedOut):
        door.connection.send(command("Hold", 1))
    monkeypatch.undo()
    door.service.release()
    assert door.connection.send(command(number=2)).events[0].data == {"n": 2}


def test_a_connection_that_the_door_has_closed_meanwhile_is_replaced(door: Any) -> None:
    door.connection.send(command(number=1))
    door.ref.stop(block=True, timeout=HANG)
    door.open()
    assert door.connection.send(command(number=2)).events[0].data == {"n": 2}


def test_a_head_without_end_is_refused(door: Any) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(resolved(door_link(door.folder))))
        client.settimeout(HANG)
        client.sendall(b"GET /v1/status HTTP/1.1\r\nX-Long: ")
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(100):
                client.sendall(b"x" * MAX_HEAD_BYTES)
        assert client.recv(100).startswith(b"HTTP/1.1 431")


def test_ten_megabytes_are_refused_without_being_read(door: Any) -> None:
    text = b'{"type": "Keep", "data": "' + b"x" * 10_000_000 + b'"}'
    with raw_client(door) as client:
        answer = client.post("/v1/commands", content=text)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    assert door.service.recorded == []


def test_a_line_that_is_too_long_is_refused_alone(door: Any) -> None:
    kept = b'{"type":"Keep","data":1}'
    lines = [kept, b"x" * (MAX_COMMAND_BYTES + 1), kept]
    headers = {"content-type": "application/x-ndjson"}
    with raw_client(door) as client:
        answer = client.post("/v1/commands", content=b"\n".join(lines), headers=headers)
    told = [msgspec.json.decode(line) for line in answer.content.splitlines()]
    assert [one.get("error", {}).get("code") for one in told] == [None, "too_large", None]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/commands", b"{nonsense", 400, "not_json"),
        ("POST", "/v1/commands", b"\xff\xfe", 400, "not_json"),
        ("GET", "/v1/nothing", None, 404, "not_found"),
        ("GET", "/elsewhere", None, 404, "not_found"),
        ("DELETE", "/v1/commands", None, 405, "bad_request"),
        ("GET", "/v1/streams/account/a?as_of=yesterday", None, 400, "bad_request"),
        ("GET", "/v1/events?after=-", None, 400, "bad_request"),
        ("GET", "/v1/events?behind=3", None, 400, "bad_request"),
        ("GET", "/v1/commands/Nothing", None, 404, "not_found"),
        ("POST", "/v1/actors/x", b'{"action": "bless"}', 400, "bad_request"),
        ("POST", "/v1/actors/x", b"{", 400, "not_json"),
    ],
)
def test_bad_requests_get_a_status_a_code_and_a_sentence(
    door: Any, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    with raw_client(door) as client:
        answer = client.request(method, path, content=body)
    told = answer.json()["error"]
    assert (answer.status_code, told["code"], told["status"]) == (status, code, status)
    assert told["message"]


def test_a_client_that_goes_away_in_its_request_is_no_error(
    door: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    restore = configure_logging(LogSettings(level="warning", format="json"))
    head = b"POST /v1/commands HTTP/1.1\r\nHost: ledger\r\nContent-Length: 100\r\n\r\n{"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(resolved(door_link(door.folder))))
        client.sendall(head)
    assert door.connection.send(command()).events
    door.close()  # which waits until all requests are done with
    restore()
    assert capsys.readouterr().err == ""


def test_what_nobody_expected_is_answered_and_logged_once(
    door: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    restore = configure_logging(LogSettings(level="warning", format="json"))
    monkeypatch.setattr(door.service, "commands", lambda: 1 / 0)
    with raw_client(door) as client:
        answer = client.get("/v1/commands")
    door.close()
    restore()
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    (logged,) = map(msgspec.json.decode, capsys.readouterr().err.splitlines())
    assert (logged["event"], logged["level"]) == ("door.unexpected_error", "error")
    assert "ZeroDivisionError" in logged["exception"]


def test_what_is_no_http_is_answered_and_logged_as_one_line_of_json(
    door: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    restore = configure_logging(LogSettings(level="warning", format="json"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(resolved(door_link(door.folder))))
        client.sendall(b"good evening\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")
    door.close()
    restore()
    (logged,) = map(msgspec.json.decode, capsys.readouterr().err.splitlines())
    assert (logged["logger"], logged["level"]) == ("uvicorn.error", "warning")


def test_another_version_of_the_protocol_is_refused(door: Any) -> None:
    with raw_client(door) as client:
        answer = client.get("/v1/status", headers={PROTOCOL_HEADER: "999"})
    assert answer.json()["error"]["code"] == "incompatible"


def test_events_are_read_and_followed(door: Any) -> None:
    door.connection.send(command(number=1))
    following = door.connection.events(EventQuery(follow=True))
    assert next(following).data == {"n": 1}
    other = HttpConnection(door.target)
    other.send(command(number=2))
    other.close()
    assert next(following).data == {"n": 2}
    following.close()


def test_a_follower_is_told_when_the_ledger_stops(door: Any) -> None:
    following = door.connection.events(EventQuery(follow=True))
    door.connection.send(command())
    next(following)
    door.close()
    with pytest.raises(errors.LedgerUnavailable):
        next(following)


def test_a_follower_goes_on_where_it_was_when_the_door_restarts(door: Any) -> None:
    for number in range(3):
        door.connection.send(command(number=number))
    following = door.connection.events(EventQuery(follow=True, limit=5))
    seen = [next(following).data["n"] for _ in range(2)]
    door.ref.stop(block=True, timeout=HANG)
    door.open()
    for number in (3, 4, 5):
        door.connection.send(command(number=number))
    assert seen + [event.data["n"] for event in following] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("url", ["nowhere", "ftp://x", "http://", "http://x:port", "https://x"])
def test_what_is_no_address_of_a_ledger_is_a_sentence(url: str) -> None:
    with pytest.raises(errors.BadRequest, match="http://HOST:PORT"):
        Target.of(None, url=url)


def test_verify_ends_with_its_report(door: Any) -> None:
    seen: list[tuple[int, int]] = []
    report = door.connection.verify(lambda *told: seen.append(told))
    assert report.ok
    assert (1, 1) in seen


def test_an_actor_is_asked_through_the_door(door: Any) -> None:
    answer = door.connection.act("membership", None, ActorAction("ask", {"a": 1}))
    assert answer == {"said": {"a": 1}}
    assert door.service.acted[0][0] == "membership"


def test_without_a_daemon_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(errors.LedgerUnavailable, match="make run"):
        HttpConnection(Target(tmp_path)).status()


def test_a_socket_that_a_dead_daemon_left_is_a_sentence_too(tmp_path: Path) -> None:
    listening = UnixDoor(door_link(tmp_path)).open()
    listening.close()
    with pytest.raises(errors.LedgerUnavailable, match="no ledger is running"):
        HttpConnection(Target(tmp_path)).status()


def test_the_door_on_the_network_wants_its_token(tmp_path: Path, door: Any) -> None:
    """Nothing but the right token is let in, and nothing listens unless it is configured."""
    network = NetworkDoor("127.0.0.1", free_port(), "a-token-of-sixteen")
    unix_door = UnixDoor(door_link(tmp_path / "other"))
    ref = spawn(Endpoint, (door.service, unix_door, network))
    ref.ask("are you there", timeout=HANG)
    url = f"http://127.0.0.1:{network.port}"
    for token in (None, "a-token-of-sixteeN"):
        with pytest.raises(errors.Unauthorized), closing(remote(url, token)) as connection:
            connection.send(command())
    with closing(remote(url, network.token)) as connection:
        assert connection.send(command()).events
        assert list(connection.send_many([command()], window=2))
    ref.stop(block=True, timeout=HANG)


def remote(url: str, token: str | None) -> HttpConnection:
    return HttpConnection(Target("nowhere", url=url, token=token))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_folder_too_deep_for_a_socket_has_a_door_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    unix_door = UnixDoor(door_link(deep))
    with unix_door.open(), socket.socket(socket.AF_UNIX) as client:
        assert len(str(resolved(door_link(deep)))) <= LONGEST_ADDRESS
        client.connect(str(resolved(door_link(deep))))
    private = resolved(door_link(deep)).parent
    unix_door.close()
    assert not private.exists()


def test_a_door_that_restarts_is_waited_for(door: Any) -> None:
    """A stream of commands with ids goes on where it was when the door closed under it."""
    outcomes = []
    commands = (command(number=n, command_id=f"c{n}") for n in range(200))
    for count, outcome in enumerate(door.connection.send_many(commands, window=16)):
        outcomes.append(outcome)
        if count == 20:
            door.ref.stop(block=True, timeout=HANG)
            door.open()
    assert [one.events[0].data["n"] for one in outcomes] == list(range(200))


def test_a_killed_endpoint_closes_its_door(door: Any) -> None:
    door.ref.kill()
    door.ref.actor_stopped.wait(HANG)
    door.open()
    assert door.connection.send(command()).events
