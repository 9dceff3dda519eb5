"""Merging two configs by Ignition's rules (``config/merge`` of coreos/ignition).

Scalars: the child's if it sets one. Objects: field by field. Lists: the parent's items in their
order, each merged with the child's of the same key, then the child's new ones; lists without keys
are joined. Some lists share one space of keys: what the child has in another of them leaves the
parent's. A header that the child names without a value goes altogether.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datasource_hyperv_kvp.apply.frozen import fields, is_dataclass, replace
from datasource_hyperv_kvp.ignition.config import (
    Config,
    Disk,
    Dropin,
    File,
    Filesystem,
    HTTPHeader,
    KernelArguments,
    Luks,
    Node,
    Partition,
    PasswdGroup,
    PasswdUser,
    Raid,
    Resource,
    Storage,
    Tang,
    Unit,
)
from datasource_hyperv_kvp.ignition.findings import Finding, Report, path_text
from datasource_hyperv_kvp.ignition.validation import check_config
from datasource_hyperv_kvp.ignition.validation.keys import partition_key
from datasource_hyperv_kvp.ignition.versions import NEWEST_MINOR

_Items = tuple[Any, ...]

#: By what the items of a list are told apart; strings by themselves.
_KEYS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (str, str),
    (Node, lambda node: node.path),
    (Resource, lambda resource: resource.source or ""),
    (HTTPHeader, lambda header: header.name),
    (PasswdGroup, lambda group: group.name),
    (PasswdUser, lambda user: user.name),
    (Unit, lambda unit: unit.name),
    (Dropin, lambda dropin: dropin.name),
    (Disk, lambda disk: disk.device),
    (Partition, partition_key),
    (Raid, lambda raid: raid.name),
    (Filesystem, lambda filesystem: filesystem.device),
    (Luks, lambda luks: luks.name),
    (Tang, lambda tang: tang.url),
)
_WITHOUT_KEYS = {
    (File, "append"),
    (Filesystem, "options"),
    (Filesystem, "mount_options"),
    (Raid, "options"),
    (Luks, "options"),
}
_SHARED_KEYS: dict[type, tuple[str, ...]] = {
    Storage: ("files", "directories", "links"),
    KernelArguments: ("should_exist", "should_not_exist"),
}


def merge(parent: Config, child: Config) -> Config:
    """One config of two; both unchanged. The result may be invalid: :func:`validate_merged`."""
    merged: Config = _merged(parent, child)
    return merged


def validate_merged(config: Config) -> tuple[Finding, ...]:
    """Errors of a merged config, which has no text and so no lines; () if it is valid.

    Each of its parts was valid by itself, and merging makes no doubled keys.
    """
    report = Report()
    check_config(config, NEWEST_MINOR, report, duplicates=False)
    return tuple(
        Finding(path_text(problem.path), problem.message)
        for problem in report.problems
        if problem.is_error
    )


def _merged(parent: Any, child: Any) -> Any:
    """Two dataclasses of the same type."""
    kind = type(parent)
    changes: dict[str, Any] = {}
    for name in [field.name for field in fields(parent)]:
        old, new = getattr(parent, name), getattr(child, name)
        if isinstance(old, tuple):
            elsewhere = _keys_elsewhere(kind, name, child)
            changes[name] = _merged_list(
                old, new, elsewhere, keyed=(kind, name) not in _WITHOUT_KEYS
            )
        elif is_dataclass(old):
            changes[name] = _merged(old, new)
        else:
            changes[name] = old if new is None else new
    return replace(parent, **changes)


def _keys_elsewhere(kind: type, name: str, child: object) -> set[str]:
    """The keys of the child's other lists that share one space of keys with this one."""
    shared = _SHARED_KEYS.get(kind, ())
    if name not in shared:
        return set()
    return {_key(item) for other in shared if other != name for item in getattr(child, other)}


def _merged_list(old: _Items, new: _Items, elsewhere: set[str], *, keyed: bool) -> _Items:
    if not keyed:
        return old + new
    if not new and not elsewhere:
        return old
    additions = {_key(item): item for item in new}
    result = []
    for item in old:
        addition = additions.get(_key(item))
        if addition is None:
            if _key(item) not in elsewhere:
                result.append(item)
        elif isinstance(item, str):
            result.append(item)
        elif not (isinstance(addition, HTTPHeader) and addition.value is None):
            result.append(_merged(item, addition))
    known = {_key(item) for item in old}
    result.extend(item for item in new if _key(item) not in known)
    return tuple(result)


def _key(item: Any) -> str:
    return next(key(item) for kind, key in _KEYS if isinstance(item, kind))
