"""File systems that a boot has not mounted yet when a config writes to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply.mount_units import mount_point
from datasource_hyperv_kvp.apply.mounts import Entry, entries
from datasource_hyperv_kvp.apply.plan import Contents, File
from tests.sandbox.apply.guest import ApplyGuest

FILE = File(at="$", path="/srv/my-data/file", contents=Contents(b"x"))
UNIT = r"srv-my\x2ddata.mount"
SYSTEMCTL = r"""#!/bin/sh
echo "$*" >> /asked
case "$*" in
    *list-jobs*) cat /jobs ;;
    show*) printf 'Id=srv-my\\x2ddata.mount\nLoadState=loaded\n'; cat /state ;;
esac
"""


@pytest.fixture
def guest() -> Iterator[ApplyGuest]:
    """systemd seems to run, and is about to mount."""
    with ApplyGuest() as guest:
        guest.sandbox.write("/usr/local/sbin/systemctl", SYSTEMCTL, mode=0o755)
        guest.sandbox.write(f"/etc/systemd/system/{UNIT}", "[Mount]\nWhat=d\nWhere=/srv/my-data\n")
        guest.sandbox.write("/jobs", f"1 {UNIT} start running\n")
        guest.sandbox.write("/state", "RequiredBy=local-fs.target\nAfter=local-fs-pre.target\n")
        guest.sh("mkdir -p /run/systemd/system /srv/my-data; : > /run/systemd/private; : > /asked")
        yield guest


def test_what_a_unit_is_about_to_mount_is_waited_for(guest: ApplyGuest) -> None:
    mount = "until [ -s /asked ]; do sleep 0.1; done; mount -t tmpfs disk /srv/my-data"
    guest.sandbox.start(["sh", "-c", mount])
    result = guest.applied(FILE)
    assert "/srv/my-data has to be mounted first" in result.err
    assert guest.sh("ls /srv/my-data; umount /srv/my-data; ls /srv/my-data") == "file"


@pytest.mark.parametrize(
    ("jobs", "state"),
    [
        ("", "After=local-fs-pre.target\n"),
        (f"1 {UNIT} start waiting\n", "After=local-fs-pre.target cloud-init-local.service\n"),
        (f"1 {UNIT} start waiting\n", "After=network-online.target remote-fs-pre.target\n"),
    ],
)
def test_what_no_boot_or_only_a_later_stage_mounts_is_not_waited_for(
    guest: ApplyGuest, jobs: str, state: str
) -> None:
    guest.sandbox.write("/jobs", jobs)
    guest.sandbox.write("/state", state)
    assert "mounted first" not in guest.applied(FILE).err
    assert guest.exists("/srv/my-data/file")


def test_nobody_is_asked_where_the_config_writes_to_no_unit(guest: ApplyGuest) -> None:
    guest.applied(File(at="$", path="/srv/other", contents=Contents(b"x")))
    assert guest.read("/asked") == ""


def test_a_line_of_fstab_counts_before_its_unit(guest: ApplyGuest) -> None:
    guest.sh("echo 'server:/x /srv/my-data nfs _netdev 0 0' >> /etc/fstab")
    assert "mounted first" not in guest.applied(FILE).err
    assert guest.read("/asked") == ""


@pytest.mark.parametrize(
    ("unit", "path"),
    [
        ("-.mount", "/"),
        ("srv.mount", "/srv"),
        (r"var-lib-a\x2db\x20c.mount", "/var/lib/a-b c"),
        (r"srv-b\xc3\xbccher.mount", "/srv/bücher"),
    ],
)
def test_the_name_of_a_unit_says_where_it_mounts(unit: str, path: str) -> None:
    assert mount_point(unit) == path


def test_lines_of_fstab(tmp_path: Path) -> None:
    fstab = tmp_path / "fstab"
    fstab.write_text(
        "# UUID=1 /old ext4 defaults 0 0\nUUID=1 / ext4 defaults 0 1\nUUID=2 none swap sw 0 0\n"
        "UUID=3 /srv/a\\040b\\134c/ ext4 defaults,nofail 0 2\nUUID=4 /boot vfat umask=0077 0 1\n"
        "UUID=6 /by\\hand ext4 defaults 0 2\n"
        "UUID=5 /mnt ext4 noauto 0 0\nserver:/x /home nfs defaults 0 0\ndamaged /x\n"
    )
    assert list(entries(fstab)) == [
        Entry("/srv/a b\\c", optional=True),
        Entry("/boot", False),
        Entry("/by\\hand", False),
    ]
