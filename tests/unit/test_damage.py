"""A boot that ended with a fault does not count."""

from __future__ import annotations

from pathlib import Path

from datasource_hyperv_kvp import damage

OLD = damage.fingerprint({"a": "1"})
NEW = damage.fingerprint({"a": "2"})


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


def test_fingerprints_tell_keys_from_values() -> None:
    assert damage.fingerprint({"ab": "c"}) != damage.fingerprint({"a": "bc"})
    assert damage.fingerprint({"a": "1", "b": "2"}) == damage.fingerprint({"b": "2", "a": "1"})
    assert damage.fingerprint({"a": "\udcff"}) != damage.fingerprint({"a": "\udcfe"})


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


def test_only_our_own_scripts_of_earlier_faults_go(tmp_path: Path) -> None:
    scripts = tmp_path / "scripts" / "per-boot"
    damage.remove_fault_scripts(tmp_path, "HyperVKVP-")
    scripts.mkdir(parents=True)
    for name in ("HyperVKVP-ignition.config-not-applied", "mine.sh"):
        (scripts / name).write_text("#!/bin/sh\n")
    damage.remove_fault_scripts(tmp_path, "HyperVKVP-")
    assert [path.name for path in scripts.iterdir()] == ["mine.sh"]
