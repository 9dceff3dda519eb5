"""What earlier boots of a machine left, and whether it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasource_hyperv_kvp import damage, faults, interrupted
from datasource_hyperv_kvp.earlier_boots import EarlierBoots, inherited

UUID = "12345678-9abc-def0-1234-56789abcdef0"
SWAPPED = "78563412-bc9a-f0de-1234-56789abcdef0"


@pytest.fixture
def boots(tmp_path: Path) -> EarlierBoots:
    """A machine whose last boot made the instance ``web-1``."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "instance-id").write_text("web-1\n")
    (tmp_path / "instances" / "web-1").mkdir(parents=True)
    return EarlierBoots(tmp_path)


def test_a_machine_that_never_booted_has_no_instance(tmp_path: Path) -> None:
    assert EarlierBoots(tmp_path).instance_id == ""
    assert EarlierBoots(tmp_path).datasource is None


def test_the_last_boots_instance_and_what_cloud_init_kept_of_it(boots: EarlierBoots) -> None:
    assert boots.instance_id == "web-1"
    assert boots.datasource is None
    kept = boots.cloud_dir / "instances" / "web-1" / "obj.pkl"
    kept.touch()
    assert boots.datasource == kept


@pytest.mark.parametrize("uuid", [UUID, SWAPPED])
def test_an_instance_stands_on_the_machine_that_it_was_made_for(
    boots: EarlierBoots, uuid: str
) -> None:
    assert boots.made("web-1", "digest", here=uuid, then=UUID)


def test_an_instance_does_not_stand_on_a_clone(boots: EarlierBoots) -> None:
    assert not boots.made("web-1", "digest", here="0" + UUID[1:], then=UUID)


def test_an_instance_whose_first_boot_was_cut_short_does_not_stand(boots: EarlierBoots) -> None:
    (boots.cloud_dir / "instances" / "web-1" / interrupted.MARK).touch()
    assert not boots.made("web-1", "digest", here=UUID, then=UUID)


def test_an_instance_stands_if_nobody_can_tell_what_became_of_its_config(
    boots: EarlierBoots, caplog: pytest.LogCaptureFixture
) -> None:
    (boots.cloud_dir / "instances" / "web-1" / damage.KEPT).touch()  # no directory
    assert boots.made("web-1", "digest", here=UUID, then=UUID)
    assert "Cannot tell" in caplog.text


def test_a_faulty_boot_gives_way_to_another_payload(boots: EarlierBoots) -> None:
    damage.mark(boots.cloud_dir, "web-1", "digest", UUID)
    scripts = boots.cloud_dir / "scripts" / "per-boot"
    scripts.mkdir(parents=True)
    (scripts / f"{faults.PREFIX}x").touch()
    assert not boots.give_way("web-1", "digest", UUID)
    assert boots.instance_id == "web-1"
    assert boots.give_way("web-1", "another", UUID)
    assert boots.instance_id == ""
    assert not list(scripts.iterdir())


def test_nobody_knows_the_host_keys_of_a_first_boot_that_was_cut_short(
    boots: EarlierBoots,
) -> None:
    (boots.cloud_dir / "instances" / "web-1" / interrupted.MARK).touch()
    assert not boots.give_way("web-1", "digest", UUID)
    assert boots.instance_id == ""


def test_what_belongs_to_the_process_is_not_inherited() -> None:
    known: dict[str, object] = {"metadata": {}, "sys_cfg": {}, "paths": None, "_where": "x"}
    assert inherited(known) == {"metadata": {}, "_where": "x"}
