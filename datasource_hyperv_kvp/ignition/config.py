"""The model of an Ignition config: frozen dataclasses, one a concept of the specification.

Configs of every version from 3.0.0 on become this one model, that of the newest stable
specification (3.6.0, ``docs/configuration-v3_6.md`` of coreos/ignition), as Ignition itself
translates them.

``None`` means that the config does not set a scalar; merging and defaults depend on it. A list
that is absent and one that is empty are the same thing: an empty tuple. Names are those of the
specification in snake case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class HTTPHeader:
    """One request header; without a value it removes a parent config's header when merged."""

    name: str
    value: Optional[str] = None


@dataclass(frozen=True)
class Resource:
    """Something to fetch: contents of a file, another config, a CA bundle, a key file."""

    source: Optional[str] = None
    compression: Optional[str] = None
    http_headers: tuple[HTTPHeader, ...] = ()
    #: ``sha256-`` or ``sha512-`` and the hexadecimal digest of the decompressed bytes.
    verification_hash: Optional[str] = None


@dataclass(frozen=True)
class Proxy:
    http_proxy: Optional[str] = None
    https_proxy: Optional[str] = None
    no_proxy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timeouts:
    """Seconds; ``http_total`` 0 means without limit."""

    http_response_headers: Optional[int] = None
    http_total: Optional[int] = None


@dataclass(frozen=True)
class IgnitionSection:
    """``ignition``: everything about the config itself and how to fetch."""

    version: str = ""
    merge: tuple[Resource, ...] = ()
    replace: Resource = field(default_factory=Resource)
    proxy: Proxy = field(default_factory=Proxy)
    certificate_authorities: tuple[Resource, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True)
class KernelArguments:
    should_exist: tuple[str, ...] = ()
    should_not_exist: tuple[str, ...] = ()


@dataclass(frozen=True)
class PasswdGroup:
    name: str
    gid: Optional[int] = None
    password_hash: Optional[str] = None
    should_exist: Optional[bool] = None
    system: Optional[bool] = None


@dataclass(frozen=True)
class PasswdUser:
    name: str
    gecos: Optional[str] = None
    groups: tuple[str, ...] = ()
    home_dir: Optional[str] = None
    no_create_home: Optional[bool] = None
    no_log_init: Optional[bool] = None
    no_user_group: Optional[bool] = None
    password_hash: Optional[str] = None
    primary_group: Optional[str] = None
    shell: Optional[str] = None
    should_exist: Optional[bool] = None
    ssh_authorized_keys: tuple[str, ...] = ()
    system: Optional[bool] = None
    uid: Optional[int] = None


@dataclass(frozen=True)
class Passwd:
    groups: tuple[PasswdGroup, ...] = ()
    users: tuple[PasswdUser, ...] = ()


@dataclass(frozen=True)
class NodeOwner:
    """The user or the group of a node: by number, by name, or unset."""

    id: Optional[int] = None
    name: Optional[str] = None


@dataclass(frozen=True)
class Node:
    """What files, directories and links have in common. Paths are absolute."""

    path: str
    user: NodeOwner = field(default_factory=NodeOwner)
    group: NodeOwner = field(default_factory=NodeOwner)
    overwrite: Optional[bool] = None


@dataclass(frozen=True)
class File(Node):
    #: Permission bits as an integer (0o644), special bits included where the spec has them.
    mode: Optional[int] = None
    contents: Resource = field(default_factory=Resource)
    append: tuple[Resource, ...] = ()


@dataclass(frozen=True)
class Directory(Node):
    mode: Optional[int] = None


@dataclass(frozen=True)
class Link(Node):
    target: Optional[str] = None
    hard: Optional[bool] = None


@dataclass(frozen=True)
class Partition:
    """Sizes and starts in MiB (1,048,576 bytes)."""

    number: int = 0
    label: Optional[str] = None
    guid: Optional[str] = None
    type_guid: Optional[str] = None
    size_mib: Optional[int] = None
    start_mib: Optional[int] = None
    should_exist: Optional[bool] = None
    resize: Optional[bool] = None
    wipe_partition_entry: Optional[bool] = None


@dataclass(frozen=True)
class Disk:
    device: str
    partitions: tuple[Partition, ...] = ()
    wipe_table: Optional[bool] = None


@dataclass(frozen=True)
class Raid:
    name: str
    level: Optional[str] = None
    devices: tuple[str, ...] = ()
    spares: Optional[int] = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Filesystem:
    device: str
    format: Optional[str] = None
    path: Optional[str] = None
    label: Optional[str] = None
    uuid: Optional[str] = None
    wipe_filesystem: Optional[bool] = None
    options: tuple[str, ...] = ()
    mount_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tang:
    url: str = ""
    thumbprint: Optional[str] = None
    advertisement: Optional[str] = None


@dataclass(frozen=True)
class ClevisCustom:
    pin: Optional[str] = None
    config: Optional[str] = None
    needs_network: Optional[bool] = None


@dataclass(frozen=True)
class Clevis:
    tang: tuple[Tang, ...] = ()
    tpm2: Optional[bool] = None
    threshold: Optional[int] = None
    custom: ClevisCustom = field(default_factory=ClevisCustom)


@dataclass(frozen=True)
class Cex:
    enabled: Optional[bool] = None


@dataclass(frozen=True)
class Luks:
    name: str
    device: Optional[str] = None
    key_file: Resource = field(default_factory=Resource)
    label: Optional[str] = None
    uuid: Optional[str] = None
    options: tuple[str, ...] = ()
    wipe_volume: Optional[bool] = None
    clevis: Clevis = field(default_factory=Clevis)
    cex: Cex = field(default_factory=Cex)
    discard: Optional[bool] = None
    open_options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Storage:
    disks: tuple[Disk, ...] = ()
    raid: tuple[Raid, ...] = ()
    luks: tuple[Luks, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    files: tuple[File, ...] = ()
    directories: tuple[Directory, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Dropin:
    name: str
    contents: Optional[str] = None


@dataclass(frozen=True)
class Unit:
    name: str
    contents: Optional[str] = None
    enabled: Optional[bool] = None
    mask: Optional[bool] = None
    dropins: tuple[Dropin, ...] = ()


@dataclass(frozen=True)
class Systemd:
    units: tuple[Unit, ...] = ()


@dataclass(frozen=True)
class Config:
    """A whole Ignition config."""

    ignition: IgnitionSection = field(default_factory=IgnitionSection)
    kernel_arguments: KernelArguments = field(default_factory=KernelArguments)
    passwd: Passwd = field(default_factory=Passwd)
    storage: Storage = field(default_factory=Storage)
    systemd: Systemd = field(default_factory=Systemd)
