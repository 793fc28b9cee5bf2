"""`python -m tests.simulation`: many seeds, or one again. Exit status 1: something is wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import click

from tests.simulation.mutants import MUTANTS
from tests.simulation.seeds import run_many
from tests.simulation.world import Report

CHUNK = 20


@click.command()
@click.option("--seeds", default=1000, show_default=True, help="How many seeds are run.")
@click.option("--from", "first", default=0, show_default=True, help="The first of them.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Processes at once.")
@click.option("--mutant", type=click.Choice(sorted(MUTANTS)), help="A mistake to plant.")
@click.option("--show", is_flag=True, help="Tell of each seed, and print its log events.")
def main(seeds: int, first: int, jobs: int, mutant: str | None, show: bool) -> None:
    """Run a ledger on a scheduler whose every choice comes from a seed, seed by seed."""
    began, done, wrong, switches = time.monotonic(), 0, 0, 0
    chunks = [
        range(at, min(at + CHUNK, first + seeds)) for at in range(first, first + seeds, CHUNK)
    ]
    for report in _reports(chunks, jobs=1 if show else jobs, mutant=mutant, show=show):
        done, switches = done + 1, switches + report.switches
        if report.wrong:
            wrong += 1
        if report.wrong or show:
            click.echo(report.told())
    seconds = time.monotonic() - began
    click.echo(
        f"{done:,} seeds in {seconds:.0f} s, {done / seconds:.1f} a second, {switches:,} switches; "
        f"{wrong} with something wrong"
    )
    if wrong:
        raise SystemExit(1)


def _reports(chunks: list[range], *, jobs: int, mutant: str | None, show: bool) -> Iterator[Report]:
    arguments = [(chunk, mutant, show) for chunk in chunks]
    if jobs == 1:
        for one in arguments:
            yield from run_many(*one)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for reports in pool.map(run_many, *zip(*arguments, strict=True)):
            yield from reports


main()
