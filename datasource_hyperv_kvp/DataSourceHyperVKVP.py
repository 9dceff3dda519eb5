"""The cloud-init datasource ``HyperVKVP``: provisioning through Hyper-V's key-value exchange.

The host sets keys on a virtual machine; here they become user-data, meta-data, vendor-data and
network-config for cloud-init's own modules. An Ignition config becomes a cloud-config first.

At module level stand the standard library and cloudinit only: cloud-init imports this module on
every boot of every machine that lists the datasource, and an import that fails ends its stages, so
that the machine comes up without a user.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloudinit import sources
from cloudinit.event import EventScope, EventType

if TYPE_CHECKING:
    from datasource_hyperv_kvp.earlier_boots import EarlierBoots
    from datasource_hyperv_kvp.instance import Instance
    from datasource_hyperv_kvp.kvp import Reading
    from datasource_hyperv_kvp.payload import Payload

LOG = logging.getLogger(__name__)

#: Options under ``datasource: HyperVKVP:`` that are the datasource's own. All others belong to the
#: reader (:class:`datasource_hyperv_kvp.kvp.Settings`).
OPTIONS: dict[str, Any] = {
    # Make the account ``core`` with the default user's rights where a config names it and the image
    # lacks it, as Fedora CoreOS' and Flatcar's own base configs do.
    "core_account": True,
    # Seconds that all fetches of an Ignition config may take together; Ignition has no bound.
    "fetch_timeout": 3600,
}


class DataSourceHyperVKVP(sources.DataSource):
    """Reads the payload of this virtual machine from Hyper-V's key-value exchange."""

    dsname = "HyperVKVP"

    # Later boots ask nobody, and hot-plugged devices change nothing of what the host has set.
    supported_update_events = {  # noqa: RUF012 - declared so by the base class
        EventScope.NETWORK: {EventType.BOOT_NEW_INSTANCE, EventType.BOOT, EventType.BOOT_LEGACY}
    }

    def __init__(self, sys_cfg: dict[str, Any], distro: Any, paths: Any) -> None:
        super().__init__(sys_cfg, distro, paths)
        self._reset()

    def _reset(self) -> None:
        """Set every attribute of ours. The object is pickled: plain values only."""
        self.dsmode = sources.DSMODE_NETWORK
        self._network_config: dict[str, Any] | None = None
        #: DMI's UUID of the machine that this payload was read on.
        self._system_uuid = ""
        self._where = ""
        #: The user's own user-data: self.userdata_raw holds it with everything else.
        self._user_data: str | None = None
        #: The text of an Ignition config that waits for the network, and whether beside it
        #: cloud-init makes its default user.
        self._pending: tuple[str, bool] | None = None
        #: What this instance came up without: short names and whole messages.
        self._faults: list[tuple[str, str]] = []
        #: Of pool 0; whether a fault may be gone at the next boot though the payload is the same;
        #: whether an earlier boot of this instance ended with a fault.
        self._fingerprint: str | None = None
        self._retry = False
        self._again = False

    def _unpickle(self, ci_pkl_version: int) -> None:
        super()._unpickle(ci_pkl_version)
        # An object pickled by an older release of this package lacks what has been added since.
        restored = dict(self.__dict__)
        self._reset()
        self.__dict__.update(restored)

    # What cloud-init calls

    def __str__(self) -> str:
        return f"{super().__str__()} [{self._where}]" if self._where else str(super().__str__())

    def ds_detect(self) -> bool:
        """Tell by DMI alone, and so without any wait, whether this is Hyper-V and not Azure."""
        from datasource_hyperv_kvp import platform

        dmi = platform.read_dmi()
        if not platform.is_hyperv(dmi):
            LOG.debug("DMI does not say Hyper-V: %s", dmi)
            return False
        if platform.is_azure(dmi):
            LOG.debug("DMI says Azure, which has a datasource of its own")
            return False
        return True

    def _get_data(self) -> bool:
        # cloud-init 22.4 does not know ds_detect; later versions do not call it where this is the
        # only datasource of the list or named on the kernel command line.
        asks_again = bool(self._system_uuid)  # the administrator wants updates at every boot
        self._reset()
        try:
            if not self.ds_detect():
                return False
            # After an upgrade of Python cloud-init does not look for what it knows.
            if not asks_again and self._resume(only_if_it_counts=True):
                return True
            reading, payload = self._read()
        except Exception as error:
            return self._cannot_read(error)
        if payload.empty:
            LOG.debug("The host has set no keys for cloud-init or Ignition")
            return self._resume()
        try:
            return self._use(reading, payload)
        except Exception as error:
            self._surrender("payload not used", error)
            return True

    def setup(self, is_new_instance: bool) -> None:
        """Fetch what an Ignition config refers to, now that the network is up.

        ``is_new_instance`` says False on a first boot in network mode too and decides nothing here.
        """
        if self._pending is None:
            return
        text, default_user = self._pending
        self._pending = None
        try:
            self._hand_over(self._translate(text, default_user=default_user, offline=False))
        except Exception as error:
            # A fetch that failed may well succeed at the next boot.
            self._surrender("ignition.config not applied", error, retry=True)

    def check_instance_id(self, sys_cfg: dict[str, Any]) -> bool:
        """Tell, without asking the host, whether this is still the machine that was provisioned.

        A boot that ended with a fault does not count: the next one asks again.
        """
        uuid = self._current_uuid()
        if self._faults or not uuid:
            return False
        try:
            return self._earlier_boots().made(
                self.get_instance_id(), self._fingerprint, here=uuid, then=self._system_uuid
            )
        except Exception as error:
            LOG.error("Cannot tell what became of earlier boots: %s", self._story_of(error))
            return uuid == self._system_uuid

    @property
    def network_config(self) -> dict[str, Any] | None:
        """The host's network-config; None leaves the network to cloud-init's fallback."""
        return self._network_config

    @property
    def availability_zone(self) -> str | None:
        # The base class fails over a `placement` that is not EC2's mapping.
        zones = (self.metadata.get(f"availability{dash}zone") for dash in "-_")
        return next(filter(None, zones), None)

    def _get_subplatform(self) -> str:
        return self._where or str(sources.METADATA_UNKNOWN)

    # From the host's keys to an instance

    def _read(self) -> tuple[Reading, Payload]:
        from datasource_hyperv_kvp import kvp, payload

        reader = {key: value for key, value in self.ds_cfg.items() if key not in OPTIONS}
        reading = kvp.read(
            kvp.Settings.from_dict(reader),
            is_complete=payload.is_complete,
            is_pending=payload.is_pending,
        )
        for line in reading.reasons:
            LOG.debug("%s", line)
        for fault in reading.faults:
            LOG.warning("%s", fault)
        return reading, payload.assemble(reading.pools)

    def _cannot_read(self, error: Exception) -> bool:
        """Say what is wrong, and let other datasources have their turn if there are any."""
        name = "keys of the host not read"
        if self._resume():
            LOG.error("%s: %s", name, self._story_of(error))
            return True
        if not set(self.sys_cfg.get("datasource_list", ())) - {self.dsname, "None"}:
            self._surrender(name, error)
            return True
        message = f"{name}: {self._story_of(error)}"
        # In the words that `hyperv-kvp diagnose` looks for.
        LOG.error("%s. This instance comes up without it. Others have their turn", message)
        try:
            from datasource_hyperv_kvp import faults

            # cloud-init 22.4 does not count logged errors, and the user-data is somebody else's.
            faults.show_in_this_boot(self._cloud_directory(), faults.Fault(name, message))
        except Exception as script_error:
            LOG.error("Cannot make that show in the status: %s", self._story_of(script_error))
        return False

    def _resume(self, *, only_if_it_counts: bool = False) -> bool:
        """Stay what the last boot made of this machine, where the host has nothing to say now.

        The host's keys may be removed when they have done their duty. As another datasource's
        instance this machine would lose its host keys and its network.

        :param only_if_it_counts: not if that boot ended with a fault.
        """
        try:
            known = self._datasource_of_last_boot()
            if known is None or (only_if_it_counts and not known.check_instance_id(self.sys_cfg)):
                return False
            from datasource_hyperv_kvp import earlier_boots

            attributes = earlier_boots.inherited(vars(known))
        except Exception as error:
            LOG.error("Cannot tell what the last boot was: %s", self._story_of(error))
            return False
        LOG.info("This machine stays the instance %s of its last boot", known.get_instance_id())
        self.__dict__.update(attributes)
        for _name, message in self._faults:
            # In the words that `hyperv-kvp diagnose` looks for.
            LOG.error("%s. This instance comes up without it. The host says nothing new", message)
        return True

    def _datasource_of_last_boot(self) -> DataSourceHyperVKVP | None:
        """Return the object that cloud-init kept, if it is of this class and of this machine."""
        from datasource_hyperv_kvp import platform

        uuid = self._current_uuid()
        cache = self._earlier_boots().datasource
        known = sources.pkl_load(str(cache)) if uuid and cache else None
        if not isinstance(known, DataSourceHyperVKVP):
            return None
        return known if platform.same_machine(known._system_uuid, uuid) else None

    def _use(self, reading: Reading, payload: Payload) -> bool:
        from datasource_hyperv_kvp import damage, instance, kvp, metadata, mime

        self._system_uuid = self._current_uuid()
        self._where = f"{reading.source.value} ({reading.where})"
        found = instance.from_payload(
            payload,
            system_uuid=self._system_uuid,
            previous_instance_id=self._earlier_boots().instance_id,
        )
        if found.asked_dsmode == instance.DISABLED:
            LOG.debug("meta-data's dsmode is `disabled`: not used")
            return False
        # What cloud-init must keep to itself, before it could learn of anything.
        self.sensitive_metadata_keys = (
            sources.DataSource.sensitive_metadata_keys + metadata.private_paths(found.meta_data)
        )
        # For whoever asks `cloud-init query ds` what came, and how.
        self._crawled_metadata = instance.crawled(
            found.meta_data,
            payload,
            where=self._where,
            waited=reading.waited,
            sensitive=sources.DataSource.sensitive_metadata_keys,
        )
        self.metadata = dict(found.meta_data)
        self._network_config = found.network_config
        self._user_data = found.user_data
        self.vendordata_raw = mime.compose(found.vendor_data)
        self._fingerprint = damage.fingerprint(reading.pools.get(kvp.EXTERNAL, {}))
        self._again = self._earlier_boots().give_way(
            self.get_instance_id(), self._fingerprint, self._system_uuid
        )
        for fault in found.faults:
            self._add_fault(fault.name, fault.message)
        self._check_network_config()
        self._hand_over(self._cloud_config_of(found))
        self.dsmode = found.dsmode(fetches=self._pending is not None)
        self._crawled_metadata["hyperv_kvp"]["faults"] = [name for name, _message in self._faults]
        return True

    def _check_network_config(self) -> None:
        """Do without a network-config that cloud-init cannot take: no network would come up."""
        from datasource_hyperv_kvp import network_config

        if self._network_config is None:
            return
        scratch = Path(self.paths.run_dir)
        objection = network_config.objection(self._network_config, self.distro, scratch)
        if objection:
            self._network_config = None
            document = "cloud-init.network-config"
            self._add_fault(f"{document} invalid", f"{document}: {objection}")

    def _cloud_config_of(self, found: Instance) -> str | None:
        """Return what the Ignition config becomes; None if there is none, it waits or is bad."""
        from datasource_hyperv_kvp.errors import NeedsNetworkError

        if found.ignition is None:
            return None
        default_user = found.default_user or bool(self._faults)
        try:
            return self._translate(found.ignition, default_user=default_user, offline=True)
        except NeedsNetworkError as needed:
            LOG.info("The Ignition config is applied when the network is up: %s", needed)
            self._pending = (found.ignition, default_user)
        except Exception as error:
            name = "ignition.config not applied"
            self._add_fault(name, f"{name}: {self._story_of(error)}")
        return None

    def _translate(self, text: str, *, default_user: bool, offline: bool) -> str:
        from datasource_hyperv_kvp import network_config, translation

        made_up = self._network_config is None
        result = translation.translate(
            text,
            offline=offline,
            fetch_timeout=self._option("fetch_timeout"),
            instance_directory=self._cloud_directory() / "instances" / self.get_instance_id(),
            default_user=default_user,
            core_rights=self._option("core_account"),
            made_up_network=network_config.made_up(self.sys_cfg, self._cloud_directory())
            if made_up
            else (),
            log=LOG.info,
        )
        if result.configures_network and made_up:
            LOG.debug("The Ignition config configures the network: cloud-init does not")
            self._network_config = {"config": "disabled"}
        return result.cloud_config

    def _hand_over(self, cloud_config: str | None) -> None:
        """Give cloud-init user-data: the user's, the Ignition config's, and the faults."""
        from datasource_hyperv_kvp import faults, mime

        self.userdata_raw = mime.compose(
            self._user_data,
            cloud_config,
            [faults.Fault(name, message) for name, message in self._faults],
            instance_id=self.get_instance_id(),
            keep_host_keys=self._again,
            more_to_come=self._pending is not None,
        )
        # What cloud-init may have made of earlier user-data is void.
        self.userdata = None

    # Faults. A boot that ended with one does not count as provisioning.

    def _surrender(self, name: str, error: Exception, *, retry: bool = False) -> None:
        """Come up with what is there: the user's part if that can be handed on, and the fault."""
        if not self.metadata:
            self._system_uuid = self._current_uuid()
            # instance.FALLBACK_INSTANCE_ID, not imported: that module may be what has failed.
            self.metadata = {"instance-id": self._system_uuid or "iid-hypervkvp"}
        self._add_fault(name, f"{name}: {self._story_of(error)}", retry=retry)
        try:
            self._hand_over(None)
        except Exception as user_data_error:
            self._user_data = None
            name = "cloud-init.user-data not used"
            self._add_fault(name, f"{name}: {self._story_of(user_data_error)}")
            self._hand_over(None)

    def _story_of(self, error: Exception) -> str:
        """Return what to say of an exception; log the traceback of one that nobody expected."""
        from datasource_hyperv_kvp.errors import HyperVKVPError

        if isinstance(error, HyperVKVPError):
            return str(error)
        # The frames only, and the text only where it cannot quote the payload.
        frames = "".join(traceback.format_tb(error.__traceback__))
        LOG.error("Unexpected %s, a bug unless a dependency is missing:\n%s", type(error), frames)
        quotable = isinstance(error, (ImportError, OSError))
        return f"unexpected {type(error).__name__}" + (f": {error}" if quotable else "")

    def _add_fault(self, name: str, message: str, *, retry: bool = False) -> None:
        LOG.error(
            "%s. This instance comes up without it. Mend it on the host, then restart the machine:"
            " it asks again",
            message,
        )
        self._faults.append((name, message))
        self._retry = self._retry or retry
        if "instance-id" not in self.metadata:
            return
        from datasource_hyperv_kvp import damage

        mark = None if self._retry else self._fingerprint
        try:
            damage.mark(self._cloud_directory(), self.get_instance_id(), mark, self._system_uuid)
        except OSError as error:
            LOG.warning("Cannot note that this boot does not count: %s", error)

    # Small things

    def _current_uuid(self) -> str:
        """Return the machine's system UUID. Never raises: cloud-init does not expect it to."""
        try:
            from datasource_hyperv_kvp import platform

            return platform.instance_id(platform.read_dmi())
        except Exception as error:
            LOG.error("Cannot tell which machine this is: %s", self._story_of(error))
            return ""

    def _option(self, name: str) -> Any:
        return self.ds_cfg.get(name, OPTIONS[name])

    def _cloud_directory(self) -> Path:
        return Path(self.paths.cloud_dir)

    def _earlier_boots(self) -> EarlierBoots:
        from datasource_hyperv_kvp.earlier_boots import EarlierBoots

        return EarlierBoots(self._cloud_directory())


datasources = [
    # The host's keys need no network: they come over VMBus.
    (DataSourceHyperVKVP, (sources.DEP_FILESYSTEM,)),
]


def get_datasource_list(depends: Iterable[str]) -> list[type[sources.DataSource]]:
    """Return the datasources of this module that need exactly these dependencies."""
    found: list[type[sources.DataSource]] = sources.list_from_depends(depends, datasources)
    return found
