"""What a machine shows: platform, device, daemon, pools, documents, cloud-init."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from datasource_hyperv_kvp.diagnosis.applied import Applied, read_applied
from datasource_hyperv_kvp.diagnosis.cloudinit import CloudInit, read_cloud_init
from datasource_hyperv_kvp.errors import HyperVKVPError
from datasource_hyperv_kvp.kvp import (
    AUTO_EXTERNAL,
    EXTERNAL,
    GuestSystem,
    Pools,
    Settings,
    pool_path,
    read_pool_file,
)
from datasource_hyperv_kvp.kvp.daemon import Daemon, State, find
from datasource_hyperv_kvp.kvp.freshness import Freshness, judge, this_boot
from datasource_hyperv_kvp.kvp.poolfile import as_pool
from datasource_hyperv_kvp.payload import IGNITION, USER_DATA, Payload, assemble
from datasource_hyperv_kvp.platform import DMI, VMBus, is_azure, is_hyperv, read_dmi, read_vmbus


@dataclass(frozen=True)
class PoolFact:
    """One of the pools that the host fills.

    :param keys: how many there are; None if the file is missing or cannot be read.
    :param mode: of the file, as in ``0600``.
    :param trouble: why it cannot be read.
    """

    number: int
    path: str
    keys: int | None = None
    freshness: Freshness = Freshness.STALE
    mode: str = ""
    trouble: str = ""


@dataclass(frozen=True)
class DocumentFact:
    """One document, without anything of its text.

    :param fault: why it is not whole; ``""`` if it is.
    :param errors: what is wrong with what it says, each with its place.
    :param warnings: likewise.
    """

    name: str
    chunks: int
    encoding: str
    size: int
    in_manifest: bool
    fault: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that a conclusion goes by."""

    dmi: DMI = field(default_factory=DMI)
    vmbus: VMBus = field(default_factory=lambda: VMBus(up=False, offers_kvp=False))
    device: str = ""
    device_exists: bool = False
    daemon: Daemon = field(default_factory=lambda: Daemon(State.ABSENT))
    pool_dir: str = ""
    pools: tuple[PoolFact, ...] = ()
    documents: tuple[DocumentFact, ...] = ()
    payload_faults: tuple[str, ...] = ()
    host_facts: Mapping[str, str] = field(default_factory=dict)
    stale_keys: int = 0
    cloud_init: CloudInit = field(default_factory=CloudInit)
    applied: Applied = field(default_factory=Applied)

    @property
    def is_hyperv(self) -> bool:
        """Whether the firmware says Hyper-V; Azure's does, too."""
        return is_hyperv(self.dmi)

    @property
    def is_azure(self) -> bool:
        """Whether the firmware says Azure."""
        return is_azure(self.dmi)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Why pool files cannot be read."""
        return tuple(pool.trouble for pool in self.pools if pool.trouble)

    @property
    def has_fresh_keys(self) -> bool:
        """Whether a document of ours, or what is left of one, came in this boot."""
        fresh = any(
            pool.number == EXTERNAL and pool.freshness is not Freshness.STALE for pool in self.pools
        )
        return fresh and bool(self.documents or self.payload_faults)


def gather(host: GuestSystem | None = None) -> Evidence:
    """Look at this machine, and change nothing.

    :param host: the machine; this one by default.
    """
    host = host or GuestSystem()
    cloud_init = read_cloud_init(host.root)
    settings = _settings(cloud_init)
    facts, pools = _pools(settings.pool_dir, host)
    payload = assemble(pools)
    return Evidence(
        dmi=read_dmi(host.root / "sys/class/dmi/id"),
        vmbus=read_vmbus(host.root / "sys/bus/vmbus"),
        device=str(settings.device),
        device_exists=(host.root / str(settings.device).lstrip("/")).exists(),
        daemon=find(host.root),
        pool_dir=str(settings.pool_dir),
        pools=facts,
        documents=_documents(payload),
        payload_faults=tuple(str(fault) for fault in payload.faults),
        host_facts=dict(payload.host_facts),
        stale_keys=len(payload.stale),
        cloud_init=cloud_init,
        applied=read_applied(cloud_init.instance_id, host.root)
        if cloud_init.used_ours
        else Applied(),
    )


def _settings(cloud_init: CloudInit) -> Settings:
    named = {
        name: value for name, value in cloud_init.options.items() if name in ("pool_dir", "device")
    }
    try:
        return Settings.from_dict(named)
    except HyperVKVPError:
        return Settings()  # cloud-init's log says what is wrong with the options


def _pools(directory: Path, host: GuestSystem) -> tuple[tuple[PoolFact, ...], Pools]:
    directory = host.root / str(directory).lstrip("/")
    boot = this_boot(directory, host)
    facts, pools = [], {}
    for number in (EXTERNAL, AUTO_EXTERNAL):
        path = pool_path(directory, number)
        fact = PoolFact(number, str(path), freshness=judge(path, boot))
        try:
            fact = replace(fact, mode=f"{path.stat().st_mode & 0o7777:04o}")
            pools[number] = as_pool(read_pool_file(path))
            fact = replace(fact, keys=len(pools[number]))
        except FileNotFoundError:
            pass
        except (HyperVKVPError, OSError) as error:
            fact = replace(fact, trouble=str(error))
        facts.append(fact)
    return tuple(facts), pools


def _documents(payload: Payload) -> tuple[DocumentFact, ...]:
    found = []
    for name, document in payload.documents.items():
        errors, warnings = _verdict(name, document.text)
        found.append(
            DocumentFact(
                name=name,
                chunks=document.chunks,
                encoding=document.encoding,
                size=document.size,
                in_manifest=document.in_manifest,
                fault=str(document.fault or ""),
                errors=errors,
                warnings=warnings,
            )
        )
    return tuple(found)


def _verdict(name: str, text: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Judge what a whole document says, as far as that is possible without applying it."""
    if text is None:
        return (), ()
    if name == IGNITION:
        from datasource_hyperv_kvp import ignition

        result = ignition.parse(text)
        return tuple(map(str, result.errors)), tuple(map(str, result.warnings))
    if name == USER_DATA and text.startswith("#cloud-config"):
        import yaml

        try:
            yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            # never the text around the mark: it may be a secret
            place = f"line {mark.line + 1} column {mark.column + 1}: " if mark else ""
            return (f"{place}not YAML: {error.problem}",), ()
        except yaml.YAMLError:
            return ("not YAML",), ()
    return (), ()
