"""What a payload means for this instance, its Ignition config aside. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from datasource_hyperv_kvp import metadata, platform
from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.faults import Fault
from datasource_hyperv_kvp.payload import Payload

LOCAL = "local"
NETWORK = "net"
DISABLED = "disabled"

#: For a machine whose firmware has no UUID and whose host gives no name either.
FALLBACK_INSTANCE_ID = "iid-hypervkvp"


@dataclass(frozen=True)
class Instance:
    """What cloud-init is told about this machine.

    :param meta_data: with ``instance-id``, and the host's facts under ``hyperv``.
    :param network_config: None leaves the network to cloud-init's fallback.
    :param ignition: the text of an Ignition config, untouched.
    :param asked_dsmode: meta-data's ``dsmode``; None if it does not say.
    :param faults: documents that this instance comes up without.
    """

    meta_data: Mapping[str, Any]
    network_config: dict[str, Any] | None
    user_data: str | None
    vendor_data: str | None
    ignition: str | None
    asked_dsmode: str | None
    faults: tuple[Fault, ...]

    @property
    def default_user(self) -> bool:
        """Whether cloud-init makes its default user beside what an Ignition config makes.

        Ignition makes none. User-data and public keys count on one, and so does whoever has to get
        into a machine whose documents are damaged.
        """
        return bool(
            self.ignition is None
            or self.user_data
            or self.meta_data.get("public-keys")
            or self.faults
        )

    def dsmode(self, *, fetches: bool) -> str:
        """Return the stage in which cloud-init's modules run: ``local`` or ``net``.

        An Ignition config that comes alone is applied before the network is up, as Ignition would.
        Meta-data may ask for later, and for earlier unless something has to be fetched.
        """
        if fetches:
            return NETWORK
        if self.asked_dsmode:
            return self.asked_dsmode
        alone = self.ignition is not None and not self.user_data and not self.vendor_data
        return LOCAL if alone else NETWORK


def from_payload(payload: Payload, *, system_uuid: str, previous_instance_id: str) -> Instance:
    """Interpret everything of a payload but its Ignition config.

    :param system_uuid: DMI's, in lower case.
    :param previous_instance_id: of the machine's last boot, or "". It is kept if it is the system
        UUID in another byte order: kernels and generations of virtual machines differ in that.
    """
    faults = [Fault(f"{error.where or 'payload'} damaged", str(error)) for error in payload.faults]

    def attempt(parse: Any, text: str | None) -> Any:
        if text is None:
            return None
        try:
            return parse(text)
        except DocumentError as error:
            faults.append(Fault(f"{error.where} invalid", str(error)))
            return None

    meta_data: dict[str, Any] = attempt(metadata.parse_meta_data, payload.meta_data) or {}
    network_config = attempt(metadata.parse_network_config, payload.network_config)
    if "instance-id" not in meta_data:
        same = platform.same_machine(system_uuid, previous_instance_id)
        own_id = system_uuid or FALLBACK_INSTANCE_ID
        meta_data["instance-id"] = previous_instance_id if same else own_id
    if payload.host_facts:
        meta_data.setdefault("hyperv", dict(payload.host_facts))
    return Instance(
        meta_data=meta_data,
        network_config=network_config,
        user_data=payload.user_data,
        vendor_data=payload.vendor_data,
        ignition=payload.ignition,
        asked_dsmode=meta_data.get("dsmode"),
        faults=tuple(faults),
    )


def crawled(
    meta_data: Mapping[str, Any],
    payload: Payload,
    *,
    where: str,
    waited: float,
    sensitive: Collection[str],
) -> dict[str, Any]:
    """Return what ``cloud-init query ds`` tells: what came, and how.

    :param where: what the keys were read from, for people.
    :param waited: seconds.
    :param sensitive: the names that cloud-init redacts wherever they stand.
    """
    return {
        "meta_data": metadata.redactable(meta_data, sensitive),
        "hyperv_kvp": {
            "source": where,
            "waited_seconds": round(waited, 3),
            "documents": {
                name: {"chunks": document.chunks, "encoding": document.encoding}
                for name, document in payload.documents.items()
            },
            "stale_keys": len(payload.stale),
        },
    }
