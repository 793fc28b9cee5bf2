"""What is installed, and the commands of the checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import ledger_actors

ROOT = Path(__file__).parents[2]
PACKAGES = ("ledger_actors", "supervision")
TARGETS = ("run", "shell", "demo", "test", "lint", "types", "bench", "clean")


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """Run a program away from the checkout, and return what it wrote to standard output."""
    ours = ("PYTHON", "LEDGER_", "PROJECTOR_", "MAKE", "MFLAGS")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built in a copy so that nothing is left behind in it."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "config"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in ("setup.cfg", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, source / name)
    options = ("--no-deps", "--no-build-isolation", "--use-pep517", "--no-index", "--quiet")
    run(sys.executable, "-m", "pip", "wheel", *options, "-w", target, source, cwd=source)
    (built,) = target.glob("ledger_actors-*.whl")
    return built


@dataclass(frozen=True)
class Installed:
    """An empty environment with the wheel in it, and an empty folder to work in."""

    environment: Path
    folder: Path

    def command(self, *arguments: str) -> str:
        return run(self.environment / "bin" / "ledger-actors", *arguments, cwd=self.folder)

    def python(self, code: str) -> str:
        return run(self.environment / "bin" / "python", "-c", code, cwd=self.folder)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in an environment of its own.

    The dependencies are those that run these tests: a path file shows them to the new environment,
    which does not see our own editable install, since path files found on the way do not count.
    """
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=environment)
    python = environment / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", where, cwd=environment).strip())
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "dependencies.pth").write_text("\n".join(sorted(dependencies)))
    options = ("--no-deps", "--no-index", "--quiet")
    run(
        *(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel),
        cwd=environment,
    )
    return Installed(environment, tmp_path_factory.mktemp("elsewhere"))


@pytest.mark.external
class TestWheel:
    def test_has_every_module_and_the_configuration_and_nothing_else(self, wheel: Path) -> None:
        names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
        files = [path for package in PACKAGES for path in (ROOT / package).rglob("*")]
        modules = {
            str(path.relative_to(ROOT)) for path in files if path.suffix in {".py", ".typed"}
        }
        config = {f"ledger_actors/config/{path.name}" for path in ROOT.glob("config/*.toml")}
        assert names == modules | config
        assert len(config) == 4

    def test_carries_its_defaults(self, installed: Installed) -> None:
        code = (
            "import json, ledger_actors.settings as s; from ledger_actors import settings_layers;"
            "settings = s.load_settings(env='prod');"
            "print(json.dumps([s.__file__, str(settings_layers.config_folder()),"
            " settings.projector.hydration_delay, settings.log.format]))"
        )
        module, folder, delay, log_format = json.loads(installed.python(code))
        assert Path(module).is_relative_to(installed.environment)
        assert Path(folder) == Path(module).parent / "config"
        assert (delay, log_format) == (1000, "json")

    def test_puts_no_package_called_config_into_everybodys_path(self, installed: Installed) -> None:
        code = "import importlib.util; print(importlib.util.find_spec('config'))"
        assert installed.python(code).strip() == "None"

    def test_the_command_says_its_version(self, installed: Installed) -> None:
        assert ledger_actors.__version__ in installed.command("--version")

    def test_the_module_is_the_command(self, installed: Installed) -> None:
        python = installed.environment / "bin" / "python"
        text = run(python, "-m", "ledger_actors", "--version", cwd=installed.folder)
        assert ledger_actors.__version__ in text

    def test_has_the_public_names(self, installed: Installed) -> None:
        code = "from ledger_actors import Ledger, connect; print(Ledger.__name__, connect.__name__)"
        assert installed.python(code).split() == ["Ledger", "connect"]

    def test_supervision_is_imported_without_the_ledger(self, installed: Installed) -> None:
        code = (
            "import sys, supervision;"
            "print(sorted(name for name in sys.modules if name.startswith('ledger_actors')))"
        )
        assert installed.python(code).strip() == "[]"


class TestPublicNames:
    def test_are_loaded_when_they_are_first_used(self) -> None:
        code = (
            "import sys, ledger_actors;"
            "print([name for name in ('starlette', 'httpx', 'sqlite3') if name in sys.modules])"
        )
        assert run(sys.executable, "-c", code, cwd=ROOT).strip() == "[]"

    def test_are_shown_by_tab_completion(self) -> None:
        assert {"Ledger", "connect"} <= set(dir(ledger_actors))

    def test_others_are_refused_as_python_does(self) -> None:
        with pytest.raises(AttributeError, match="has no attribute 'Leger'"):
            ledger_actors.Leger  # noqa: B018 - the access is what is tested


class TestCheckout:
    @pytest.mark.parametrize("target", TARGETS)
    def test_make_has(self, target: str) -> None:
        text = (ROOT / "Makefile").read_text()
        assert re.search(rf"^{target}:.*## \w", text, re.MULTILINE)
        (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
        assert target in phony.split(), "a file of that name must not stand for it"

    @pytest.mark.external
    @pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
    @pytest.mark.parametrize("target", TARGETS)
    def test_make_would_run(self, target: str) -> None:
        run("make", "--dry-run", target, cwd=ROOT)

    @pytest.mark.external
    @pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
    def test_make_alone_lists_the_targets(self) -> None:
        listed = run("make", cwd=ROOT)
        assert [target for target in TARGETS if f"make {target} " not in listed] == []

    def test_clean_leaves_the_ledgers_data_alone(self) -> None:
        text = (ROOT / "Makefile").read_text()
        recipe = text[text.index("\nclean:") :].split("\n\n")[0]
        assert not re.search(r"\bdata\b", recipe.split("\n", 2)[2])

    def test_the_ci_script_runs_the_readmes_test_command(self) -> None:
        script = ROOT / ".ci" / "run"
        assert os.access(script, os.X_OK)
        assert "make test" in (ROOT / "README.md").read_text()
        assert "make test" in script.read_text()

    def test_the_changelog_has_this_version_or_an_unreleased_one(self) -> None:
        text = (ROOT / "CHANGELOG.md").read_text()
        assert f"## [{ledger_actors.__version__}]" in text or "## [Unreleased]" in text
