"""Reading the host's keys: which way, and how long.

A KVP daemon that is running or will come owns the device, and its pool files are the source.
Without one the device is, and what it gave is written to the pool files for whoever comes later:
the host sends its keys once a boot. Every wait ends with :attr:`Settings.timeout` at the latest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from enum import Enum

from datasource_hyperv_kvp.errors import KVPError, PoolFileError
from datasource_hyperv_kvp.kvp import daemon, freshness
from datasource_hyperv_kvp.kvp.bounded import run_bounded
from datasource_hyperv_kvp.kvp.device import Session
from datasource_hyperv_kvp.kvp.patience import Patience, Question, host_has_spoken, never
from datasource_hyperv_kvp.kvp.poolfile import write_pool_files
from datasource_hyperv_kvp.kvp.pools import POOL_NUMBERS, Pools
from datasource_hyperv_kvp.kvp.poolwatch import PoolWatch
from datasource_hyperv_kvp.kvp.settings import Settings
from datasource_hyperv_kvp.kvp.system import GuestSystem
from datasource_hyperv_kvp.platform import read_vmbus

_POLL = 0.05  # seconds between two looks at the pool files
_DAEMON_POLL = 0.5  # seconds between two looks for a daemon: that goes through all of /proc
_GRACE = 1.0  # seconds between two questions to systemd after a daemon, and before the first
_MARGIN = 5.0  # seconds that a device may block beyond its time before it is left behind


class Source(Enum):
    """Where the pools come from; the value is for people."""

    POOL_FILES = "pool files"
    DEVICE = "device"
    NONE = "none"


@dataclass(frozen=True)
class Reading:
    """What was read, and how.

    :param pools: what is fresh; every pool number is there.
    :param where: the directory or device that was read, ``""`` for none.
    :param waited: seconds that reading took.
    :param reasons: why it went this way, in order, for the log.
    :param faults: what went wrong on the way: the pools may lack something.
    """

    pools: Pools = field(repr=False)  # secrets, which must not get into a log by accident
    source: Source
    where: str
    waited: float
    reasons: tuple[str, ...] = ()
    faults: tuple[KVPError, ...] = ()


def read(
    settings: Settings | None = None,
    *,
    is_complete: Question = never,
    is_pending: Question = never,
    host: GuestSystem | None = None,
) -> Reading:
    """Read the host's keys, waiting for them as long as they may still come.

    What is wrong with the machine is not raised: it is in :attr:`Reading.faults`. As root the pool
    files become private, and pools of an earlier boot are emptied.

    :param is_complete: every document that was announced is there and whole: reading ends.
    :param is_pending: a document is begun and known not to be whole: silence does not end the
        reading, only the overall bound does.
    """
    settings = settings or Settings()
    patience = Patience(is_complete, is_pending, settings.settle, settings.drain)
    return _Reader(settings, patience, host or GuestSystem()).read()


class _Reader:
    def __init__(self, settings: Settings, patience: Patience, host: GuestSystem) -> None:
        self.settings = settings
        self.patience = patience
        self.host = host
        self.started = host.clock()
        self.deadline = self.started + settings.timeout
        self.watch = PoolWatch(settings.pool_dir, lock_timeout=settings.lock_timeout, host=host)
        self.reasons: list[str] = []
        self.faults: list[KVPError] = []
        self.daemon = daemon.Daemon(daemon.State.ABSENT)
        self.daemon_due = self.started  # when to look for it next
        self.systemd_due: float | None = None  # when to ask systemd after it next
        self.device_done = False

    def read(self) -> Reading:
        self._clear_old_pools()
        # Nobody knows whether a daemon's burst is over; with all documents there it need not be.
        patience = replace(self.patience, drain=0.0)
        while True:
            self.watch.look()
            now = self.host.clock()
            if why := patience.enough(self.watch.pools, now - self.watch.changed):
                return self._end(self.watch.pools, Source.POOL_FILES, why)
            if now >= self.daemon_due:
                self.daemon_due = now + _DAEMON_POLL
                self._find_daemon()
            if self._may_read_device(now):
                reading = self._read_device()
                if reading is not None:
                    return reading
            elif why := self._hopeless(now):
                source = Source.POOL_FILES if host_has_spoken(self.watch.pools) else Source.NONE
                return self._end(self.watch.pools, source, why)
            self.host.sleep(_POLL)

    def _clear_old_pools(self) -> None:
        try:
            emptied = freshness.empty_stale_pools(
                self.settings.pool_dir, self.host, lock_timeout=self.settings.lock_timeout
            )
        except PoolFileError as error:
            self._say(str(error))  # then the files' times and changes have to tell what is fresh
            return
        for number in emptied:
            self._say(f"pool {number} was of an earlier boot or another machine: emptied")

    def _find_daemon(self) -> None:
        self.daemon = daemon.find(self.host.root)
        self._say(self.daemon.detail)

    def _may_read_device(self, now: float) -> bool:
        if self.device_done or not _exists(self.settings.device):
            return False
        if self.daemon.state is daemon.State.EXPECTED and self._daemon_stays_away(now):
            return True
        if self.daemon.state is not daemon.State.ABSENT:
            return False
        # The last look may be half a second old; a daemon that has come since has its right.
        self._find_daemon()
        return self.daemon.state is daemon.State.ABSENT

    def _daemon_stays_away(self, now: float) -> bool:
        """Ask systemd, now and then, after a daemon that should have come with the device."""
        if self.systemd_due is None:
            self.systemd_due = now if self.daemon.late else now + _GRACE
        if now < self.systemd_due:
            return False
        self.systemd_due = now + _GRACE
        why = daemon.why_not_coming(self.daemon, self.host.unit_state)
        if why:
            self._say(f"{why}, so the device is read")
        return bool(why)

    def _hopeless(self, now: float) -> str:
        """Say why no more can come, ``""`` if it may."""
        if now >= self.deadline:
            return f"the time is up after {self.settings.timeout:g} s"
        if self.daemon.state is daemon.State.RUNNING or _exists(self.settings.device):
            return ""
        vmbus = read_vmbus(self.host.root / "sys/bus/vmbus")
        if vmbus.up and not vmbus.offers_kvp:
            return "the host does not offer KVP: Data Exchange is switched off for this machine"
        if not vmbus.up and now - self.started >= self.settings.vmbus_timeout:
            return f"VMBus has not come up in {self.settings.vmbus_timeout:g} s"
        return ""

    def _read_device(self) -> Reading | None:
        """Read the device and write the pool files; None if those are the way after all."""
        # A daemon that never came may have used the time up; the host answers within a moment.
        seconds = max(self.deadline - self.host.clock(), 2 * self.settings.settle)
        conversation = _Conversation(self.settings, self.patience, self.host, self.watch.pools)
        device = str(self.settings.device)
        self.device_done = True
        lost = False
        try:
            why = run_bounded(lambda: conversation.hold(seconds), seconds + _MARGIN, where=device)
        except KVPError as error:
            lost = True
            why = str(error)
            self.faults.append(error)
        self._say(why)
        self.faults.extend(conversation.faults)
        self.reasons.extend(conversation.notes)
        if conversation.heard:
            return self._end(conversation.pools, Source.DEVICE, "")
        if lost or host_has_spoken(conversation.pools):
            return None
        return self._end(conversation.pools, Source.NONE, "")

    def _say(self, reason: str) -> None:
        if reason and reason not in self.reasons:
            self.reasons.append(reason)

    def _end(self, pools: Pools, source: Source, why: str) -> Reading:
        self.reasons.extend(self.watch.notes)
        self._say(why)
        where = {
            Source.POOL_FILES: str(self.settings.pool_dir),
            Source.DEVICE: str(self.settings.device),
            Source.NONE: "",
        }[source]
        # What is wrong with pool files does not matter where the device gave the keys.
        files = () if source is Source.DEVICE else self.watch.faults.values()
        return Reading(
            pools={number: dict(pools.get(number, {})) for number in POOL_NUMBERS},
            source=source,
            where=where,
            waited=self.host.clock() - self.started,
            reasons=tuple(self.reasons),
            faults=(*self.faults, *files),
        )


class _Conversation:
    """One conversation on the device, ended by writing the pool files."""

    def __init__(
        self, settings: Settings, patience: Patience, host: GuestSystem, known: Pools
    ) -> None:
        self.faults: list[KVPError] = []
        self._known = known
        self._session: Session | None = None
        self._settings = settings
        self._patience = patience
        self._host = host

    @property
    def pools(self) -> Pools:
        """What was known and what the host has sent so far."""
        return self._known if self._session is None else self._session.pools

    @property
    def notes(self) -> list[str]:
        return [] if self._session is None else self._session.notes

    @property
    def heard(self) -> bool:
        """Whether the host has set or deleted a key."""
        return self._session is not None and self._session.changes > 0

    def hold(self, seconds: float) -> str:
        """Let the host speak for so many seconds at most; give the reason for the end."""
        deadline = self._host.clock() + seconds
        with Session(
            self._settings.device,
            opener=self._host.open_device,
            clock=self._host.clock,
            sleep=self._host.sleep,
            pools=self._known,  # the host does not send again what was read in this boot before
        ) as session:
            self._session = session
            try:
                return session.drain(self._patience, deadline)
            finally:
                # Before the device is left: a daemon that takes it next finds the keys in place.
                if self.heard:
                    self._keep(session.pools)

    def _keep(self, pools: Pools) -> None:
        directory = self._settings.pool_dir
        try:
            write_pool_files(directory, pools)
            freshness.set_mark(directory, self._host.root)
        except PoolFileError as error:
            self.faults.append(error)
        except OSError as error:
            self.faults.append(PoolFileError(f"cannot be marked as fresh: {error.strerror}"))


def _exists(path: os.PathLike[str]) -> bool:
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises where it may not look
