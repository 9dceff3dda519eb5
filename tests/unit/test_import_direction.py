"""Imports run one way, and nothing but the plugin needs cloud-init."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAME = "datasource_hyperv_kvp"
PACKAGE = ROOT / NAME
PLUGIN = f"{NAME}.DataSourceHyperVKVP"
#: Has cloud-init's own code try a network-config.
NETWORK = f"{NAME}.network_config"

#: What each part may know, beside itself and the standard library. Parts that are not named here
#: belong to the plugin and may know everything but the command.
MAY_KNOW = {
    "errors": set(),
    "__init__": set(),
    "apply": set(),
    "platform": {"errors"},
    "kvp": {"errors", "platform"},
    "payload": {"errors", "kvp"},
    "ignition": {"errors", "apply"},  # of apply only its frozen dataclasses
    "cloudconfig": {"errors", "ignition", "apply"},
}
COMMAND = {"cli", "__main__"}
HEAVY = {"yaml", "jsonschema", "requests", "urllib3"}


def modules() -> dict[str, Path]:
    """Every module of the package: dotted name to file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def part_of(module: str) -> str:
    """``datasource_hyperv_kvp.kvp.device`` belongs to ``kvp``."""
    return module.split(".")[1] if "." in module else "__init__"


def statements(tree: ast.AST, *, lazy: bool) -> Iterator[ast.stmt]:
    """Import statements; those inside functions and of type checking only if ``lazy``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif lazy or not (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        ):
            yield from statements(node, lazy=lazy)


def imported(module: str, *, lazy: bool) -> set[str]:
    """Dotted names of the modules that one imports."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in statements(ast.parse(path.read_text()), lazy=lazy):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in names if name in MODULES or not name.startswith(f"{NAME}.")}


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    part = part_of(module)
    known = {
        part_of(name) for name in imported(module, lazy=True) if name in MODULES and name != NAME
    }
    if part in MAY_KNOW:
        assert known <= MAY_KNOW[part] | {part}
    elif part in COMMAND:
        assert "DataSourceHyperVKVP" not in known
    else:
        assert not known & COMMAND


@pytest.mark.parametrize("module", sorted(set(MODULES) - {PLUGIN, NETWORK}))
def test_only_the_plugin_and_what_asks_for_it_know_cloud_init(module: str) -> None:
    assert not {name for name in imported(module, lazy=True) if name.split(".")[0] == "cloudinit"}


def needed_at_once(*roots: str) -> tuple[set[str], set[str]]:
    """Our modules that these import when they are imported, and the others, by their own names."""
    waiting = list(roots)
    ours: set[str] = set()
    others: set[str] = set()
    while waiting:
        module = waiting.pop()
        ours.add(module)
        for name in imported(module, lazy=False):
            if name in MODULES:
                parents = {name.rsplit(".", count)[0] for count in range(name.count(".") + 1)}
                waiting += sorted((parents & set(MODULES)) - ours)
            else:
                others.add(name)
    return ours, others


def test_the_plugin_and_all_it_needs_at_once_are_standard_library_and_cloud_init() -> None:
    _, others = needed_at_once(PLUGIN)
    foreign = {name.split(".")[0] for name in others} - sys.stdlib_module_names
    assert foreign <= {"cloudinit"}


def test_translating_a_config_spares_the_time_that_dataclasses_take() -> None:
    ours, others = needed_at_once(f"{NAME}.cli.render", f"{NAME}.cloudconfig")
    assert f"{NAME}.ignition.config" in ours
    assert "dataclasses" not in others


@pytest.mark.parametrize("module", [name for name in MODULES if part_of(name) == "apply"])
def test_what_runs_in_a_foreign_guest_is_standard_library_only(module: str) -> None:
    foreign = {name.split(".")[0] for name in imported(module, lazy=True)}
    assert foreign <= {*sys.stdlib_module_names, NAME}


def imported_for_real(names: list[str]) -> set[str]:
    """Import modules in a process that has no cloud-init; return all modules that came."""
    program = (
        "import importlib, json, sys\n"
        "sys.modules['cloudinit'] = None\n"
        "for name in json.loads(sys.argv[1]):\n"
        "    importlib.import_module(name)\n"
        "print(json.dumps(list(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(names)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_every_module_outside_the_plugin_imports_without_cloud_init() -> None:
    outside = sorted(set(MODULES) - {PLUGIN})
    assert imported_for_real(outside) >= set(outside)


@pytest.mark.parametrize("part", ["kvp", "payload", "platform", "cli", "apply", "cloudconfig"])
def test_importing_a_part_brings_nothing_heavy(part: str) -> None:
    names = [name for name in MODULES if part_of(name) == part]
    assert names
    assert not imported_for_real(names) & HEAVY
