"""Lists whose items have to differ in their key."""

from __future__ import annotations

from collections.abc import Iterable

from datasource_hyperv_kvp.ignition.config import Config, Resource
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.validation.keys import partition_key

_Keys = tuple[Path, str, Iterable[str]]  # where the list is, what its key is called, the keys


def check_duplicates(config: Config, report: Report) -> None:
    """Lists that Ignition merges by key, several of them in one space of keys."""
    ignition = config.ignition
    config_path, tls = ("ignition", "config", "merge"), ("ignition", "security", "tls")
    _check(report, (config_path, "source", _sources(ignition.merge)))
    _check_headers(ignition.merge, config_path, report)
    _check_resource_headers(ignition.replace, ("ignition", "config", "replace"), report)
    _check(report, (("ignition", "proxy", "noProxy"), "value", ignition.proxy.no_proxy))
    authorities = ignition.certificate_authorities
    path: Path = (*tls, "certificateAuthorities")
    _check(report, (path, "source", _sources(authorities)))
    _check_headers(authorities, path, report)
    _check(
        report,
        (("kernelArguments", "shouldExist"), "value", config.kernel_arguments.should_exist),
        (("kernelArguments", "shouldNotExist"), "value", config.kernel_arguments.should_not_exist),
    )
    _check_passwd(config, report)
    _check_storage(config, report)
    _check(report, (("systemd", "units"), "name", [unit.name for unit in config.systemd.units]))
    for index, unit in enumerate(config.systemd.units):
        path = ("systemd", "units", index, "dropins")
        _check(report, (path, "name", [dropin.name for dropin in unit.dropins]))


def _check(report: Report, *lists: _Keys) -> None:
    seen: set[str] = set()
    for path, name, keys in lists:
        for index, key in enumerate(keys):
            if key in seen:
                where = f'the same {name}, "{key}", stands before'
                report.error((*path, index), f"{where}; remove one of the two, or change it")
            seen.add(key)


def _sources(resources: Iterable[Resource]) -> list[str]:
    return [resource.source or "" for resource in resources]


def _check_headers(resources: Iterable[Resource], path: Path, report: Report) -> None:
    for index, resource in enumerate(resources):
        _check_resource_headers(resource, (*path, index), report)


def _check_resource_headers(resource: Resource, path: Path, report: Report) -> None:
    if resource.http_headers:
        names = [header.name for header in resource.http_headers]
        _check(report, ((*path, "httpHeaders"), "name", names))


def _check_passwd(config: Config, report: Report) -> None:
    groups, users = config.passwd.groups, config.passwd.users
    _check(report, (("passwd", "groups"), "name", [group.name for group in groups]))
    _check(report, (("passwd", "users"), "name", [user.name for user in users]))
    for index, user in enumerate(users):
        path = ("passwd", "users", index)
        _check(report, ((*path, "groups"), "value", user.groups))
        _check(report, ((*path, "sshAuthorizedKeys"), "value", user.ssh_authorized_keys))


def _check_storage(config: Config, report: Report) -> None:
    storage = config.storage
    path: Path = ("storage",)
    _check(
        report,
        ((*path, "directories"), "path", [node.path for node in storage.directories]),
        ((*path, "files"), "path", [node.path for node in storage.files]),
        ((*path, "links"), "path", [node.path for node in storage.links]),
    )
    for index, file in enumerate(storage.files):
        if file.contents.http_headers or file.append:
            place = (*path, "files", index)
            _check_resource_headers(file.contents, (*place, "contents"), report)
            _check_headers(file.append, (*place, "append"), report)
    _check(report, ((*path, "disks"), "device", [disk.device for disk in storage.disks]))
    for index, disk in enumerate(storage.disks):
        keys = [partition_key(partition) for partition in disk.partitions]
        _check(report, ((*path, "disks", index, "partitions"), "number or label", keys))
    filesystems = [filesystem.device for filesystem in storage.filesystems]
    _check(report, ((*path, "filesystems"), "device", filesystems))
    _check(report, ((*path, "raid"), "name", [raid.name for raid in storage.raid]))
    for index, raid in enumerate(storage.raid):
        _check(report, ((*path, "raid", index, "devices"), "device", raid.devices))
    _check(report, ((*path, "luks"), "name", [luks.name for luks in storage.luks]))
    for index, luks in enumerate(storage.luks):
        place = (*path, "luks", index)
        urls = [tang.url for tang in luks.clevis.tang]
        _check(report, ((*place, "clevis", "tang"), "url", urls))
        _check(report, ((*place, "openOptions"), "value", luks.open_options))
        _check_resource_headers(luks.key_file, (*place, "keyFile"), report)
