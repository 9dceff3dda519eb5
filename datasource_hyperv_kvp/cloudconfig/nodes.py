"""``storage.directories``, ``storage.files`` and ``storage.links``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..apply.paths import clean, depth, volatile_root
from ..apply.plan import Contents, Directory, File, HostName, Link, Node, Owner
from ..ignition import config as ignition
from ..ignition.config import Config, Resource
from .accounts import MAX_ID
from .contents import contents_of
from .refusals import Refusal

#: Every distribution's image has one, and the config's is meant to take its place.
HOSTNAME = "/etc/hostname"


def node_steps(
    config: Config, staged: Mapping[Resource, str], refusals: list[Refusal]
) -> list[Node]:
    """Directories, files and symbolic links by depth, then hard links as they stand.

    The order is final only in the guest, where it is known what paths resolve to.
    """
    nodes: list[Node] = [*_directories(config), *_files(config, staged, refusals)]
    links = list(_links(config))
    nodes += [link for link in links if not link.hard]
    nodes.sort(key=lambda node: depth(node.path))
    nodes += [link for link in links if link.hard]
    refusals += [refusal for node in nodes for refusal in _place_refusals(node)]
    return nodes


def hostname_steps(nodes: Sequence[Node]) -> Iterator[HostName]:
    """A config that writes /etc/hostname means the running machine too."""
    for node in nodes:
        if node.path == HOSTNAME and not isinstance(node, Directory):
            yield HostName(at=node.at)


def _directories(config: Config) -> Iterator[Directory]:
    for index, node in enumerate(config.storage.directories):
        yield Directory(
            at=f"$.storage.directories.{index}",
            path=clean(node.path),
            user=_owner(node.user),
            group=_owner(node.group),
            overwrite=bool(node.overwrite),
            mode=node.mode,
        )


def _files(
    config: Config, staged: Mapping[Resource, str], refusals: list[Refusal]
) -> Iterator[File]:
    for index, node in enumerate(config.storage.files):
        at = f"$.storage.files.{index}"
        contents: Contents | None = None
        if node.contents.source is not None:
            contents = contents_of(node.contents, f"{at}.contents", staged, refusals)
        append = []
        for number, resource in enumerate(node.append):
            here = f"{at}.append.{number}"
            if resource.source is None:
                message = "nothing to append: it has no source"
                refusals.append(Refusal(here, message, "remove it, or give it a source"))
            else:
                append.append(contents_of(resource, here, staged, refusals))
        path = clean(node.path)
        yield File(
            at=at,
            path=path,
            user=_owner(node.user),
            group=_owner(node.group),
            overwrite=bool(node.overwrite) or (path == HOSTNAME and contents is not None),
            mode=node.mode,
            contents=contents,
            append=tuple(append),
        )


def _links(config: Config) -> Iterator[Link]:
    for index, node in enumerate(config.storage.links):
        yield Link(
            at=f"$.storage.links.{index}",
            path=clean(node.path),
            user=_owner(node.user),
            group=_owner(node.group),
            overwrite=bool(node.overwrite),
            target=node.target or "",
            hard=bool(node.hard),
        )


def _owner(owner: ignition.NodeOwner) -> Owner:
    """A number counts before a name, and an empty name is none, as in Ignition."""
    return owner.id if owner.id is not None else owner.name or None


def _place_refusals(node: Node) -> Iterator[Refusal]:
    root = volatile_root(node.path)
    if root is not None:
        yield Refusal(
            f"{node.at}.path",
            f"{root} is empty after every boot: what Ignition writes there is never seen",
            "use a unit, a tmpfiles.d file or another path",
        )
    if "\0" in node.path:
        yield Refusal(f"{node.at}.path", "no path holds a zero byte")
    for name, owner in (("user", node.user), ("group", node.group)):
        # -1 leaves the owner as it is, in Ignition too, which cuts off what has more than 32 bits.
        if isinstance(owner, int) and not -1 <= owner <= MAX_ID:
            message = f"{owner} is the number of no account"
            yield Refusal(f"{node.at}.{name}.id", message, f"use one from 0 to {MAX_ID}")
    if isinstance(node, Link) and (not node.target or "\0" in node.target):
        message = "no path holds a zero byte" if node.target else "the link has no target"
        yield Refusal(f"{node.at}.target", message)
    if node.path == "/" and not isinstance(node, Directory):
        yield Refusal(f"{node.at}.path", "/ is a directory")
