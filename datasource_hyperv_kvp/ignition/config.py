"""The model of an Ignition config: frozen dataclasses, one a concept of the specification.

Configs of every version from 3.0.0 on become this one model, that of the newest stable
specification (3.6.0, ``docs/configuration-v3_6.md`` of coreos/ignition), as Ignition itself
translates them.

``None`` means that the config does not set a scalar; merging and defaults depend on it. A list
that is absent and one that is empty are the same thing: an empty tuple. Names are those of the
specification in snake case.
"""

from __future__ import annotations

from datasource_hyperv_kvp.apply.frozen import dataclass


@dataclass(frozen=True)
class HTTPHeader:
    """One request header; without a value it removes a parent config's header when merged."""

    name: str
    value: str | None = None


@dataclass(frozen=True)
class Resource:
    """Something to fetch: contents of a file, another config, a CA bundle, a key file."""

    source: str | None = None
    compression: str | None = None
    http_headers: tuple[HTTPHeader, ...] = ()
    #: ``sha256-`` or ``sha512-`` and the hexadecimal digest of the decompressed bytes.
    verification_hash: str | None = None


@dataclass(frozen=True)
class Proxy:
    """Proxies by scheme of the request; loopback addresses are never proxied."""

    http_proxy: str | None = None
    https_proxy: str | None = None
    no_proxy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timeouts:
    """Seconds; ``http_total`` 0 means without limit."""

    http_response_headers: int | None = None
    http_total: int | None = None


@dataclass(frozen=True)
class IgnitionSection:
    """``ignition``: everything about the config itself and how to fetch."""

    version: str = ""
    merge: tuple[Resource, ...] = ()
    replace: Resource = Resource()
    proxy: Proxy = Proxy()
    certificate_authorities: tuple[Resource, ...] = ()
    timeouts: Timeouts = Timeouts()


@dataclass(frozen=True)
class KernelArguments:
    """Whole arguments; their order is that of the command line."""

    should_exist: tuple[str, ...] = ()
    should_not_exist: tuple[str, ...] = ()


@dataclass(frozen=True)
class PasswdGroup:
    """A group account."""

    name: str
    gid: int | None = None
    password_hash: str | None = None
    should_exist: bool | None = None
    system: bool | None = None


@dataclass(frozen=True)
class PasswdUser:
    """A user account."""

    name: str
    gecos: str | None = None
    groups: tuple[str, ...] = ()
    home_dir: str | None = None
    no_create_home: bool | None = None
    no_log_init: bool | None = None
    no_user_group: bool | None = None
    password_hash: str | None = None
    primary_group: str | None = None
    shell: str | None = None
    should_exist: bool | None = None
    ssh_authorized_keys: tuple[str, ...] = ()
    system: bool | None = None
    uid: int | None = None


@dataclass(frozen=True)
class Passwd:
    """``passwd``: groups come before users."""

    groups: tuple[PasswdGroup, ...] = ()
    users: tuple[PasswdUser, ...] = ()


@dataclass(frozen=True)
class NodeOwner:
    """The user or the group of a node: by number, by name, or unset."""

    id: int | None = None
    name: str | None = None


@dataclass(frozen=True)
class Node:
    """What files, directories and links have in common. Paths are absolute."""

    path: str
    user: NodeOwner = NodeOwner()
    group: NodeOwner = NodeOwner()
    overwrite: bool | None = None


@dataclass(frozen=True)
class File(Node):
    """A regular file."""

    #: Permission bits as an integer (0o644), special bits included where the spec has them.
    mode: int | None = None
    contents: Resource = Resource()
    append: tuple[Resource, ...] = ()


@dataclass(frozen=True)
class Directory(Node):
    """A directory."""

    mode: int | None = None


@dataclass(frozen=True)
class Link(Node):
    """A symbolic link, or a hard one."""

    target: str | None = None
    hard: bool | None = None


@dataclass(frozen=True)
class Partition:
    """Sizes and starts in MiB (1,048,576 bytes)."""

    number: int = 0
    label: str | None = None
    guid: str | None = None
    type_guid: str | None = None
    size_mib: int | None = None
    start_mib: int | None = None
    should_exist: bool | None = None
    resize: bool | None = None
    wipe_partition_entry: bool | None = None


@dataclass(frozen=True)
class Disk:
    """A disk by its device."""

    device: str
    partitions: tuple[Partition, ...] = ()
    wipe_table: bool | None = None


@dataclass(frozen=True)
class Raid:
    """A software RAID array."""

    name: str
    level: str | None = None
    devices: tuple[str, ...] = ()
    spares: int | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filesystem:
    """A file system on a device, and where it is mounted."""

    device: str
    format: str | None = None
    path: str | None = None
    label: str | None = None
    uuid: str | None = None
    wipe_filesystem: bool | None = None
    options: tuple[str, ...] = ()
    mount_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tang:
    """A Tang server."""

    url: str = ""
    thumbprint: str | None = None
    advertisement: str | None = None


@dataclass(frozen=True)
class ClevisCustom:
    """A Clevis pin with a config of its own."""

    pin: str | None = None
    config: str | None = None
    needs_network: bool | None = None


@dataclass(frozen=True)
class Clevis:
    """What unlocks a LUKS volume."""

    tang: tuple[Tang, ...] = ()
    tpm2: bool | None = None
    threshold: int | None = None
    custom: ClevisCustom = ClevisCustom()


@dataclass(frozen=True)
class Cex:
    """IBM CryptoExpress."""

    enabled: bool | None = None


@dataclass(frozen=True)
class Luks:
    """A LUKS volume."""

    name: str
    device: str | None = None
    key_file: Resource = Resource()
    label: str | None = None
    uuid: str | None = None
    options: tuple[str, ...] = ()
    wipe_volume: bool | None = None
    clevis: Clevis = Clevis()
    cex: Cex = Cex()
    discard: bool | None = None
    open_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Storage:
    """``storage``."""

    disks: tuple[Disk, ...] = ()
    raid: tuple[Raid, ...] = ()
    luks: tuple[Luks, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    files: tuple[File, ...] = ()
    directories: tuple[Directory, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Dropin:
    """A drop-in of a unit."""

    name: str
    contents: str | None = None


@dataclass(frozen=True)
class Unit:
    """A systemd unit: written, enabled, masked, or all of it."""

    name: str
    contents: str | None = None
    enabled: bool | None = None
    mask: bool | None = None
    dropins: tuple[Dropin, ...] = ()


@dataclass(frozen=True)
class Systemd:
    """``systemd``."""

    units: tuple[Unit, ...] = ()


@dataclass(frozen=True)
class Config:
    """A whole Ignition config."""

    ignition: IgnitionSection = IgnitionSection()
    kernel_arguments: KernelArguments = KernelArguments()
    passwd: Passwd = Passwd()
    storage: Storage = Storage()
    systemd: Systemd = Systemd()
