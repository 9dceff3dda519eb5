"""SELinux labels: what restorecon is asked, and what follows when it fails. Only a stub runs, for
the kernel has no SELinux; the boot lab's scenario ``selinux`` has a real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from datasource_hyperv_kvp.apply.plan import Contents, File, Step, User
from datasource_hyperv_kvp.apply.system_steps import KernelArguments, Labels, Presets, ThisBoot
from tests.sandbox.apply.guest import ApplyGuest

AT = "$"
CLOSING: tuple[Step, ...] = (Labels(at=AT), ThisBoot(at=AT))


@pytest.fixture
def guest() -> Iterator[ApplyGuest]:
    with ApplyGuest() as guest:
        guest.sh(
            "mkdir -p /etc/selinux /fake/fs/selinux; echo SELINUX=enforcing > /etc/selinux/config;"
            " : > /fake/fs/selinux/enforce; mount --bind /fake /sys"
        )
        yield guest


def restorecon(guest: ApplyGuest, ending: str) -> None:
    script = f'#!/bin/sh\nfor path; do echo "$path" >> /asked; done\n{ending}\n'
    guest.sandbox.write("/usr/local/sbin/restorecon", script, mode=0o755)


def file(path: str) -> File:
    return File(at=AT, path=path, contents=Contents(b"x"))


def test_a_label_that_cannot_be_set_is_told_and_stops_nothing(guest: ApplyGuest) -> None:
    restorecon(guest, "echo cannot label a card >&2; exit 255")
    files = [file(f"/srv/{number}") for number in range(600)]
    result = guest.applied(*files, Presets(at=AT, units=("disable none.service",)), *CLOSING)
    assert "warning: SELinux labels may be missing" in result.err
    assert "restorecon ended with 255: cannot label a card" in result.err
    # One call failed; the other was made all the same.
    assert guest.sh("sort -u /asked | grep -c ^/srv/") == "600"
    assert guest.result()["status"] == "applied"
    assert any("cannot label a card" in warning for warning in guest.result()["warnings"])


def test_what_is_written_beside_the_nodes_is_labelled_too(guest: ApplyGuest) -> None:
    restorecon(guest, "exit 0")
    guest.sh("rm -rf /etc/default/grub.d; : > /etc/default/grub")
    user = User(at=AT, name="core", default_user_rights=True)
    guest.applied(user, KernelArguments(at=AT), *CLOSING)
    asked = guest.read("/asked").split()
    files = {"/etc/default/grub", "/etc/default/grub.d", "/etc/sudoers.d/90-ignition-core"}
    assert files | {"/home/core", "/etc/shadow", "/etc/subuid"} <= {*asked}


def test_names_that_restorecon_would_take_for_patterns(guest: ApplyGuest) -> None:
    restorecon(guest, "exit 0")
    guest.applied(
        file("/srv/a[1]"), file("/srv/b{c,d}*"), file(r"/srv/dev-disk\x2d1.mount"), *CLOSING
    )
    assert guest.sh("grep ^/srv/ /asked").split() == [
        "/srv/a?1?",
        "/srv/b?c,d??",
        "/srv/dev-disk?x2d1.mount",
    ]
