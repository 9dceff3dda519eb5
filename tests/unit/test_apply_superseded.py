"""Network files of cloud-init's go when a config that brings its own is applied."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply import superseded
from datasource_hyperv_kvp.apply.machine import Machine
from datasource_hyperv_kvp.apply.plan import Contents, File, Plan


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "state")


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "50-cloud-init.yaml", tmp_path / "50-cloud-init"]
    for path in paths:
        path.touch()
    return [str(path) for path in paths]


def test_they_go_once(machine: Machine, files: list[str]) -> None:
    superseded.note(machine.state_dir, files)
    superseded.drop(Plan(()), machine)
    assert not any(Path(path).exists() for path in files)
    Path(files[0]).touch()  # an administrator's
    superseded.drop(Plan(()), machine)
    assert Path(files[0]).exists()


def test_what_the_config_has_put_there_stays(machine: Machine, files: list[str]) -> None:
    superseded.note(machine.state_dir, files)
    own = File(at="$", path=files[0], overwrite=True, contents=Contents(b"x"))
    superseded.drop(Plan((own,)), machine)
    assert [Path(path).exists() for path in files] == [True, False]


def test_one_that_has_gone_already_is_fine(machine: Machine, files: list[str]) -> None:
    superseded.note(machine.state_dir, files)
    Path(files[0]).unlink()
    superseded.drop(Plan(()), machine)
    assert not Path(files[1]).exists()


def test_the_note_is_private(machine: Machine, files: list[str]) -> None:
    superseded.note(machine.state_dir, files)
    assert stat.S_IMODE(machine.state_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((machine.state_dir / superseded.NOTE).stat().st_mode) == 0o600
