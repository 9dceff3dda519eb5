"""A first boot that a power cut ended is done once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasource_hyperv_kvp import damage, interrupted

ID = "iid-1"


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    directory = tmp_path / "instances" / ID
    directory.mkdir(parents=True)
    return directory


def test_a_first_boot_is_marked_until_somebody_takes_the_mark_away(
    tmp_path: Path, instance: Path
) -> None:
    interrupted.begin(tmp_path, ID, watched=True)
    assert interrupted.was_cut_short(tmp_path, ID)
    (instance / interrupted.MARK).unlink()
    assert not interrupted.was_cut_short(tmp_path, ID)


def test_the_first_boot_makes_the_instance_directory(tmp_path: Path) -> None:
    interrupted.begin(tmp_path, ID, watched=True)
    assert interrupted.was_cut_short(tmp_path, ID)


def test_a_later_boot_of_an_instance_is_not_marked(tmp_path: Path, instance: Path) -> None:
    (instance / "sem").mkdir()
    interrupted.begin(tmp_path, ID, watched=True)
    assert not interrupted.was_cut_short(tmp_path, ID)


def test_where_nobody_would_take_it_away_there_is_no_mark(tmp_path: Path, instance: Path) -> None:
    interrupted.begin(tmp_path, ID, watched=False)
    assert list(instance.iterdir()) == []


def test_an_interrupted_instance_is_forgotten_but_for_the_journal(
    tmp_path: Path, instance: Path
) -> None:
    interrupted.begin(tmp_path, ID, watched=True)
    for name in ("sem", damage.KEPT, "scripts"):
        (instance / name).mkdir()
        (instance / name / "file").touch()
    (instance / "obj.pkl").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/instance-id").write_text(ID)
    assert interrupted.forget(tmp_path, ID)
    assert {path.name for path in instance.iterdir()} == {interrupted.MARK, damage.KEPT}
    assert (instance / damage.KEPT / "file").exists()
    assert not (tmp_path / "data/instance-id").exists()


def test_an_instance_that_came_to_its_end_is_not_forgotten(tmp_path: Path, instance: Path) -> None:
    (instance / "sem").mkdir()
    assert not interrupted.forget(tmp_path, ID)
    assert (instance / "sem").exists()


def test_attempts_come_to_an_end(tmp_path: Path) -> None:
    for _ in range(interrupted.ATTEMPTS):
        interrupted.begin(tmp_path, ID, watched=True)
        assert interrupted.was_cut_short(tmp_path, ID)
    interrupted.begin(tmp_path, ID, watched=True)
    assert not interrupted.was_cut_short(tmp_path, ID)


def test_a_torn_mark_counts(tmp_path: Path, instance: Path) -> None:
    (instance / interrupted.MARK).touch()
    assert interrupted.forget(tmp_path, ID)
    interrupted.begin(tmp_path, ID, watched=True)
    assert (instance / interrupted.MARK).read_text() == "1\n"


@pytest.mark.parametrize(("text", "stays"), [("", False), ('{"a', False), ('{"fqdn": "a"}', True)])
def test_torn_json_that_cloud_init_dies_of_is_dropped(
    tmp_path: Path, text: str, stays: bool
) -> None:
    path = tmp_path / "data/set-hostname"
    path.parent.mkdir()
    path.write_text(text)
    interrupted.drop_torn_files(tmp_path)
    assert path.exists() is stays


def test_nothing_torn_is_no_trouble(tmp_path: Path) -> None:
    interrupted.drop_torn_files(tmp_path)


@pytest.mark.parametrize(
    ("files", "watched"),
    [
        ((), False),
        (("run/systemd/private",), False),
        (("usr/lib/systemd/system/hyperv-kvp-provisioned.service",), False),
        (
            ("run/systemd/private", "usr/lib/systemd/system/hyperv-kvp-provisioned.service"),
            True,
        ),
    ],
)
def test_it_takes_systemd_and_the_unit(
    tmp_path: Path, files: tuple[str, ...], watched: bool
) -> None:
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert interrupted.is_watched(tmp_path) is watched
