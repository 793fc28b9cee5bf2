"""The bounded memory of stream versions."""

from __future__ import annotations

from ledger_actors.store.stream_heads import StreamHead, StreamHeads


def test_it_is_bounded() -> None:
    heads = StreamHeads(generation=10)
    for number in range(1000):
        heads.update({f"s{number}": StreamHead(number + 1, 1)})
    assert len(heads) <= 21


def test_what_is_used_stays() -> None:
    heads = StreamHeads(generation=10)
    heads.update({"used": StreamHead(1, 1)})
    for number in range(100):
        heads.update({f"s{number}": StreamHead(number + 2, 1)})
        assert heads.known(["used"]) == {"used": StreamHead(1, 1)}


def test_the_latest_head_is_known() -> None:
    heads = StreamHeads(generation=2)
    for version in range(1, 10):
        heads.update({"s": StreamHead(1, version), f"other{version}": StreamHead(9, 1)})
        assert heads.known(["s", "missing"]) == {"s": StreamHead(1, version)}


def test_clear_forgets_all() -> None:
    heads = StreamHeads(generation=2)
    heads.update({f"s{number}": StreamHead(1, 1) for number in range(5)})
    heads.clear()
    assert len(heads) == 0
    assert heads.known(["s0", "s4"]) == {}
