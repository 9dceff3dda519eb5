"""The scripts by which faults show in the status: named for them, and silent where not meant."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from datasource_hyperv_kvp import faults
from datasource_hyperv_kvp.faults import Fault

ODD = 'it\'s "odd"; $(touch /nonexistent/x) `id`\nsecond line'


def run(script: str, directory: Path) -> subprocess.CompletedProcess[str]:
    path = directory / "script"
    path.write_text(script.replace("/var/lib/cloud/data", str(directory)))
    return subprocess.run(["sh", str(path)], capture_output=True, text=True, check=False)


def test_a_script_is_named_for_its_fault() -> None:
    assert Fault("a/b: c", "").script_name == "HyperVKVP-a-b-c"


def test_an_instances_script_fails_with_its_message(tmp_path: Path) -> None:
    (tmp_path / "instance-id").write_text("i-1\n")
    done = run(Fault("x", ODD).script_of_instance("i-1"), tmp_path)
    assert (done.returncode, done.stderr) == (1, f"{ODD}\n")


def test_it_is_silent_on_another_instance(tmp_path: Path) -> None:
    (tmp_path / "instance-id").write_text("i-2\n")
    done = run(Fault("x", ODD).script_of_instance("i-1"), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_boots_script_fails_in_that_boot(tmp_path: Path) -> None:
    faults.show_in_this_boot(tmp_path, Fault("x", ODD))
    (script,) = (tmp_path / "scripts" / "per-boot").iterdir()
    done = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{ODD}\n")
    assert script.exists()


def test_it_removes_itself_in_another_boot(tmp_path: Path) -> None:
    done = run(Fault("x", ODD).script_of_boot("another"), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "script").exists()


@pytest.mark.parametrize("there", [True, False])
def test_only_our_own_scripts_of_earlier_faults_go(tmp_path: Path, there: bool) -> None:
    scripts = tmp_path / "scripts" / "per-boot"
    if there:
        scripts.mkdir(parents=True)
        for name in ("HyperVKVP-ignition.config-not-applied", "mine.sh"):
            (scripts / name).touch()
    faults.remove_scripts(tmp_path)
    assert [path.name for path in scripts.glob("*")] == ["mine.sh"] * there
