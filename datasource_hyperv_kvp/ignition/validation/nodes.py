"""Files, directories and links: each by itself, and with one another."""

from __future__ import annotations

from collections.abc import Sequence

from datasource_hyperv_kvp.ignition.config import File, Link, Node, NodeOwner, Resource, Storage
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.validation.modes import check_mode
from datasource_hyperv_kvp.ignition.validation.paths import clean, join, path_fault
from datasource_hyperv_kvp.ignition.validation.resources import check_resource

_UNSET = Resource()


def check_nodes(storage: Storage, minor: int, report: Report) -> None:
    for index, directory in enumerate(storage.directories):
        path: Path = ("storage", "directories", index)
        _check_node(directory, path, report)
        check_mode(directory.mode, minor, path, report)
    for index, file in enumerate(storage.files):
        _check_file(file, minor, ("storage", "files", index), report)
    for index, link in enumerate(storage.links):
        path = ("storage", "links", index)
        _check_node(link, path, report)
        _check_link(link, storage, minor, path, report)
    _check_ancestors(storage, report)


def _check_node(node: Node, path: Path, report: Report) -> None:
    fault = path_fault(node.path)
    if fault:
        report.error((*path, "path"), fault)
    _check_owner(node.user, (*path, "user"), report)
    _check_owner(node.group, (*path, "group"), report)


def _check_owner(owner: NodeOwner, path: Path, report: Report) -> None:
    if owner.id is not None and owner.name:
        report.error(path, "both id and name are set; write only one of them")


def _check_file(file: File, minor: int, path: Path, report: Report) -> None:
    _check_node(file, path, report)
    check_mode(file.mode, minor, path, report)
    if file.overwrite and file.contents.source is None:
        report.error(
            (*path, "overwrite"),
            "a file without contents cannot overwrite anything; "
            'write contents.source, "" for an empty file, or remove overwrite',
        )
    check_resource(file.contents, minor, (*path, "contents"), report)
    for index, resource in enumerate(file.append):
        place = (*path, "append", index)
        check_resource(resource, minor, place, report)
        if resource.source is None:
            # Ignition itself lets this pass and then crashes on it.
            report.error(place, "there is nothing to append; write a source or remove the item")


def _check_link(link: Link, storage: Storage, minor: int, path: Path, report: Report) -> None:
    if not link.target and minor >= 3:
        report.error((*path, "target"), "a link needs a target; write the path it leads to")
        return
    if not link.hard:
        return
    target = clean(link.target or "")
    if not target.startswith("/"):
        target = join(link.path, link.target or "")
    for directory in storage.directories:
        if directory.path == target:
            report.error(
                path,
                f'a hard link cannot lead to a directory, and "{target}" is one in this config; '
                "make the link symbolic",
            )
    for kind, owner in (("user", link.user), ("group", link.group)):
        for key, value in (("id", owner.id), ("name", owner.name)):
            if value is not None:
                report.warning(
                    (*path, kind, key),
                    "a hard link has the owner of what it leads to; remove this",
                )


def _check_ancestors(storage: Storage, report: Report) -> None:
    """No node may lie below a link of the same config."""
    links = [link.path + "/" for link in storage.links]
    if not links:
        return
    prefixes = tuple(links)
    lists: tuple[tuple[str, Sequence[Node]], ...] = (
        ("directories", storage.directories),
        ("files", storage.files),
        ("links", storage.links),
    )
    for name, nodes in lists:
        for index, node in enumerate(nodes):
            if not node.path.startswith(prefixes):
                continue
            for link in links:
                if node.path.startswith(link):
                    report.error(
                        ("storage", name, index),
                        f'"{node.path}" lies below "{link[:-1]}", which is a link in this config; '
                        "write the path without the link",
                    )
