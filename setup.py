"""Everything is declared in setup.cfg; this only takes config/ along into the wheel.

``config/`` lies at the top of the checkout as data. It must not be installed as a package
of that name into everybody's path, so the build puts its files inside ``ledger_actors``.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CONFIG = sorted(str(path) for path in Path("config").glob("*.toml"))


class BuildWithConfig(build_py):
    """build_py that also copies config/*.toml to ledger_actors/config/.

    An editable install copies nothing: it reads the checkout's own config/.
    """

    def run(self) -> None:
        """Build as usual, then copy; runs in the build's process."""
        super().run()
        if self.editable_mode:
            return
        for source, target in self._config_files():
            self.mkpath(str(Path(target).parent))
            self.copy_file(source, target)

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        """Return what setuptools would have built and the copied files."""
        return super().get_outputs(include_bytecode) + [
            target for _, target in self._config_files()
        ]

    def get_source_files(self) -> list[str]:
        """Return what a source distribution has to contain."""
        return super().get_source_files() + CONFIG

    def _config_files(self) -> list[tuple[str, str]]:
        folder = Path(self.build_lib, "ledger_actors", "config")
        return [(source, str(folder / Path(source).name)) for source in CONFIG]


setup(cmdclass={"build_py": BuildWithConfig})
