"""A boot that ended with a fault does not count."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from datasource_hyperv_kvp import damage
from datasource_hyperv_kvp.apply import __main__ as apply

KEY = "cloud-init.user-data"
OLD = damage.fingerprint({KEY: "1"})
NEW = damage.fingerprint({KEY: "2"})
UUID = "12345678-9abc-def0-1234-56789abcdef0"
SWAPPED = "78563412-bc9a-f0de-1234-56789abcdef0"


def instance(cloud_dir: Path) -> Path:
    """An instance as cloud-init leaves it, with an Ignition config that has been applied."""
    directory = cloud_dir / "instances" / "i-1"
    (directory / "sem").mkdir(parents=True)
    (directory / "sem" / "config_runcmd").write_text("done")
    (directory / "ignition").mkdir()
    (directory / "ignition" / "journal").write_text("{}")
    (directory / "handlers").symlink_to(cloud_dir)
    (cloud_dir / "data").mkdir()
    (cloud_dir / "data" / "instance-id").write_text("i-1\n")
    return directory


def test_fingerprints_tell_chunks_apart() -> None:
    one = {f"{KEY}.0": "ab", f"{KEY}.1": "c"}
    assert damage.fingerprint(one) != damage.fingerprint({f"{KEY}.0": "a", f"{KEY}.1": "bc"})
    assert damage.fingerprint(one) == damage.fingerprint(dict(reversed(one.items())))
    assert damage.fingerprint({KEY: "\udcff"}) != damage.fingerprint({KEY: "\udcfe"})
    assert damage.fingerprint({"cloud-init.manifest": "{}"}) != damage.fingerprint({})


def test_other_tools_keys_are_no_change_of_the_payload() -> None:
    assert damage.fingerprint({KEY: "1", "backup.time": "12:00"}) == OLD


def test_a_boot_without_a_fault_counts(tmp_path: Path) -> None:
    directory = instance(tmp_path)
    assert not damage.forget(tmp_path, "i-1", NEW)
    assert (directory / "sem" / "config_runcmd").exists()


def test_an_instance_that_never_was_is_not_forgotten(tmp_path: Path) -> None:
    assert not damage.forget(tmp_path, "i-1", NEW)


def test_a_repaired_payload_makes_the_instance_new(tmp_path: Path) -> None:
    directory = instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD)
    assert damage.forget(tmp_path, "i-1", NEW)
    assert [path.name for path in directory.iterdir()] == ["ignition"]
    assert not (tmp_path / "data" / "instance-id").exists()


def test_the_mark_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD)
    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", Mock(side_effect=OSError("power")))
        with pytest.raises(OSError, match="power"):
            damage.forget(tmp_path, "i-1", NEW)
    assert damage.forget(tmp_path, "i-1", NEW)
    assert [path.name for path in directory.iterdir()] == ["ignition"]


def test_the_mark_is_private(tmp_path: Path) -> None:
    damage.mark(tmp_path, "i-1", OLD)
    assert (tmp_path / "instances" / "i-1" / damage.MARK).stat().st_mode & 0o777 == 0o600


def test_an_instance_with_another_name_takes_over_from_the_damaged_one(tmp_path: Path) -> None:
    instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD, UUID)
    assert damage.take_over(tmp_path, "i-1", "web-1", SWAPPED)
    journal = tmp_path / "instances" / "web-1" / "ignition" / "journal"
    assert journal.read_text() == "{}"
    assert not damage.take_over(tmp_path, "i-1", "web-1", UUID)


@pytest.mark.parametrize("previous", ["", "i-2", "..", "a/b", "web-1"])
def test_there_may_be_nothing_to_take_over(tmp_path: Path, previous: str) -> None:
    instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD, UUID)
    damage.mark(tmp_path, "web-1", OLD, UUID)
    assert not damage.take_over(tmp_path, previous, "web-1", UUID)


def test_a_clone_of_a_damaged_machine_takes_nothing_over(tmp_path: Path) -> None:
    directory = instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD, UUID)
    other = "00000000-9abc-def0-1234-56789abcdef0"
    assert not damage.take_over(tmp_path, "i-1", other, other)
    assert (directory / "ignition").exists()


def test_what_an_ignition_config_has_made_stays_known(tmp_path: Path) -> None:
    directory = instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD)
    damage.forget(tmp_path, "i-1", NEW)
    assert (directory / "ignition" / "journal").read_text() == "{}"


def test_the_same_damage_is_not_run_through_again(tmp_path: Path) -> None:
    directory = instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD)
    assert not damage.forget(tmp_path, "i-1", OLD)
    assert (directory / "sem" / "config_runcmd").exists()


def test_a_fault_that_may_pass_is_tried_again_with_the_same_payload(tmp_path: Path) -> None:
    instance(tmp_path)
    damage.mark(tmp_path, "i-1", None)
    assert damage.forget(tmp_path, "i-1", OLD)


def test_the_mark_can_come_before_the_instance(tmp_path: Path) -> None:
    damage.mark(tmp_path, "i-1", OLD)
    assert damage.forget(tmp_path, "i-1", NEW)


def test_a_boot_counts_unless_applying_a_config_failed(tmp_path: Path) -> None:
    directory = instance(tmp_path)
    result = directory / damage.KEPT / damage.RESULT
    assert damage.settle(tmp_path, "i-1", OLD, UUID)
    for text in ('{"status": "applied"}', "torn", "[]"):
        result.write_text(text)
        assert damage.settle(tmp_path, "i-1", OLD, UUID)
    for status in ("failed", "refused"):
        result.write_text(json.dumps({"status": status}))
        assert not damage.settle(tmp_path, "i-1", OLD, UUID)
    assert not damage.forget(tmp_path, "i-1", OLD)
    assert damage.forget(tmp_path, "i-1", NEW)
    assert not result.exists()
    assert (directory / "ignition" / "journal").exists()


def test_a_boot_that_counts_after_all_is_not_forgotten(tmp_path: Path) -> None:
    instance(tmp_path)
    damage.mark(tmp_path, "i-1", OLD, UUID)
    assert damage.settle(tmp_path, "i-1", OLD, UUID)
    assert not damage.forget(tmp_path, "i-1", NEW)


def test_the_names_are_those_of_the_program_that_applies() -> None:
    assert (damage.KEPT, damage.RESULT) == (apply.STATE_DIR, apply.RESULT)
