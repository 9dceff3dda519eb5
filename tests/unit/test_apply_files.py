"""Files written in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply.files import append_to_file
from datasource_hyperv_kvp.apply.plan import Contents


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (b"old", b"old new"),
        (b"old ne", b"old new"),  # the power went
        (b"o", b"o new"),  # somebody has begun the file anew since
    ],
)
def test_a_second_run_appends_once(there: bytes, expected: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(there)
    append_to_file(str(path), 3, [Contents(b" new")])
    assert path.read_bytes() == expected
