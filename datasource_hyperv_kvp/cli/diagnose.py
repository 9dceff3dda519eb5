"""Why was this machine provisioned, or why not: what there is to see, and one closing sentence.

Looks at the firmware, VMBus, the device, the KVP daemon, the pool files, the documents in them,
ds-identify and cloud-init; changes nothing and shows no document's text. Run it as root on the
machine in question.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasource_hyperv_kvp.diagnosis import Conclusion, Evidence

_WIDTH = 96


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="default: %(default)s"
    )


def run(arguments: argparse.Namespace) -> int:
    from datasource_hyperv_kvp.diagnosis import conclude, gather

    evidence = gather()
    conclusion = conclude(evidence)
    if arguments.format == "json":
        print(json.dumps(as_json(evidence, conclusion), indent=2))
    else:
        print(as_text(evidence, conclusion))
    return 0


def as_json(evidence: Evidence, conclusion: Conclusion) -> dict[str, Any]:
    """Give everything for scripts."""
    cloud_init = evidence.cloud_init
    return {
        "conclusion": dataclasses.asdict(conclusion),
        "platform": {
            **dataclasses.asdict(evidence.dmi),
            "hyperv": evidence.is_hyperv,
            "azure": evidence.is_azure,
        },
        "vmbus": dataclasses.asdict(evidence.vmbus),
        "device": {"path": evidence.device, "exists": evidence.device_exists},
        "daemon": {
            "state": evidence.daemon.state.value,
            "unit": evidence.daemon.unit,
            "detail": evidence.daemon.detail,
        },
        "pools": [
            {**dataclasses.asdict(pool), "freshness": pool.freshness.name.lower()}
            for pool in evidence.pools
        ],
        "documents": [dataclasses.asdict(document) for document in evidence.documents],
        "payload_faults": list(evidence.payload_faults),
        "stale_keys": evidence.stale_keys,
        "host_facts": dict(evidence.host_facts),
        "ds_identify": {
            "enabled": cloud_init.enabled,
            "why": cloud_init.why,
            "datasource_list": list(cloud_init.identified),
        },
        "cloud_init": {
            "installed": cloud_init.installed,
            "datasource_list": list(cloud_init.configured),
            "stage": cloud_init.stage,
            "finished": cloud_init.finished,
            "datasource": cloud_init.datasource,
            "from_cache": cloud_init.from_cache,
            "instance_id": cloud_init.instance_id,
            "errors": list(cloud_init.errors),
            "faults": list(cloud_init.faults),
        },
        "ignition": dataclasses.asdict(evidence.applied),
    }


def as_text(evidence: Evidence, conclusion: Conclusion) -> str:
    """Give everything for people: a line a fact, the sentence last."""
    lines = [f"{f'{name}:':13} {text}" for name, text in _facts(evidence)]
    wrapped = textwrap.fill(conclusion.sentence, _WIDTH, break_on_hyphens=False)
    return "\n".join([*lines, "", wrapped])


def _facts(evidence: Evidence) -> list[tuple[str, str]]:
    cloud_init = evidence.cloud_init
    vmbus = evidence.vmbus
    kvp = "offers KVP" if vmbus.offers_kvp else "does not offer KVP (Data Exchange is off)"
    facts = [
        ("platform", _platform(evidence)),
        ("vmbus", kvp if vmbus.up else "not up"),
        ("device", f"{evidence.device} {'exists' if evidence.device_exists else 'is not there'}"),
        ("daemon", evidence.daemon.detail or evidence.daemon.state.value),
    ]
    for pool in evidence.pools:
        facts.append((f"pool {pool.number}", _pool(pool)))
    for document in evidence.documents:
        facts.append(("document", _document(document)))
    if not evidence.documents:
        facts.append(("documents", "none"))
    facts += [("fault", fault) for fault in evidence.payload_faults]
    if evidence.stale_keys:
        facts.append(("stale keys", f"{evidence.stale_keys}, of older documents: not used"))
    facts.append(("ds-identify", _ds_identify(evidence)))
    facts.append(("cloud-init", _cloud_init(evidence)))
    facts += [("fault", fault) for fault in cloud_init.faults]
    for error in cloud_init.errors:
        if not any(fault in error for fault in cloud_init.faults):
            facts.append(("error", error))
    if evidence.applied.status:
        facts.append(("ignition", evidence.applied.status))
    facts += [("finding", finding) for finding in evidence.applied.findings]
    facts += [("warning", warning) for warning in evidence.applied.warnings]
    return facts


def _platform(evidence: Evidence) -> str:
    dmi = evidence.dmi
    kind = "Azure" if evidence.is_azure else "Hyper-V" if evidence.is_hyperv else "not Hyper-V"
    return f"{kind} ({dmi.sys_vendor}, {dmi.product_name}), UUID {dmi.product_uuid or 'not known'}"


def _pool(pool: Any) -> str:
    if pool.trouble:
        return str(pool.trouble)
    if pool.keys is None:
        return f"{pool.path} is not there"
    count = f"{pool.keys} key" if pool.keys == 1 else f"{pool.keys} keys"
    return f"{count}, {pool.freshness.value} ({pool.path}, {pool.mode})"


def _document(document: Any) -> str:
    keys = f"{document.chunks} key" if document.chunks == 1 else f"{document.chunks} keys"
    manifest = "in the manifest" if document.in_manifest else "no manifest"
    encoding = f", {document.encoding}" if document.encoding else ""
    if document.fault:
        state = "damaged"
    elif document.errors:
        state = f"{document.size} bytes, invalid: {'; '.join(document.errors)}"
    else:
        state = f"{document.size} bytes, whole"
        if document.warnings:
            state += f"; warnings: {'; '.join(document.warnings)}"
    return f"{document.name} ({keys}, {manifest}{encoding}): {state}"


def _ds_identify(evidence: Evidence) -> str:
    cloud_init = evidence.cloud_init
    words = {True: "cloud-init enabled", False: "cloud-init disabled", None: "no verdict"}
    found = f", list [{', '.join(cloud_init.identified)}]" if cloud_init.identified else ""
    why = f": {cloud_init.why}" if cloud_init.why else ""
    return f"{words[cloud_init.enabled]}{found}{why}"


def _cloud_init(evidence: Evidence) -> str:
    cloud_init = evidence.cloud_init
    if not cloud_init.installed:
        return "not installed"
    state = "finished" if cloud_init.finished else cloud_init.stage or "not run in this boot"
    used = f", used {cloud_init.datasource}" if cloud_init.datasource else ""
    cached = " (from an earlier boot)" if cloud_init.from_cache else ""
    listed = ", ".join(cloud_init.configured) or "not set"
    return f"{state}{used}{cached}; datasource_list: {listed}"
