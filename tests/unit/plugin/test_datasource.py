"""The real datasource class in a real cloud-init, with a host that is made up."""

from __future__ import annotations

import json
import logging
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cloudinit import helpers, sources
from cloudinit.event import EventType
from pytest_mock import MockerFixture

import datasource_hyperv_kvp
from datasource_hyperv_kvp import DataSourceHyperVKVP as plugin
from datasource_hyperv_kvp import interrupted, kvp, platform
from datasource_hyperv_kvp.errors import ConfigError, KVPError, NeedsNetworkError
from datasource_hyperv_kvp.payload import encode

UUID = "12345678-9abc-def0-1234-56789abcdef0"
SWAPPED = "78563412-bc9a-f0de-1234-56789abcdef0"
HYPERV = platform.DMI("Microsoft Corporation", "Virtual Machine", UUID, "")
AZURE = platform.DMI("Microsoft Corporation", "Virtual Machine", UUID, platform.AZURE_ASSET_TAG)
QEMU = platform.DMI("QEMU", "Standard PC", UUID, "")


class Lab:
    """One machine: its firmware, what its host sends, and its cloud-init."""

    def __init__(self, mocker: MockerFixture, tmp_path: Path) -> None:
        self.dmi = HYPERV
        self.pool: dict[str, str] = {}
        self.faults: tuple[KVPError, ...] = ()
        self.distro: object = None
        self.sys_cfg: dict[str, Any] = {"datasource_list": ["HyperVKVP", "NoCloud", "None"]}
        self.paths = helpers.Paths({"cloud_dir": str(tmp_path), "run_dir": str(tmp_path / "run")})
        self.cloud_dir = tmp_path
        self.mocker = mocker
        mocker.patch.object(platform, "read_dmi", side_effect=lambda: self.dmi)
        self.read = mocker.patch.object(kvp, "read", side_effect=self._read)

    def _read(self, settings: kvp.Settings, **_questions: object) -> kvp.Reading:
        pools = {0: self.pool, 3: {"VirtualMachineName": "web-1"}}
        source, where = kvp.Source.POOL_FILES, "/var/lib/hyperv"
        return kvp.Reading(pools, source, where, 0.5, ("a reason",), self.faults)

    def host_sets(self, documents: Mapping[str, str]) -> None:
        self.pool = encode(documents)

    def datasource(self) -> plugin.DataSourceHyperVKVP:
        return plugin.DataSourceHyperVKVP(self.sys_cfg, self.distro, self.paths)

    def boot(self) -> tuple[plugin.DataSourceHyperVKVP, bool]:
        """Ask the datasource as a first boot does."""
        (self.cloud_dir / "data").mkdir(exist_ok=True)
        datasource = self.datasource()
        found = bool(datasource._get_data())
        if found:
            (self.cloud_dir / "data" / "instance-id").write_text(datasource.get_instance_id())
        return datasource, found

    def translate(self, result: object) -> Any:
        from datasource_hyperv_kvp import translation

        return self.mocker.patch.object(translation, "translate", side_effect=[result])


@pytest.fixture
def lab(mocker: MockerFixture, tmp_path: Path) -> Lab:
    return Lab(mocker, tmp_path)


def translation_of(cloud_config: str, *, network: bool = False) -> Any:
    from datasource_hyperv_kvp.translation import Translation

    return Translation(cloud_config, network)


def user_data(datasource: plugin.DataSourceHyperVKVP) -> str:
    assert isinstance(datasource.userdata_raw, str)
    return datasource.userdata_raw


def test_cloud_init_finds_the_class_by_its_name() -> None:
    assert plugin.get_datasource_list([sources.DEP_FILESYSTEM]) == [plugin.DataSourceHyperVKVP]
    assert plugin.get_datasource_list([sources.DEP_FILESYSTEM, sources.DEP_NETWORK]) == []


@pytest.mark.parametrize("dmi", [QEMU, AZURE])
def test_elsewhere_it_declines_without_asking_anybody(lab: Lab, dmi: platform.DMI) -> None:
    lab.dmi = dmi
    assert not lab.datasource().ds_detect()
    assert lab.boot()[1] is False
    lab.read.assert_not_called()


def test_without_keys_the_next_datasource_has_its_turn(lab: Lab) -> None:
    assert lab.boot()[1] is False


def test_documents_become_an_instance(lab: Lab) -> None:
    lab.host_sets(
        {
            "cloud-init.user-data": "#cloud-config\nhostname: a\n",
            "cloud-init.meta-data": "local-hostname: web-1\npublic-keys: [ssh-ed25519 A]\n",
            "cloud-init.vendor-data": "#!/bin/sh\n",
            "cloud-init.network-config": "version: 2\nethernets: {}\n",
        }
    )
    datasource, found = lab.boot()
    assert found
    assert datasource.get_instance_id() == UUID
    assert datasource.get_hostname()[0] == "web-1"
    assert datasource.get_public_ssh_keys() == ["ssh-ed25519 A"]
    assert datasource.network_config == {"version": 2, "ethernets": {}}
    assert datasource.metadata["hyperv"] == {"virtual_machine_name": "web-1"}
    assert "hostname: a" in user_data(datasource)
    assert "#!/bin/sh" in str(datasource.vendordata_raw)
    assert datasource.subplatform == "pool files (/var/lib/hyperv)"
    assert datasource.cloud_name == "hypervkvp"
    assert datasource.dsmode == "net"


def test_the_reader_gets_its_options_and_we_keep_ours(lab: Lab) -> None:
    lab.sys_cfg["datasource"] = {"HyperVKVP": {"timeout": 7, "fetch_timeout": 9}}
    lab.boot()
    (settings,) = lab.read.call_args.args
    assert settings.timeout == 7


def test_a_wrong_option_is_said_and_others_have_their_turn(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.sys_cfg["datasource"] = {"HyperVKVP": {"patience": 7}}
    assert lab.boot()[1] is False
    assert "unknown: patience" in caplog.text
    (script,) = (lab.cloud_dir / "scripts" / "per-boot").iterdir()
    assert script.name == "HyperVKVP-keys-of-the-host-not-read"
    run = subprocess.run([str(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "unknown: patience" in run.stderr


def test_a_fault_that_cannot_be_shown_is_no_other_one(
    lab: Lab, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    lab.sys_cfg["datasource"] = {"HyperVKVP": {"patience": 7}}
    mocker.patch("datasource_hyperv_kvp.faults.show_in_this_boot", side_effect=OSError("full"))
    assert lab.boot()[1] is False
    assert "full" in caplog.text


def test_dsmode_disabled_is_honoured(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "dsmode: disabled\n"})
    assert lab.boot()[1] is False


def test_what_the_reader_met_is_a_warning(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.faults = (KVPError("torn", where="/var/lib/hyperv/.kvp_pool_0"),)
    lab.boot()
    assert ("WARNING", "/var/lib/hyperv/.kvp_pool_0: torn") in [
        (record.levelname, record.getMessage()) for record in caplog.records
    ]


def test_an_ignition_config_alone_is_applied_before_the_network(lab: Lab) -> None:
    lab.host_sets({"ignition.config": "{}"})
    translate = lab.translate(translation_of("#cloud-config\nbootcmd: [x]\n"))
    datasource, found = lab.boot()
    assert found
    assert datasource.dsmode == "local"
    assert "bootcmd: [x]" in user_data(datasource)
    assert translate.call_args.kwargs["offline"] is True
    assert translate.call_args.kwargs["default_user"] is False


def test_network_files_of_an_ignition_config_are_not_joined_by_cloud_inits(lab: Lab) -> None:
    lab.host_sets({"ignition.config": "{}"})
    lab.translate(translation_of("#cloud-config\n{}\n", network=True))
    assert lab.boot()[0].network_config == {"config": "disabled"}


def test_a_config_that_fetches_waits_for_the_network(lab: Lab) -> None:
    lab.host_sets({"ignition.config": "{}"})
    lab.translate(NeedsNetworkError("http://x"))
    datasource, _found = lab.boot()
    assert datasource.dsmode == "net"
    assert user_data(datasource).startswith("Content-Type: multipart")
    datasource = pickle.loads(pickle.dumps(datasource))
    translate = lab.translate(translation_of("#cloud-config\nbootcmd: [y]\n"))
    datasource.setup(is_new_instance=False)
    assert "bootcmd: [y]" in user_data(datasource)
    assert translate.call_args.kwargs["offline"] is False


def test_setup_fetches_once(lab: Lab) -> None:
    lab.host_sets({"ignition.config": "{}"})
    lab.translate(NeedsNetworkError("http://x"))
    datasource, _found = lab.boot()
    lab.translate(translation_of("#cloud-config\nbootcmd: [y]\n"))
    datasource.setup(is_new_instance=False)
    before = user_data(datasource)
    datasource.setup(is_new_instance=True)
    assert user_data(datasource) == before


def test_a_failed_fetch_leaves_the_users_part_and_a_fault(lab: Lab) -> None:
    lab.host_sets({"ignition.config": "{}", "cloud-init.user-data": "#!/bin/sh\necho user\n"})
    lab.translate(NeedsNetworkError("http://x"))
    datasource, _found = lab.boot()
    lab.translate(ConfigError("404", where="http://x"))
    datasource.setup(is_new_instance=False)
    assert "echo user" in user_data(datasource)
    assert "HyperVKVP-ignition.config-not-applied" in user_data(datasource)
    assert not datasource.check_instance_id({})


def test_a_bad_config_is_a_fault_and_the_default_user_stays(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.host_sets({"ignition.config": "{}"})
    lab.translate(ConfigError("$.storage: no", where="ignition.config"))
    datasource, found = lab.boot()
    assert found
    assert "users" not in user_data(datasource)
    assert "$.storage: no" in caplog.text
    assert "Mend it on the host" in caplog.text


def test_a_damaged_document_is_a_fault_and_others_are_used(lab: Lab) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n", "cloud-init.meta-data": "a: b"})
    lab.pool["cloud-init.meta-data"] = "c: d"
    lab.pool["cloud-init.meta-data.0"] = "c: d"
    datasource, found = lab.boot()
    assert found
    assert datasource.get_instance_id() == UUID
    assert "#!/bin/sh" in user_data(datasource)
    assert "HyperVKVP-cloud-init.meta-data" in user_data(datasource)


def test_a_later_boot_of_the_machine_asks_nobody(lab: Lab) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n"})
    datasource, _found = lab.boot()
    lab.read.reset_mock()
    restored = pickle.loads(pickle.dumps(datasource))
    assert restored.check_instance_id({})
    lab.dmi = platform.DMI("Microsoft Corporation", "Virtual Machine", SWAPPED, "")
    assert restored.check_instance_id({})
    lab.read.assert_not_called()


def test_another_machine_asks_again(lab: Lab) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n"})
    datasource, _found = lab.boot()
    lab.dmi = platform.DMI("Microsoft Corporation", "Virtual Machine", "00000000" + UUID[8:], "")
    assert not datasource.check_instance_id({})


def test_a_boot_with_a_fault_does_not_count(lab: Lab) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n", "cloud-init.meta-data": "[broken"})
    datasource, _found = lab.boot()
    assert not datasource.check_instance_id({})
    semaphore = lab.cloud_dir / "instances" / UUID / "sem" / "config_runcmd"
    semaphore.parent.mkdir(parents=True)
    semaphore.touch()
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n", "cloud-init.meta-data": "a: b"})
    datasource, _found = lab.boot()
    assert not semaphore.exists()
    assert "ssh_deletekeys: false" in user_data(datasource)
    assert datasource.check_instance_id({})


def test_a_first_boot_that_was_cut_short_is_done_once_more(lab: Lab) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n"})
    datasource, _found = lab.boot()
    semaphore = lab.cloud_dir / "instances" / UUID / "sem" / "config_runcmd"
    semaphore.parent.mkdir(parents=True)
    semaphore.touch()
    mark = lab.cloud_dir / "instances" / UUID / interrupted.MARK
    mark.touch()
    assert not datasource.check_instance_id({})
    datasource, _found = lab.boot()
    assert not semaphore.exists()
    mark.unlink()
    assert datasource.check_instance_id({})


def test_an_object_of_an_older_release_comes_back_whole(lab: Lab) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n"})
    datasource, _found = lab.boot()
    del datasource._pending, datasource._faults
    restored = pickle.loads(pickle.dumps(datasource))
    restored.setup(is_new_instance=False)
    assert restored.check_instance_id({})


def test_the_administrators_meta_data_is_private(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "db-password: secret\nlocal-hostname: a\n"})
    datasource, _found = lab.boot()
    keys = datasource.sensitive_metadata_keys
    assert "ds/meta_data/db-password" in keys
    assert "ds/meta_data/local-hostname" not in keys
    assert set(sources.DataSource.sensitive_metadata_keys) < set(keys)


META_DATA = """
local-hostname: a
placement: rack-7
region: 5
Secret: SECRET
example.com/secret: SECRET
ds: SECRET
meta_data: {a: SECRET}
deep: {user-data: SECRET}
"""


def test_whatever_meta_data_says_it_is_private_and_can_be_kept(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": META_DATA})
    datasource = lab.datasource()
    assert datasource.get_data()
    run_dir = Path(lab.paths.run_dir)
    public = json.loads((run_dir / "instance-data.json").read_text())
    assert "SECRET" not in json.dumps(public)
    assert public["ds"]["meta_data"]["hyperv"]["virtual_machine_name"] == "web-1"
    assert public["v1"]["region"] == "5"
    private = json.loads((run_dir / "instance-data-sensitive.json").read_text())
    assert private["ds"]["meta_data"]["Secret"] == "SECRET"
    assert private["ds"]["meta_data"]["placement"] == "rack-7"


def test_the_zone_is_what_meta_data_says(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "availability_zone: rack-7\nplacement:\n"})
    assert lab.boot()[0].availability_zone == "rack-7"


def test_meta_data_is_private_also_when_something_goes_wrong(
    lab: Lab, mocker: MockerFixture
) -> None:
    lab.host_sets({"cloud-init.meta-data": "password: SECRET\n"})
    mocker.patch("datasource_hyperv_kvp.damage.forget", side_effect=RuntimeError)
    assert lab.datasource().get_data()
    assert "SECRET" not in (Path(lab.paths.run_dir) / "instance-data.json").read_text()


def test_a_network_config_that_cloud_init_cannot_take_is_a_fault(
    lab: Lab, mocker: MockerFixture
) -> None:
    lab.host_sets({"cloud-init.network-config": "version: 2\n", "ignition.config": "{}"})
    translate = lab.translate(translation_of("#cloud-config\n{}\n"))
    mocker.patch("datasource_hyperv_kvp.network_config.objection", return_value="no such thing")
    datasource, found = lab.boot()
    assert found
    assert datasource.network_config is None
    assert "HyperVKVP-cloud-init.network-config-invalid" in user_data(datasource)
    assert "cloud-init.network-config: no such thing" in user_data(datasource)
    assert translate.call_args.kwargs["default_user"] is True


# Later boots of a machine whose first one had a fault


def keep(lab: Lab, datasource: plugin.DataSourceHyperVKVP) -> None:
    """Keep the object as cloud-init does."""
    directory = lab.cloud_dir / "instances" / datasource.get_instance_id()
    directory.mkdir(parents=True, exist_ok=True)
    sources.pkl_store(datasource, str(directory / "obj.pkl"))


def test_a_machine_whose_host_says_nothing_any_more_stays_what_it_is(
    lab: Lab, caplog: pytest.LogCaptureFixture
) -> None:
    lab.host_sets(
        {
            "cloud-init.meta-data": "instance-id: web-1",
            "cloud-init.network-config": "version: 2\nethernets: {}\n",
            "cloud-init.user-data": "#!/bin/sh\n",
            "cloud-init.vendor-data": "#!/bin/sh\n",
        }
    )
    lab.pool["cloud-init.vendor-data.0"] = "damaged"
    first, _found = lab.boot()
    keep(lab, first)
    assert not first.check_instance_id({})
    lab.pool = {}
    caplog.clear()
    second, found = lab.boot()
    assert found
    assert "vendor-data.0: the manifest expects" in caplog.text
    assert second.get_instance_id() == "web-1"
    assert second.network_config == first.network_config
    assert user_data(second) == user_data(first)
    assert second.paths is lab.paths
    assert not second.check_instance_id({})


def test_a_provisioned_machine_asks_nobody_though_cloud_init_has_lost_its_cache(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "local-hostname: a"})
    first, _found = lab.boot()
    keep(lab, first)
    lab.read.reset_mock()
    second, found = lab.boot()
    assert found
    assert second.metadata == first.metadata
    lab.read.assert_not_called()


def test_whoever_wants_updates_at_every_boot_gets_them(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "local-hostname: a"})
    first, _found = lab.boot()
    keep(lab, first)
    lab.host_sets({"cloud-init.meta-data": "local-hostname: b"})
    datasource = pickle.loads(pickle.dumps(first))
    assert datasource.update_metadata_if_supported([EventType.BOOT])
    assert datasource.metadata["local-hostname"] == "b"


def test_a_machine_stays_what_it_is_if_the_host_cannot_be_asked(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "[broken"})
    first, _found = lab.boot()
    keep(lab, first)
    lab.read.side_effect = RuntimeError
    second, found = lab.boot()
    assert found
    assert second.get_instance_id() == first.get_instance_id()


def test_a_config_that_failed_when_it_was_applied_is_asked_for_again(lab: Lab) -> None:
    lab.host_sets({"ignition.config": "{}"})
    lab.translate(translation_of("#cloud-config\n{}\n"))
    datasource, _found = lab.boot()
    assert datasource.check_instance_id({})
    result = lab.cloud_dir / "instances" / UUID / "ignition" / "result.json"
    result.parent.mkdir(parents=True)
    result.write_text('{"status": "failed"}')
    assert not datasource.check_instance_id({})
    lab.host_sets({"ignition.config": "{} "})
    lab.translate(translation_of("#cloud-config\n{}\n"))
    datasource, _found = lab.boot()
    assert "ssh_deletekeys: false" in user_data(datasource)
    assert datasource.check_instance_id({})


def test_a_clone_whose_host_says_nothing_is_nobody(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "[broken"})
    keep(lab, lab.boot()[0])
    lab.pool = {}
    lab.dmi = platform.DMI("Microsoft Corporation", "Virtual Machine", "00000000" + UUID[8:], "")
    assert lab.boot()[1] is False


def test_a_repaired_name_does_not_make_what_ignition_made_somebody_elses(lab: Lab) -> None:
    lab.host_sets({"cloud-init.meta-data": "[broken"})
    lab.boot()
    journal = lab.cloud_dir / "instances" / UUID / "ignition" / "journal"
    journal.parent.mkdir()
    journal.touch()
    lab.host_sets({"cloud-init.meta-data": "instance-id: web-1", "cloud-init.user-data": "#!"})
    datasource, _found = lab.boot()
    assert (lab.cloud_dir / "instances" / "web-1" / "ignition" / "journal").exists()
    assert "ssh_deletekeys: false" in user_data(datasource)
    assert datasource.check_instance_id({})


# Where nobody expected it

PLACES = [
    "datasource_hyperv_kvp.platform.is_hyperv",
    "datasource_hyperv_kvp.kvp.read",
    "datasource_hyperv_kvp.payload.assemble",
    "datasource_hyperv_kvp.instance.from_payload",
    "datasource_hyperv_kvp.damage.forget",
    "datasource_hyperv_kvp.earlier_boots.EarlierBoots",
    "datasource_hyperv_kvp.translation.translate",
    "datasource_hyperv_kvp.metadata.private_paths",
    "datasource_hyperv_kvp.network_config.objection",
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("others", [True, False])
def test_whatever_raises_the_machine_comes_up(
    lab: Lab, mocker: MockerFixture, caplog: pytest.LogCaptureFixture, place: str, others: bool
) -> None:
    if not others:
        lab.sys_cfg["datasource_list"] = ["HyperVKVP", "None"]
    lab.host_sets(
        {
            "ignition.config": "{}",
            "cloud-init.user-data": "#!/bin/sh\n",
            "cloud-init.network-config": "version: 2\n",
        }
    )
    mocker.patch(place, side_effect=RuntimeError("SECRET of the payload"))
    datasource, found = lab.boot()
    assert found or others
    if found:
        assert "HyperVKVP-" in user_data(datasource)
        datasource.setup(is_new_instance=False)
        assert not datasource.check_instance_id({})
    assert "unexpected RuntimeError" in caplog.text
    assert "Traceback" in caplog.text or "File " in caplog.text
    assert "SECRET" not in caplog.text


def test_a_missing_dependency_is_named(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lab.host_sets({"ignition.config": "{}"})
    monkeypatch.delattr(datasource_hyperv_kvp, "translation", raising=False)
    monkeypatch.delitem(sys.modules, "datasource_hyperv_kvp.translation", raising=False)
    monkeypatch.setitem(sys.modules, "datasource_hyperv_kvp.ignition.resources", None)
    _datasource, found = lab.boot()
    assert found
    assert "datasource_hyperv_kvp.ignition.resources" in caplog.text


def test_which_machine_it_is_cannot_fail(lab: Lab, mocker: MockerFixture) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n"})
    datasource, _found = lab.boot()
    mocker.patch.object(platform, "read_dmi", side_effect=OSError("gone"))
    assert not datasource.check_instance_id({})


def test_what_became_of_earlier_boots_cannot_fail(lab: Lab, mocker: MockerFixture) -> None:
    lab.host_sets({"cloud-init.user-data": "#!/bin/sh\n"})
    datasource, _found = lab.boot()
    mocker.patch("datasource_hyperv_kvp.damage.settle", side_effect=RuntimeError)
    assert datasource.check_instance_id({})


def test_user_data_that_cannot_be_handed_on_does_not_end_setup(
    lab: Lab, mocker: MockerFixture
) -> None:
    lab.host_sets({"ignition.config": "{}", "cloud-init.user-data": "#!/bin/sh\n"})
    lab.translate(NeedsNetworkError("http://x"))
    datasource, _found = lab.boot()
    lab.translate(RuntimeError("x"))
    mocker.patch("datasource_hyperv_kvp.mime._user_part", side_effect=ValueError("y"))
    datasource.setup(is_new_instance=False)
    assert "HyperVKVP-cloud-init.user-data-not-used" in user_data(datasource)


def test_importing_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, datasource_hyperv_kvp.DataSourceHyperVKVP as p; "
        "print([m for m in sys.modules if m.startswith('datasource_hyperv_kvp')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = ["datasource_hyperv_kvp", "datasource_hyperv_kvp.DataSourceHyperVKVP"]
    assert run.stdout.strip() == str(modules)


def test_faults_are_logged_as_errors(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    lab.host_sets({"cloud-init.meta-data": "[broken"})
    lab.boot()
    assert [r for r in caplog.records if r.levelno == logging.ERROR]
