"""What the machine will look like when a step's turn comes: today's state and what came before."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import database
from .errors import Finding
from .journal import State
from .machine import Machine
from .paths import NodeKind, kind_at, parents
from .plan import Directory, File, Link, Node, Step

#: What a step leaves at its path.
NODE_KINDS: dict[type[Step], NodeKind] = {
    Directory: NodeKind.DIRECTORY,
    File: NodeKind.FILE,
    Link: NodeKind.LINK,
}


def _users() -> dict[str, int | None]:
    return {name: account.uid for name, account in database.accounts().items()}


def _groups() -> dict[str, int | None]:
    return {name: group.gid for name, group in database.groups().items()}


@dataclass
class Outlook:
    """Handlers ask it in :meth:`Handler.check` and tell it what their step will change.

    :param paths: every node's path as written, and what it resolves to.
    :param befores: recorded states of an interrupted run, by the key of the step.
    """

    machine: Machine
    paths: Mapping[str, str]
    befores: Mapping[str, State] = field(default_factory=dict)
    #: Name -> number, None if the program that makes the account chooses it.
    users: dict[str, int | None] = field(default_factory=_users)
    groups: dict[str, int | None] = field(default_factory=_groups)
    nodes: dict[str, NodeKind] = field(default_factory=dict)
    #: The whole plan, for steps that depend on others.
    steps: tuple[Step, ...] = ()
    #: Resolved path -> JSON path of the step that claims it.
    claims: dict[str, str] = field(default_factory=dict)
    #: Bytes that will be written, by resolved path.
    bytes_needed: dict[str, int] = field(default_factory=dict)

    def kind_at(self, path: str) -> NodeKind:
        """What will stand at a resolved path."""
        if path in self.nodes:
            return self.nodes[path]
        for above in parents(path):
            if above in self.nodes:
                # Removed, or made anew and empty but for what the plan puts there.
                return NodeKind.ABSENT
        return kind_at(path)

    def claim(self, step: Node, path: str, *, changed: bool) -> None:
        """A node of the plan will stand at a resolved path, its parents with it.

        :param changed: False if it cannot, and what is there stays.
        """
        self.claims.setdefault(path, step.path)
        if not changed:
            return
        for above in parents(path):
            if self.kind_at(above) is NodeKind.ABSENT:
                self.nodes[above] = NodeKind.DIRECTORY
        kind = NODE_KINDS[type(step)]
        if step.overwrite or self.kind_at(path) is not kind:
            self.nodes[path] = kind

    def needs_space(self, path: str, size: int) -> None:
        """So many bytes will be written at a resolved path; 0 for what has no contents."""
        self.bytes_needed[path] = self.bytes_needed.get(path, 0) + size

    def space_findings(self) -> list[Finding]:
        """File systems that are read-only or have less room than the plan's nodes need."""
        needed: dict[tuple[int, bool], list[int]] = {}
        example: dict[tuple[int, bool], str] = {}
        for path, size in self.bytes_needed.items():
            existing = next((p for p in parents(path) if Path(p).is_dir()), "/")
            read_only = bool(os.statvfs(existing).f_flag & os.ST_RDONLY)
            # One file system may be mounted twice, once read-only.
            place = (Path(existing).stat().st_dev, read_only)
            needed.setdefault(place, []).append(size)
            example.setdefault(place, existing)
        findings = []
        for place, sizes in needed.items():
            finding = _room_finding(example[place], sizes, read_only=place[1])
            findings += [finding] if finding else []
        return findings


def _room_finding(directory: str, sizes: list[int], *, read_only: bool) -> Finding | None:
    """Why files of these sizes cannot be written below a directory."""
    at = "$.storage"
    if read_only:
        return Finding(at, f"{directory} is mounted read-only", "choose a path on another")
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if sum(sizes) > free:
        return Finding(
            at,
            f"{sum(sizes)} bytes are to be written below {directory}, {free} are free",
            "cloud-init grows the root file system only later: use an image with more room, or one"
            " that has grown before (x-systemd.growfs), or let a unit of the config fetch them",
        )
    # A file system without a fixed number of inodes (btrfs) says 0.
    if status.f_files and len(sizes) > status.f_favail:
        message = f"{len(sizes)} files are to be made below {directory}, {status.f_favail} can be"
        return Finding(at, message, "make the file system with more inodes")
    return None
