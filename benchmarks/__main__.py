"""How many durable commands a second, and how long one takes: ``make bench``.

It runs the whole tree in this process on SQLite in a temporary folder, with every transaction
synchronised to the disk, so it measures this machine's disk as well. Deposits go to a number of
accounts, first one after the other, each waiting for its answer, then in a pipeline, where the
journal writes many in one transaction. At the end the store is verified, and the number of its
events is compared with the number of answers.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ledger_actors import Ledger

Command = dict[str, object]


def deposits(count: int, accounts: int) -> Iterator[Command]:
    """Yield deposits of a cent each, to one account after the other."""
    for number in range(count):
        account = {"account_uuid": f"bench-{number % accounts}", "amount": "0.01"}
        yield {"type": "DepositToAccount", "data": account}


def prepare(ledger: Ledger, accounts: int) -> None:
    """Open the accounts that the deposits go to."""
    ledger.send("RegisterCompany", company_uuid="bench", name="Bench")
    for number in range(accounts):
        ledger.send("OpenAccount", account_uuid=f"bench-{number}", company_uuid="bench")


def one_by_one(ledger: Ledger, count: int, accounts: int) -> None:
    """Send commands each after the answer to the one before, and print how long they took."""
    taken = []
    for command in deposits(count, accounts):
        start = time.perf_counter()
        ledger.send(command)
        taken.append(time.perf_counter() - start)
    taken.sort()
    median, late = statistics.median(taken) * 1000, taken[int(count * 0.99)] * 1000
    print(f"one by one: {count / sum(taken):10,.0f} commands a second")
    print(f"            {median:10.2f} ms median, {late:.2f} ms for the slowest hundredth")


def pipelined(ledger: Ledger, count: int, accounts: int, *, window: int) -> None:
    """Send commands without waiting for each answer, and print how many came back a second."""
    start = time.perf_counter()
    answers = list(ledger.send_many(deposits(count, accounts), window=window))
    seconds = time.perf_counter() - start
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    if refused:
        raise SystemExit(f"{len(refused)} of {count} commands were refused, first: {refused[0]}")
    print(f"pipelined:  {count / seconds:10,.0f} commands a second ({count:,} in {seconds:.1f} s)")


def main() -> None:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--commands", type=int, default=20_000, help="in the pipeline")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--window", type=int, default=512, help="commands in flight at once")
    options = parser.parse_args()
    single = max(100, options.commands // 20)
    with (
        tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder,
        Ledger.open(Path(folder), env="test") as ledger,
    ):
        prepare(ledger, options.accounts)
        one_by_one(ledger, single, options.accounts)
        pipelined(ledger, options.commands, options.accounts, window=options.window)
        answer = ledger.verify()
        expected = 1 + options.accounts + single + options.commands
        print(f"verify:     {answer.events:,} events, expected {expected:,}; clean: {answer.ok}")
    if not answer.ok or answer.events < expected:
        raise SystemExit("the store does not hold what was acknowledged")


if __name__ == "__main__":
    main()
