"""`python -m tests.torture`: the long form, by hand. Exit status 1 where something is wrong."""

from __future__ import annotations

import random
import shutil
import tempfile
from pathlib import Path

import click

from tests.torture.harness import Torture


@click.command()
@click.option("--kills", default=200, show_default=True, help="How often the daemon is killed.")
@click.option("--seed", type=int, help="Of an earlier run, to have its plan again. Default: any.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help="A new folder, kept. Default: a temporary one.",
)
def main(kills: int, seed: int | None, folder: Path | None) -> None:
    """Kill a daemon under load, again and again, and check that nothing is lost."""
    seed = random.randrange(2**32) if seed is None else seed
    place = Path(tempfile.mkdtemp(prefix="torture-")) if folder is None else folder
    click.echo(f"seed {seed}, in {place}")
    report = Torture(place, seed=seed, say=click.echo).run(kills)
    click.echo("\n".join(report.told()))
    if report.wrong:
        click.echo(f"what was found is in {place}")
        raise SystemExit(1)
    if folder is None:
        shutil.rmtree(place)


main()
