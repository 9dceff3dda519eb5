"""Python packages: the virtual environment of this machine, and what tests need inside a guest."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.tools.cache import cache_dir, locked, recipe_hash
from tests.tools.steps import run, step

#: The package's own dependencies, those of cloud-init's modules, and the tools of the tests.
REQUIREMENTS = (
    "PyYAML",
    "jsonschema",
    "requests",
    # imported by the ``cloudinit`` package of the guests
    "configobj",
    "jinja2",
    "jsonpatch",
    "oauthlib",
    # tests
    "hypothesis",
    "pytest",
    "pytest-mock",
    "pytest-xdist",
    "tree-sitter",
    "tree-sitter-powershell",
    "trustme",
    # lint and types
    "mypy",
    "ruff",
    "types-PyYAML",
    "types-jsonschema",
    "types-requests",
    "vermin",
)

#: What the unit tests import inside a guest and no package of the guest brings.
GUEST_REQUIREMENTS = ("hypothesis", "pytest", "pytest-mock", "trustme")

#: Where they are in the guest, below its root.
GUEST_TOOLS = "opt/test-tools"


def venv_dir() -> Path:
    """Return where the virtual environment is."""
    return cache_dir() / "venv"


def make_venv() -> Path:
    """Make or complete the virtual environment and return it.

    :raises SetupError: venv or pip failed.
    """
    directory = venv_dir()
    stamp = directory / "requirements.hash"
    recipe = recipe_hash([REQUIREMENTS, sys.version_info[:2]])
    with locked("venv"):
        if stamp.is_file() and stamp.read_text() == recipe:
            return directory
        with step("Installing the test tools into a virtual environment (once)"):
            if not (directory / "bin" / "pip").exists():
                shutil.rmtree(directory, ignore_errors=True)
                run([sys.executable, "-m", "venv", str(directory)], log="venv.log", timeout=300)
            _pip("install", *REQUIREMENTS, log="pip.log")
            stamp.write_text(recipe)
    return directory


def make_guest_tools(release: str, python: str) -> Path:
    """Make and return a layer for a guest, with test tools for its Python in ``GUEST_TOOLS``.

    :param python: that Python's version, as in ``3.13``.
    :raises SetupError: pip failed.
    """
    recipe = recipe_hash([GUEST_REQUIREMENTS, GUEST_TOOLS, python])
    directory = cache_dir() / "guest-python" / f"{release}-{recipe}"
    with locked(f"guest-python-{release}"):
        if directory.is_dir():
            return directory
        with step(f"Fetching the test tools for Python {python} of {release} (once)"):
            build = directory.with_name(f"{directory.name}.new")
            shutil.rmtree(build, ignore_errors=True)
            target = build / GUEST_TOOLS
            options = ("--only-binary=:all:", f"--python-version={python}", f"--target={target}")
            _pip("install", *options, *GUEST_REQUIREMENTS, log=f"pip-{release}.log")
            build.rename(directory)
    return directory


def _pip(*arguments: str, log: str) -> None:
    quiet = ("--disable-pip-version-check", "--no-input", "--quiet")
    run(
        [str(venv_dir() / "bin" / "python"), "-m", "pip", *arguments, *quiet],
        log=log,
        timeout=1800,
    )
