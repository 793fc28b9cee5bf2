"""`python -m tests.chaos`: the long form, by hand. Exit status 1 where something is wrong."""

from __future__ import annotations

import logging
import random
import shutil
import tempfile
from pathlib import Path

import click
import structlog

from tests.chaos.harness import Chaos


@click.command()
@click.option("--seconds", default=600.0, show_default=True, help="How long nodes are hit.")
@click.option("--seed", type=int, help="Of an earlier run, to have its plan again. Default: any.")
@click.option("--folder", type=click.Path(path_type=Path), help="A new folder, kept.")
@click.option("--verbose", is_flag=True, help="Tell of each hit.")
def main(seconds: float, seed: int | None, folder: Path | None, verbose: bool) -> None:
    """Hit every node of a tree under load, again and again, and check that nothing is lost."""
    seed = random.randrange(2**32) if seed is None else seed
    place = Path(tempfile.mkdtemp(prefix="chaos-")) if folder is None else folder
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    click.echo(f"seed {seed}, in {place}")
    say = click.echo if verbose else lambda _: None
    report = Chaos(place, seed=seed, say=say).run(seconds)
    click.echo("\n".join(report.told()))
    if report.wrong:
        click.echo(f"what was found is in {place}")
        raise SystemExit(1)
    if folder is None:
        shutil.rmtree(place)


main()
