"""The benchmarks run, check what they did, and show each target; how fast is theirs to tell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import peers, table, targets
from benchmarks.measuring import Figure, Sample, Wrong, interleaved
from benchmarks.scale import QUICK, TINY, Scale, changed
from benchmarks.targets import Target

LEAST = Target("the key", 2.0, of_peer=True)
MOST = Target("the key", 10.0, at_most=True)


def figure(ours: float, theirs: float | None, target: Target | None = None) -> Figure:
    peer = None if theirs is None else Sample((theirs,))
    return Figure("what", "a second", Sample((ours,)), "peer", peer, target)


SHOWN = {
    "store": [],
    "commands": [targets.ONE_AT_A_TIME, targets.IN_FLIGHT, targets.IN_FLIGHT_OF_SQLITE],
    "grants": [targets.GRANTS],
    "daemon": [targets.STREAMED_IMPORT, targets.SINGLE_REQUESTS, targets.SINGLE_P99],
    "actors": [targets.BYTES_AN_AGGREGATE, targets.STARTS, targets.CRASH_TO_ANSWER],
    "messages": [targets.TELL, targets.TELL_POOLED, targets.ASK, targets.ASK_POOLED],
    "hydration": [targets.HYDRATION, targets.SNAPSHOT],
    "projectors": [targets.CATCH_UP_ACCOUNTS, targets.CATCH_UP_TRIAL_BALANCE],
    "growth": [
        targets.APPEND_GROWTH,
        targets.GRANT_GROWTH,
        targets.STATE_GROWTH,
        targets.COMMAND_GROWTH,
        targets.STREAM_GROWTH,
        targets.START_UP,
    ],
    "memory": [targets.MEMORY],
}


@pytest.mark.external
@pytest.mark.parametrize("subject", SHOWN)
def test_a_benchmark_has_a_row_for_each_of_its_targets_also_without_the_peer(
    subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "eventsourcing", lambda: None)

    shown = table.table(program.measure([subject], TINY), how="tiny")

    assert [one.key for one in SHOWN[subject] if f"| {one.key} |" not in shown] == []
    assert "Ours" in shown


def test_every_target_belongs_to_a_benchmark() -> None:
    assert list(SHOWN) == list(program.SUBJECTS)
    keys = [one.key for ones in SHOWN.values() for one in ones]
    assert sorted(keys) == sorted({one.key for one in targets.ALL})


def test_the_peer_does_the_same_work(tmp_path: Path) -> None:
    pytest.importorskip("eventsourcing", reason="the extra `bench` is not installed")
    peer = peers.eventsourcing()
    assert peer is not None
    for name in ("deposits", "threads", "grants", "hydration"):
        (tmp_path / name).mkdir()

    assert peer.deposits(tmp_path / "deposits", commands=6, accounts=3, cached=True)[0] > 0
    assert peer.deposits(tmp_path / "threads", commands=6, accounts=3, threads=2)[0] > 0
    assert peer.grants(tmp_path / "grants", grants=3, accounts=4) > 0
    assert peer.hydration(tmp_path / "hydration", events=5) > 0


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        (figure(4, 2, LEAST), True),
        (figure(3, 2, LEAST), False),
        (figure(3, None, LEAST), None),
        (figure(10, 1, MOST), True),
        (figure(11, 1, MOST), False),
        (figure(11, 1), None),
    ],
)
def test_a_figure_is_judged_by_its_target(shown: Figure, verdict: bool | None) -> None:
    assert shown.reached is verdict


def test_jobs_are_run_in_turn() -> None:
    order = []

    def job(name: str) -> dict[str, float]:
        order.append(name)
        return {name: float(len(order))}

    found = interleaved(2, [lambda _: job("ours"), lambda _: job("theirs")])

    assert order == ["ours", "theirs", "ours", "theirs"]
    assert found == {"ours": Sample((1.0, 3.0)), "theirs": Sample((2.0, 4.0))}


def test_the_table_takes_its_place_in_a_document(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n\n{table.BEGIN}\n\nan older one\n\n{table.END}\n\nafter\n")

    table.put("the table\n", document)

    assert document.read_text() == (
        f"before\n\n{table.BEGIN}\n\nthe table\n\n{table.END}\n\nafter\n"
    )


def test_a_target_that_is_missed_is_no_failure_and_lost_events_are_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def slow(_scale: Scale) -> Iterator[Figure]:
        yield figure(1, 2, LEAST)

    def lossy(_scale: Scale) -> Iterator[Figure]:
        raise Wrong("the store has 3 events, not 4")

    monkeypatch.setattr(program, "SUBJECTS", {"slow": slow, "lossy": lossy})

    assert program.main(["slow", "--out", str(tmp_path / "table.md")]) == 0
    assert "**not reached**" in (tmp_path / "table.md").read_text()
    assert program.main(["lossy"]) == 1
    assert "wrong: the store has 3 events, not 4" in capsys.readouterr().err


def test_a_size_can_be_changed_by_its_name() -> None:
    assert changed(QUICK, ["live=7"]).live == 7
    with pytest.raises(ValueError, match="--set takes NAME=NUMBER, NAME one of accounts"):
        changed(QUICK, ["lives=7"])
    with pytest.raises(ValueError, match="not live=many"):
        changed(QUICK, ["live=many"])
