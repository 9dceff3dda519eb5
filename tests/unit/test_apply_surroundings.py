"""What a machine's mounts say."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply.surroundings import forgets

DISK = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        (DISK, False),
        (DISK + "30 22 0:25 / /var rw - tmpfs tmpfs rw\n", True),
        (DISK + "30 22 0:25 / /variable rw - tmpfs tmpfs rw\n", False),
        ("22 1 0:20 / / rw - overlay overlay rw,lowerdir=/l,upperdir=UPPER,workdir=/w\n", False),
        (
            "22 1 0:20 / / rw - overlay overlay rw,lowerdir=/l,upperdir=UPPER,workdir=/w\n"
            "23 22 0:21 / UPPER rw - tmpfs tmpfs rw\n",
            True,
        ),
        ("22 1 0:20 / / rw - overlay overlay rw,upperdir=/not/seen/from/here\n", False),
        ("", False),
    ],
)
def test_a_disk_that_forgets(mounts: str, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "upper").mkdir()
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(mounts.replace("UPPER", str(tmp_path / "upper")))
    assert forgets(Path("/var/lib/cloud"), mountinfo) is expected
