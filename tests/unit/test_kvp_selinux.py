"""The directory of the pool files gets its label when we make it. A stub stands for restorecon; the
boot lab's scenario ``selinux`` has the real one."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply import labels
from datasource_hyperv_kvp.kvp import selinux, write_pool_files
from datasource_hyperv_kvp.kvp.freshness import empty_pools


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with SELinux, whose restorecon writes down what it is asked."""
    signs = (tmp_path / "enforce", tmp_path / "config")
    for sign in signs:
        sign.touch()
    monkeypatch.setattr(selinux, "SIGNS", signs)
    program = tmp_path / "bin/restorecon"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return tmp_path / "asked"


def test_a_directory_that_a_reader_makes_is_labelled_once(asked: Path, tmp_path: Path) -> None:
    write_pool_files(tmp_path / "hyperv", {})
    write_pool_files(tmp_path / "hyperv", {})
    assert asked.read_text() == f"-- {tmp_path}/hyperv\n"


def test_a_directory_that_is_made_to_be_empty_is_labelled(asked: Path, tmp_path: Path) -> None:
    empty_pools(tmp_path / "hyperv", root=tmp_path)
    assert asked.read_text() == f"-- {tmp_path}/hyperv\n"


def test_one_that_is_there_keeps_its_label(asked: Path, tmp_path: Path) -> None:
    (tmp_path / "hyperv").mkdir()
    write_pool_files(tmp_path / "hyperv", {})
    empty_pools(tmp_path / "hyperv", root=tmp_path)
    assert not asked.exists()


def test_both_who_label_know_selinux_by_the_same_signs() -> None:
    assert selinux.SIGNS == labels.SIGNS


@pytest.mark.parametrize("missing", ["enforce", "config"])
def test_without_selinux_nobody_is_asked(asked: Path, tmp_path: Path, missing: str) -> None:
    (tmp_path / missing).unlink()
    write_pool_files(tmp_path / "hyperv", {})
    assert not asked.exists()


@pytest.mark.parametrize("program", ["#!/bin/sh\nexit 1\n", "not a program"])
def test_a_label_that_cannot_be_set_is_a_warning(
    asked: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, program: str
) -> None:
    (tmp_path / "bin/restorecon").write_text(program)
    with caplog.at_level(logging.WARNING):
        write_pool_files(tmp_path / "hyperv", {0: {"key": "value"}})
    assert "may lack its SELinux label" in caplog.text
    assert (tmp_path / "hyperv/.kvp_pool_0").stat().st_size
    assert not asked.exists()
