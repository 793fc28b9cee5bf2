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
        assert heads.get("used") == StreamHead(1, 1)


def test_the_latest_head_is_known() -> None:
    heads = StreamHeads(generation=2)
    for version in range(1, 10):
        heads.update({"s": StreamHead(1, version), f"other{version}": StreamHead(9, 1)})
        assert heads.version("s") == version
        assert heads.get("s") == StreamHead(1, version)
    assert heads.get("missing") is None
    assert heads.version("missing") == 0


def test_clear_forgets_all() -> None:
    heads = StreamHeads(generation=2)
    heads.update({f"s{number}": StreamHead(1, 1) for number in range(5)})
    heads.clear()
    assert len(heads) == 0
    assert heads.get("s0") is heads.get("s4") is None


def test_nothing_is_forgotten_before_a_batch_is_done() -> None:
    heads = StreamHeads(generation=2)
    heads.update({f"s{number}": StreamHead(number + 1, 1) for number in range(3)})
    heads.hold({f"t{number}": StreamHead(number + 9, 1) for number in range(5)})
    assert all(heads.get(f"s{number}") for number in range(3))
    assert all(heads.get(f"t{number}") for number in range(5))
