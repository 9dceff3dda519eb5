"""Nodes in homes that the same config makes, moves or removes: the accounts come first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datasource_hyperv_kvp.apply.plan import Contents, File, Link, User
from tests.sandbox.apply.guest import ApplyGuest


@pytest.fixture
def guest() -> Iterator[ApplyGuest]:
    with ApplyGuest() as guest:
        guest.sh("mkdir -p /srv && useradd --create-home --uid 4001 alice && echo a > ~alice/notes")
        guest.sh("useradd --create-home --uid 4002 bob && echo b > ~bob/notes")
        yield guest


def file(at: str, path: str, *, overwrite: bool = False) -> File:
    return File(at=at, path=path, contents=Contents(data=b"new"), overwrite=overwrite)


def test_what_a_users_step_leaves_there_is_in_the_way(guest: ApplyGuest) -> None:
    key = ("ssh-ed25519 AAAAC3Nza one",)
    found = guest.refused(
        User(at="$.u0", name="zed", ssh_authorized_keys=key),
        User(at="$.u1", name="bob", home_dir="/srv/bob"),
        file("$.f0", "/home/zed/.bashrc"),
        file("$.f1", "/home/zed/.ssh/authorized_keys"),
        file("$.f2", "/srv/bob/notes"),
        Link(at="$.l0", path="/home/zed/.profile", target="x"),
    )
    assert found == [
        "$.f0: /home/zed/.bashrc exists",
        "$.f1: /home/zed/.ssh/authorized_keys exists",
        "$.f2: /srv/bob/notes exists",
        "$.l0: /home/zed/.profile exists and is no symbolic link",
    ]


def test_what_it_takes_away_is_not(guest: ApplyGuest) -> None:
    guest.applied(
        User(at="$.u0", name="alice", should_exist=False),
        User(at="$.u1", name="bob", home_dir="/srv/bob"),
        User(at="$.u2", name="zed"),
        file("$.f0", "/home/alice/notes"),
        file("$.f1", "/home/bob/notes"),
        file("$.f2", "/home/zed/.bashrc", overwrite=True),
        file("$.f3", "/home/zed/.other"),
        File(at="$.f4", path="/home/zed/.profile", append=(Contents(data=b"# more\n"),)),
    )
    assert guest.read("/home/alice/notes") == guest.read("/home/bob/notes") == "new"
    assert guest.read("/srv/bob/notes") == "b\n"
    assert guest.read("/home/zed/.bashrc") == guest.read("/home/zed/.other") == "new"
    skeleton = guest.read("/etc/skel/.profile")
    assert guest.read("/home/zed/.profile") == f"{skeleton}# more\n"
