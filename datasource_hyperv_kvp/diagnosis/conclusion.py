"""From evidence to one sentence: why this machine was provisioned, or why not, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from datasource_hyperv_kvp.diagnosis.cloudinit import NAME
from datasource_hyperv_kvp.diagnosis.evidence import Evidence
from datasource_hyperv_kvp.kvp.daemon import State
from datasource_hyperv_kvp.kvp.freshness import Freshness

#: Where the sentence ends: a fault may quote every finding of a long config.
_LONGEST_STORY = 400


@dataclass(frozen=True)
class Conclusion:
    """The verdict.

    :param provisioned: by this package, and whole; None if that cannot be known yet.
    :param sentence: why, and what to do.
    """

    provisioned: bool | None
    sentence: str


def conclude(evidence: Evidence) -> Conclusion:
    """Give the first reason that explains everything."""
    cloud_init = evidence.cloud_init
    if not cloud_init.installed:
        return _no("cloud-init is not installed here: install it")
    if cloud_init.used_ours:
        return _by_us(evidence)
    return (
        _elsewhere(evidence)
        or _cloud_init_off(evidence)
        or _still_running(evidence)
        or _failed(evidence)
        or _not_asked(evidence)
        or _nothing_came(evidence)
    )


def _by_us(evidence: Evidence) -> Conclusion:
    cloud_init = evidence.cloud_init
    if cloud_init.faults:
        told = "; ".join(cloud_init.faults)
        return _no(
            f"this machine was provisioned only in part, for it came up without what is damaged: "
            f"{_short(told)}; mend that on the host, and the next boot applies it"
        )
    applied = evidence.applied
    if applied.findings:
        told = "; ".join(applied.findings)
        how = (
            "was refused before anything was changed by that boot"
            if applied.status == "refused"
            else "is applied only in part"
        )
        return _no(
            f"the Ignition config came whole, but it {how}: {_short(told)}; mend that, and the "
            "next boot applies it"
        )
    if not cloud_init.finished:
        return Conclusion(None, "Not known yet: cloud-init is still provisioning this machine.")
    if cloud_init.errors:
        told = "; ".join(cloud_init.errors)
        return _no(
            f"the documents came whole, but cloud-init did not get through with them: "
            f"{_short(told)}; `cloud-init status --long` and /var/log/cloud-init.log say more"
        )
    but = f" But: {_short('; '.join(applied.warnings))}." if applied.warnings else ""
    if cloud_init.from_cache:
        return Conclusion(
            True,
            f"Provisioned: {NAME} provisioned this machine in an earlier boot (instance "
            f"{cloud_init.instance_id}), and later boots ask nobody; `cloud-init clean` makes the "
            f"next one a first boot.{but}",
        )
    names = _and([document.name for document in evidence.documents]) or "the host's keys"
    where = cloud_init.datasource.partition("[")[2].rstrip("]") or "the host"
    return Conclusion(
        True,
        f"Provisioned: {NAME} provisioned this machine with {names}, read from {where}.{but}",
    )


def _elsewhere(evidence: Evidence) -> Conclusion | None:
    used = _used(evidence)
    if evidence.is_azure:
        return _no(f"this is a machine in Azure, where Azure's own datasource is at home{used}")
    if not evidence.is_hyperv:
        vendor = evidence.dmi.sys_vendor or "nothing"
        product = evidence.dmi.product_name or "nothing"
        return _no(f"this is not Hyper-V: DMI says {vendor}, {product}{used}")
    return None


def _cloud_init_off(evidence: Evidence) -> Conclusion | None:
    cloud_init = evidence.cloud_init
    if cloud_init.enabled is not False:
        return None
    why = f" ({cloud_init.why})" if cloud_init.why else ""
    return _no(
        f"cloud-init is switched off in this boot{why}: ds-identify needs the policy "
        "notfound=enabled in /etc/cloud/ds-identify.cfg, on one line, and HyperVKVP in "
        "datasource_list"
    )


def _still_running(evidence: Evidence) -> Conclusion | None:
    cloud_init = evidence.cloud_init
    if cloud_init.finished or (cloud_init.datasource and not cloud_init.stage):
        return None
    if cloud_init.enabled is None and not cloud_init.stage:
        return _no(
            "cloud-init has not run in this boot: look at `systemctl status cloud-init-local`"
        )
    return Conclusion(None, "Not known yet: cloud-init is still at work.")


def _failed(evidence: Evidence) -> Conclusion | None:
    """Ours was asked, and something was wrong on this side of the keys."""
    faults = evidence.cloud_init.faults
    if not faults:
        return None
    return _no(
        f"{NAME} could not do its work: {_short('; '.join(faults))}{_used(evidence)}; mend that "
        "and restart this machine"
    )


def _not_asked(evidence: Evidence) -> Conclusion | None:
    """Another datasource was preferred, or ours is not on the list."""
    cloud_init = evidence.cloud_init
    if not cloud_init.lists_ours:
        return _no(
            f"datasource_list does not name {NAME}{_used(evidence)}: put it back into "
            "/etc/cloud/cloud.cfg.d/95_hyperv_kvp.cfg, or into what overrides that file"
        )
    if cloud_init.identified and NAME not in cloud_init.identified:
        return _no(
            f"ds-identify found {_and(list(cloud_init.identified[:1]))}, which comes before the "
            f"host's keys{_used(evidence)}: detach it, or set datasource_list: [{NAME}, None]"
        )
    if cloud_init.datasource and "None" not in cloud_init.datasource:
        return _no(f"another datasource came first{_used(evidence)}: put {NAME} before it")
    return None


def _nothing_came(evidence: Evidence) -> Conclusion:
    if evidence.vmbus.up and not evidence.vmbus.offers_kvp:
        return _no(
            "the host does not offer KVP, for Data Exchange is switched off: enable that "
            "integration service of this virtual machine and restart it"
        )
    if evidence.unreadable:
        return _no(f"the pool files cannot be read: {evidence.unreadable[0]}; run this as root")
    if not evidence.device_exists and evidence.daemon.state is not State.RUNNING:
        return _no(
            f"there is no {evidence.device} and no KVP daemon: load the module hv_utils, and look "
            "at the kernel's log for hv_vmbus"
        )
    if evidence.has_fresh_keys:
        return _no(
            "the host's keys came only after cloud-init had looked for them: restart this machine, "
            f"and if that happens again raise `timeout` and `settle` of the datasource {NAME}"
        )
    if evidence.documents or evidence.payload_faults:
        return _no(
            "the keys in the pool files are of an earlier boot or another machine, and the host "
            "has set none for this one: set them and restart it"
        )
    if any(pool.keys and pool.freshness is not Freshness.STALE for pool in evidence.pools):
        return _no(
            "the host talks to this machine but has set no keys for cloud-init or Ignition: set "
            "them (`hyperv-kvp encode --format powershell` writes the commands) and restart it"
        )
    heard = "the KVP daemon runs, but " if evidence.daemon.state is State.RUNNING else ""
    return _no(
        f"{heard}the host has said nothing in this boot, not even its name: look whether Data "
        "Exchange is enabled for this virtual machine, and restart it"
    )


def _no(why: str) -> Conclusion:
    return Conclusion(False, f"Not provisioned: {why}.")


def _used(evidence: Evidence) -> str:
    used = evidence.cloud_init.datasource
    return f", and cloud-init used {used}" if used else ""


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_STORY else f"{text[:_LONGEST_STORY].rstrip()} …"
