"""Plain values of the right shape to the model."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datasource_hyperv_kvp.ignition.config import (
    Cex,
    Clevis,
    ClevisCustom,
    Config,
    Directory,
    Disk,
    Dropin,
    File,
    Filesystem,
    HTTPHeader,
    IgnitionSection,
    KernelArguments,
    Link,
    Luks,
    NodeOwner,
    Partition,
    Passwd,
    PasswdGroup,
    PasswdUser,
    Proxy,
    Raid,
    Resource,
    Storage,
    Systemd,
    Tang,
    Timeouts,
    Unit,
)

Values = dict[str, Any]

# Most files of a config share these, and they are never changed.
_NO_OWNER = NodeOwner()
_NO_RESOURCE = Resource()
_NO_CLEVIS = Clevis()
_NO_CUSTOM = ClevisCustom()


def build(values: Values, minor: int) -> Config:
    """The model of a decoded config of specification 3.``minor``.0, nothing translated yet
    but the fields that were not optional then: left out, they are empty and not unset.
    """
    return Config(
        ignition=_ignition(values.get("ignition") or {}, minor),
        kernel_arguments=_kernel_arguments(values.get("kernelArguments") or {}),
        passwd=_passwd(values.get("passwd") or {}),
        storage=_storage(values.get("storage") or {}, minor),
        systemd=Systemd(units=tuple(map(_unit, _objects(values.get("systemd") or {}, "units")))),
    )


def _objects(values: Values, key: str) -> list[Values]:
    """A list of objects; null items are empty ones."""
    return [item or {} for item in values.get(key) or ()]


def _strings(values: Values, key: str) -> tuple[str, ...]:
    """A list of strings; null items are empty ones."""
    return tuple([item or "" for item in values.get(key) or ()])


def _object(values: Values, key: str) -> Values:
    found: Values = values.get(key) or {}
    return found


def _ignition(values: Values, minor: int) -> IgnitionSection:
    config = _object(values, "config")
    proxy = _object(values, "proxy")
    timeouts = _object(values, "timeouts")
    authorities = _objects(_object(_object(values, "security"), "tls"), "certificateAuthorities")
    if minor == 0:
        authorities = [{"source": "", **_without_nulls(item)} for item in authorities]
    return IgnitionSection(
        version=values.get("version") or "",
        merge=tuple(map(_resource, _objects(config, "merge"))),
        replace=_resource(config.get("replace")),
        proxy=Proxy(
            http_proxy=proxy.get("httpProxy"),
            https_proxy=proxy.get("httpsProxy"),
            no_proxy=_strings(proxy, "noProxy"),
        ),
        certificate_authorities=tuple(map(_resource, authorities)),
        timeouts=Timeouts(
            http_response_headers=timeouts.get("httpResponseHeaders"),
            http_total=timeouts.get("httpTotal"),
        ),
    )


def _without_nulls(values: Values) -> Values:
    return {key: value for key, value in values.items() if value is not None}


def _resource(values: Values | None) -> Resource:
    if not values:
        return _NO_RESOURCE
    return Resource(
        source=values.get("source"),
        compression=values.get("compression"),
        http_headers=tuple(
            [
                HTTPHeader(name=header.get("name") or "", value=header.get("value"))
                for header in _objects(values, "httpHeaders")
            ]
        ),
        verification_hash=_object(values, "verification").get("hash"),
    )


def _kernel_arguments(values: Values) -> KernelArguments:
    return KernelArguments(
        should_exist=_strings(values, "shouldExist"),
        should_not_exist=_strings(values, "shouldNotExist"),
    )


def _passwd(values: Values) -> Passwd:
    return Passwd(
        groups=tuple(map(_group, _objects(values, "groups"))),
        users=tuple(map(_user, _objects(values, "users"))),
    )


def _group(values: Values) -> PasswdGroup:
    return PasswdGroup(
        name=values.get("name") or "",
        gid=values.get("gid"),
        password_hash=values.get("passwordHash"),
        should_exist=values.get("shouldExist"),
        system=values.get("system"),
    )


def _user(values: Values) -> PasswdUser:
    return PasswdUser(
        name=values.get("name") or "",
        gecos=values.get("gecos"),
        groups=_strings(values, "groups"),
        home_dir=values.get("homeDir"),
        no_create_home=values.get("noCreateHome"),
        no_log_init=values.get("noLogInit"),
        no_user_group=values.get("noUserGroup"),
        password_hash=values.get("passwordHash"),
        primary_group=values.get("primaryGroup"),
        shell=values.get("shell"),
        should_exist=values.get("shouldExist"),
        ssh_authorized_keys=_strings(values, "sshAuthorizedKeys"),
        system=values.get("system"),
        uid=values.get("uid"),
    )


def _storage(values: Values, minor: int) -> Storage:
    raids, links = _objects(values, "raid"), _objects(values, "links")
    if minor < 3:
        raids = [{"level": "", **_without_nulls(item)} for item in raids]
        links = [{"target": "", **_without_nulls(item)} for item in links]
    return Storage(
        disks=tuple(map(_disk, _objects(values, "disks"))),
        raid=tuple(map(_raid, raids)),
        luks=tuple([_luks(item, minor) for item in _objects(values, "luks")]),
        filesystems=tuple(map(_filesystem, _objects(values, "filesystems"))),
        files=tuple(map(_file, _objects(values, "files"))),
        directories=tuple(map(_directory, _objects(values, "directories"))),
        links=tuple(map(_link, links)),
    )


def _owner(values: Values | None) -> NodeOwner:
    return _owner_of(values.get("id"), values.get("name")) if values else _NO_OWNER


@lru_cache(maxsize=64)
def _owner_of(id: int | None, name: str | None) -> NodeOwner:
    """Few owners have many files."""
    return NodeOwner(id=id, name=name)


def _file(values: Values) -> File:
    get = values.get
    append = get("append")
    return File(
        path=get("path") or "",
        user=_owner(get("user")),
        group=_owner(get("group")),
        overwrite=get("overwrite"),
        mode=get("mode"),
        contents=_resource(get("contents")),
        append=tuple(map(_resource, append)) if append else (),
    )


def _directory(values: Values) -> Directory:
    return Directory(
        path=values.get("path") or "",
        user=_owner(values.get("user")),
        group=_owner(values.get("group")),
        overwrite=values.get("overwrite"),
        mode=values.get("mode"),
    )


def _link(values: Values) -> Link:
    return Link(
        path=values.get("path") or "",
        user=_owner(values.get("user")),
        group=_owner(values.get("group")),
        overwrite=values.get("overwrite"),
        target=values.get("target"),
        hard=values.get("hard"),
    )


def _disk(values: Values) -> Disk:
    return Disk(
        device=values.get("device") or "",
        partitions=tuple(map(_partition, _objects(values, "partitions"))),
        wipe_table=values.get("wipeTable"),
    )


def _partition(values: Values) -> Partition:
    return Partition(
        number=values.get("number") or 0,
        label=values.get("label"),
        guid=values.get("guid"),
        type_guid=values.get("typeGuid"),
        size_mib=values.get("sizeMiB"),
        start_mib=values.get("startMiB"),
        should_exist=values.get("shouldExist"),
        resize=values.get("resize"),
        wipe_partition_entry=values.get("wipePartitionEntry"),
    )


def _raid(values: Values) -> Raid:
    return Raid(
        name=values.get("name") or "",
        level=values.get("level"),
        devices=_strings(values, "devices"),
        spares=values.get("spares"),
        options=_strings(values, "options"),
    )


def _filesystem(values: Values) -> Filesystem:
    return Filesystem(
        device=values.get("device") or "",
        format=values.get("format"),
        path=values.get("path"),
        label=values.get("label"),
        uuid=values.get("uuid"),
        wipe_filesystem=values.get("wipeFilesystem"),
        options=_strings(values, "options"),
        mount_options=_strings(values, "mountOptions"),
    )


def _luks(values: Values, minor: int) -> Luks:
    return Luks(
        name=values.get("name") or "",
        device=values.get("device"),
        key_file=_resource(values.get("keyFile")),
        label=values.get("label"),
        uuid=values.get("uuid"),
        options=_strings(values, "options"),
        wipe_volume=values.get("wipeVolume"),
        clevis=_clevis(values.get("clevis"), minor),
        cex=Cex(enabled=_object(values, "cex").get("enabled")),
        discard=values.get("discard"),
        open_options=_strings(values, "openOptions"),
    )


def _clevis(values: Values | None, minor: int) -> Clevis:
    if values is None:
        return _NO_CLEVIS
    return Clevis(
        tang=tuple(map(_tang, _objects(values, "tang"))),
        tpm2=values.get("tpm2"),
        threshold=values.get("threshold"),
        custom=_custom(values.get("custom"), minor),
    )


def _custom(values: Values | None, minor: int) -> ClevisCustom:
    if values is None:
        return _NO_CUSTOM
    if minor == 2:
        values = {"pin": "", "config": "", **_without_nulls(values)}
    return ClevisCustom(
        pin=values.get("pin"),
        config=values.get("config"),
        needs_network=values.get("needsNetwork"),
    )


def _tang(values: Values) -> Tang:
    return Tang(
        url=values.get("url") or "",
        thumbprint=values.get("thumbprint"),
        advertisement=values.get("advertisement"),
    )


def _unit(values: Values) -> Unit:
    return Unit(
        name=values.get("name") or "",
        contents=values.get("contents"),
        enabled=values.get("enabled"),
        mask=values.get("mask"),
        dropins=tuple(
            [
                Dropin(name=item.get("name") or "", contents=item.get("contents"))
                for item in _objects(values, "dropins")
            ]
        ),
    )
