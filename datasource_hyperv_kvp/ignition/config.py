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


class Value:
    """How every part of the model compares and shows itself.

    ``dataclass`` would generate this for each class anew, at every start of the program: that
    takes a third of the time in which a large config is parsed.
    """

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"


@dataclass(frozen=True, repr=False, eq=False)
class HTTPHeader(Value):
    """One request header; without a value it removes a parent config's header when merged."""

    name: str
    value: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Resource(Value):
    """Something to fetch: contents of a file, another config, a CA bundle, a key file."""

    source: str | None = None
    compression: str | None = None
    http_headers: tuple[HTTPHeader, ...] = ()
    #: ``sha256-`` or ``sha512-`` and the hexadecimal digest of the decompressed bytes.
    verification_hash: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Proxy(Value):
    """Proxies by scheme of the request; loopback addresses are never proxied."""

    http_proxy: str | None = None
    https_proxy: str | None = None
    no_proxy: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Timeouts(Value):
    """Seconds; ``http_total`` 0 means without limit."""

    http_response_headers: int | None = None
    http_total: int | None = None


@dataclass(frozen=True, repr=False, eq=False)
class IgnitionSection(Value):
    """``ignition``: everything about the config itself and how to fetch."""

    version: str = ""
    merge: tuple[Resource, ...] = ()
    replace: Resource = field(default_factory=Resource)
    proxy: Proxy = field(default_factory=Proxy)
    certificate_authorities: tuple[Resource, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)


@dataclass(frozen=True, repr=False, eq=False)
class KernelArguments(Value):
    """Whole arguments; their order is that of the command line."""

    should_exist: tuple[str, ...] = ()
    should_not_exist: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class PasswdGroup(Value):
    """A group account."""

    name: str
    gid: int | None = None
    password_hash: str | None = None
    should_exist: bool | None = None
    system: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class PasswdUser(Value):
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


@dataclass(frozen=True, repr=False, eq=False)
class Passwd(Value):
    """``passwd``: groups come before users."""

    groups: tuple[PasswdGroup, ...] = ()
    users: tuple[PasswdUser, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class NodeOwner(Value):
    """The user or the group of a node: by number, by name, or unset."""

    id: int | None = None
    name: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Node(Value):
    """What files, directories and links have in common. Paths are absolute."""

    path: str
    user: NodeOwner = field(default_factory=NodeOwner)
    group: NodeOwner = field(default_factory=NodeOwner)
    overwrite: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class File(Node):
    """A regular file."""

    #: Permission bits as an integer (0o644), special bits included where the spec has them.
    mode: int | None = None
    contents: Resource = field(default_factory=Resource)
    append: tuple[Resource, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Directory(Node):
    """A directory."""

    mode: int | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Link(Node):
    """A symbolic link, or a hard one."""

    target: str | None = None
    hard: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Partition(Value):
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


@dataclass(frozen=True, repr=False, eq=False)
class Disk(Value):
    """A disk by its device."""

    device: str
    partitions: tuple[Partition, ...] = ()
    wipe_table: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Raid(Value):
    """A software RAID array."""

    name: str
    level: str | None = None
    devices: tuple[str, ...] = ()
    spares: int | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Filesystem(Value):
    """A file system on a device, and where it is mounted."""

    device: str
    format: str | None = None
    path: str | None = None
    label: str | None = None
    uuid: str | None = None
    wipe_filesystem: bool | None = None
    options: tuple[str, ...] = ()
    mount_options: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Tang(Value):
    """A Tang server."""

    url: str = ""
    thumbprint: str | None = None
    advertisement: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class ClevisCustom(Value):
    """A Clevis pin with a config of its own."""

    pin: str | None = None
    config: str | None = None
    needs_network: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Clevis(Value):
    """What unlocks a LUKS volume."""

    tang: tuple[Tang, ...] = ()
    tpm2: bool | None = None
    threshold: int | None = None
    custom: ClevisCustom = field(default_factory=ClevisCustom)


@dataclass(frozen=True, repr=False, eq=False)
class Cex(Value):
    """IBM CryptoExpress."""

    enabled: bool | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Luks(Value):
    """A LUKS volume."""

    name: str
    device: str | None = None
    key_file: Resource = field(default_factory=Resource)
    label: str | None = None
    uuid: str | None = None
    options: tuple[str, ...] = ()
    wipe_volume: bool | None = None
    clevis: Clevis = field(default_factory=Clevis)
    cex: Cex = field(default_factory=Cex)
    discard: bool | None = None
    open_options: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Storage(Value):
    """``storage``."""

    disks: tuple[Disk, ...] = ()
    raid: tuple[Raid, ...] = ()
    luks: tuple[Luks, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    files: tuple[File, ...] = ()
    directories: tuple[Directory, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Dropin(Value):
    """A drop-in of a unit."""

    name: str
    contents: str | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Unit(Value):
    """A systemd unit: written, enabled, masked, or all of it."""

    name: str
    contents: str | None = None
    enabled: bool | None = None
    mask: bool | None = None
    dropins: tuple[Dropin, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Systemd(Value):
    """``systemd``."""

    units: tuple[Unit, ...] = ()


@dataclass(frozen=True, repr=False, eq=False)
class Config(Value):
    """A whole Ignition config."""

    ignition: IgnitionSection = field(default_factory=IgnitionSection)
    kernel_arguments: KernelArguments = field(default_factory=KernelArguments)
    passwd: Passwd = field(default_factory=Passwd)
    storage: Storage = field(default_factory=Storage)
    systemd: Systemd = field(default_factory=Systemd)
