"""hyperv-kvp diagnose: from what a machine shows to one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from datasource_hyperv_kvp.cli.diagnose import as_json, as_text
from datasource_hyperv_kvp.diagnosis import Evidence, conclude, gather
from datasource_hyperv_kvp.kvp import GuestSystem, Pool, write_pool_files
from datasource_hyperv_kvp.kvp.freshness import set_mark
from datasource_hyperv_kvp.payload import IGNITION, USER_DATA, encode
from datasource_hyperv_kvp.platform import AZURE_ASSET_TAG, KVP_CLASS_ID

SECRET = "correct-horse"
DEVICE_SOURCE = "DataSourceHyperVKVP [device (/dev/vmbus/hv_kvp)]"
FACTS = {"HostName": "host", "VirtualMachineName": "vm"}
LOG = "2026-11-22 08:00:00,000 - util.py[DEBUG]: Cloud-init v. 26.2 running 'init-local' at\n"


class Machine:
    """The root of a machine, made up file by file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("proc/sys/kernel/random/boot_id", "b")
        self.dmi(sys_vendor="Microsoft Corporation", product_name="Virtual Machine")
        self.vmbus(KVP_CLASS_ID)
        self.write("dev/vmbus/hv_kvp")
        self.write("usr/bin/cloud-init")
        self.write("run/cloud-init/enabled")
        self.write(
            "etc/cloud/cloud.cfg.d/95_hyperv_kvp.cfg", "datasource_list: [HyperVKVP, Azure, None]\n"
        )
        self.finished("DataSourceNone")

    def write(self, path: str, text: str = "") -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def dmi(self, **values: str) -> None:
        for name, value in values.items():
            self.write(f"sys/class/dmi/id/{name}", value + "\n")

    def vmbus(self, class_id: str) -> None:
        self.write("sys/bus/vmbus/devices/one/class_id", class_id + "\n")

    def pools(self, keys: Mapping[str, str], facts: Mapping[str, str], *, fresh: bool) -> None:
        directory = self.root / "var/lib/hyperv"
        pool: Pool = dict(keys)
        write_pool_files(directory, {0: pool, 3: dict(facts)})
        if fresh:
            set_mark(directory, self.root)

    def finished(self, datasource: str, *, errors: tuple[str, ...] = ()) -> None:
        self.write(
            "run/cloud-init/result.json",
            json.dumps({"v1": {"datasource": datasource, "errors": list(errors)}}),
        )

    def evidence(self) -> Evidence:
        # uptime 0 and no early file: only the mark makes pool files fresh
        host = GuestSystem(root=self.root, uptime=lambda: 0.0, wall_clock=lambda: 0.0)
        return gather(host)

    def sentence(self) -> str:
        return conclude(self.evidence()).sentence


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_provisioned_machine_says_with_what_and_from_where(machine: Machine) -> None:
    machine.pools(encode({USER_DATA: f"#cloud-config\npassword: {SECRET}\n"}), FACTS, fresh=True)
    machine.finished(DEVICE_SOURCE)
    conclusion = conclude(machine.evidence())
    assert conclusion.provisioned is True
    assert USER_DATA in conclusion.sentence
    assert "device (/dev/vmbus/hv_kvp)" in conclusion.sentence


def test_no_form_shows_the_payload(machine: Machine) -> None:
    machine.pools(encode({USER_DATA: f"#cloud-config\na: [ {SECRET}\n"}), FACTS, fresh=True)
    evidence = machine.evidence()
    conclusion = conclude(evidence)
    assert "not YAML" in as_text(evidence, conclusion)
    assert SECRET not in as_text(evidence, conclusion)
    assert SECRET not in json.dumps(as_json(evidence, conclusion))


def test_a_later_boot_says_that_an_earlier_one_did_it(machine: Machine) -> None:
    machine.finished(DEVICE_SOURCE)
    machine.write("var/log/cloud-init.log", f"{LOG}restored from checked cache: {DEVICE_SOURCE}\n")
    conclusion = conclude(machine.evidence())
    assert conclusion.provisioned is True
    assert "earlier boot" in conclusion.sentence


def test_the_log_of_an_earlier_boot_does_not_count(machine: Machine) -> None:
    machine.finished(DEVICE_SOURCE)
    earlier = f"{LOG}restored from checked cache: {DEVICE_SOURCE}\n"
    machine.write("var/log/cloud-init.log", earlier + LOG)
    assert "earlier boot" not in machine.sentence()


def test_what_the_machine_came_up_without_is_told(machine: Machine) -> None:
    machine.finished(DEVICE_SOURCE, errors=("a script failed",))
    fault = "user-data damaged: chunk 3 is missing. This instance comes up without it."
    machine.write("var/log/cloud-init.log", f"{LOG}x - DataSourceHyperVKVP.py[ERROR]: {fault}\n")
    conclusion = conclude(machine.evidence())
    assert conclusion.provisioned is False
    assert "chunk 3 is missing" in conclusion.sentence
    assert "a script failed" not in conclusion.sentence


@pytest.mark.parametrize("used", ["DataSourceNone", "DataSourceNoCloud [seed=/dev/sr0]"])
def test_keys_that_could_not_be_read_are_told_whatever_was_used(
    machine: Machine, used: str
) -> None:
    machine.pools(encode({USER_DATA: "#cloud-config\n"}), FACTS, fresh=True)
    machine.finished(used)
    fault = "keys of the host not read: unknown: patience. This instance comes up without it."
    machine.write("var/log/cloud-init.log", f"{LOG}x - DataSourceHyperVKVP.py[ERROR]: {fault}\n")
    assert "unknown: patience" in machine.sentence()


def test_errors_that_are_not_ours_are_told_too(machine: Machine) -> None:
    machine.finished(DEVICE_SOURCE, errors=("runcmd failed",))
    assert "runcmd failed" in machine.sentence()


def result(machine: Machine, status: str, **more: object) -> None:
    """What applying the Ignition config has left."""
    machine.write("var/lib/cloud/data/instance-id", "one\n")
    text = json.dumps({"status": status, "findings": [], "time": "", **more})
    machine.write("var/lib/cloud/instances/one/ignition/result.json", text)


@pytest.mark.parametrize(
    ("status", "words"), [("refused", "before anything was changed"), ("failed", "only in part")]
)
def test_a_config_that_is_not_applied_is_told_with_its_reasons(
    machine: Machine, status: str, words: str
) -> None:
    machine.finished(DEVICE_SOURCE, errors=("bootcmd failed",))
    finding = {"at": "$.storage.files.0", "message": "no room", "advice": "take a larger disk"}
    result(machine, status, findings=[finding], warnings=["and a label is missing"])
    conclusion = conclude(machine.evidence())
    assert conclusion.provisioned is False
    assert words in conclusion.sentence
    assert "$.storage.files.0: no room; take a larger disk" in conclusion.sentence
    assert "bootcmd failed" not in conclusion.sentence
    text = as_text(machine.evidence(), conclusion)
    for line in ("ignition:     " + status, "finding:      $.storage", "warning:      and a label"):
        assert line in text


def test_what_an_applied_config_has_left_undone_is_told(machine: Machine) -> None:
    machine.finished(DEVICE_SOURCE)
    result(machine, "applied", warnings=["SELinux labels may be missing"])
    conclusion = conclude(machine.evidence())
    assert conclusion.provisioned is True
    assert conclusion.sentence.endswith(". But: SELinux labels may be missing.")
    found = as_json(machine.evidence(), conclusion)["ignition"]
    assert found == {
        "status": "applied",
        "findings": (),
        "warnings": ("SELinux labels may be missing",),
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"findings": 7}'])
def test_a_torn_result_is_no_result(machine: Machine, text: str) -> None:
    machine.finished(DEVICE_SOURCE)
    result(machine, "applied")
    machine.write("var/lib/cloud/instances/one/ignition/result.json", text)
    assert conclude(machine.evidence()).provisioned is True


def test_the_result_of_a_machine_that_others_provisioned_does_not_count(machine: Machine) -> None:
    machine.finished("DataSourceNoCloud [seed=/dev/sr0]")
    result(machine, "refused", findings=[{"at": "$", "message": "no room", "advice": ""}])
    assert "no room" not in machine.sentence()


def test_while_cloud_init_works_nothing_is_known(machine: Machine) -> None:
    (machine.root / "run/cloud-init/result.json").unlink()
    status = {"v1": {"stage": "modules-final", "datasource": DEVICE_SOURCE}}
    machine.write("run/cloud-init/status.json", json.dumps(status))
    assert conclude(machine.evidence()).provisioned is None


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"product_name": "KVM"}, "not Hyper-V"),
        ({"chassis_asset_tag": AZURE_ASSET_TAG}, "Azure"),
    ],
)
def test_another_platform_is_named(
    machine: Machine, trouble: Mapping[str, str], words: str
) -> None:
    machine.dmi(**trouble)
    conclusion = conclude(machine.evidence())
    assert conclusion.provisioned is False
    assert words in conclusion.sentence


def test_cloud_init_that_ds_identify_switched_off(machine: Machine) -> None:
    (machine.root / "run/cloud-init/enabled").unlink()
    (machine.root / "run/cloud-init/result.json").unlink()
    machine.write("run/cloud-init/disabled")
    machine.write("run/cloud-init/ds-identify.log", "No ds found [..]. Disabled cloud-init [1]\n")
    assert "Disabled cloud-init" in machine.sentence()
    assert "notfound=enabled" in machine.sentence()


def test_another_datasource_that_ds_identify_found(machine: Machine) -> None:
    machine.write("run/cloud-init/cloud.cfg", "datasource_list: [ NoCloud, None ]\n")
    machine.finished("DataSourceNoCloud [seed=/dev/sr0]")
    assert "ds-identify found NoCloud" in machine.sentence()


def test_a_list_without_this_datasource(machine: Machine) -> None:
    machine.write("etc/cloud/cloud.cfg.d/99.cfg", "datasource_list: [None]\n")
    assert "does not name HyperVKVP" in machine.sentence()


def test_data_exchange_switched_off(machine: Machine) -> None:
    machine.vmbus("{f8615163-df3e-46c5-913f-f2d2f965ed0e}")
    assert "Data Exchange is switched off" in machine.sentence()


def test_neither_device_nor_daemon(machine: Machine) -> None:
    (machine.root / "dev/vmbus/hv_kvp").unlink()
    assert "hv_utils" in machine.sentence()


def test_a_host_without_keys(machine: Machine) -> None:
    machine.pools({}, FACTS, fresh=True)
    assert "has set no keys" in machine.sentence()


def test_a_silent_host(machine: Machine) -> None:
    machine.pools({}, {}, fresh=True)
    assert "said nothing" in machine.sentence()


def test_keys_that_came_too_late(machine: Machine) -> None:
    machine.pools(encode({IGNITION: "{}"}), FACTS, fresh=True)
    assert "only after cloud-init had looked" in machine.sentence()


def test_keys_of_another_machine(machine: Machine) -> None:
    machine.pools(encode({USER_DATA: "#cloud-config\n"}), FACTS, fresh=False)
    assert "of an earlier boot or another machine" in machine.sentence()


def test_documents_are_judged_one_by_one(machine: Machine) -> None:
    keys = encode({IGNITION: '{"ignition": {"version": "9.9.9"}}', USER_DATA: "#cloud-config\n"})
    keys[USER_DATA if USER_DATA in keys else f"{USER_DATA}.0"] = "changed"
    machine.pools(keys, FACTS, fresh=True)
    ignition, user_data = machine.evidence().documents
    assert "version" in ignition.errors[0]
    assert "sha256" in user_data.fault


def test_another_pool_directory_of_the_configuration(machine: Machine) -> None:
    machine.write(
        "etc/cloud/cloud.cfg.d/96.cfg", "datasource: {HyperVKVP: {pool_dir: /srv/pools}}\n"
    )
    assert machine.evidence().pool_dir == "/srv/pools"


def test_pool_files_of_nobodys_business_ask_for_root(machine: Machine) -> None:
    evidence = machine.evidence()
    pools = tuple(replace(pool, trouble="Permission denied") for pool in evidence.pools)
    assert "as root" in conclude(replace(evidence, pools=pools)).sentence
