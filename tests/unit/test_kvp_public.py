"""What the package ``kvp`` offers, and what it costs to import a part of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from datasource_hyperv_kvp import kvp


@pytest.mark.parametrize("name", kvp.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(kvp, name) is not None


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'raed'"):
        getattr(kvp, "raed")  # noqa: B009  mypy knows that it is not there


def test_emptying_the_pools_loads_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys, datasource_hyperv_kvp.kvp.empty_pools\n"
        "print(*(name for name in sys.modules if name.startswith('datasource_hyperv_kvp.kvp.')))\n"
        "print(*{'subprocess', 'json', 'yaml', 'threading', 'select'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours, theirs = done.stdout.split("\n")[:2]
    loaded = {name.rsplit(".", 1)[1] for name in ours.split()}
    assert loaded == {"daemon", "empty_pools", "freshness", "lock", "poolfile", "pools", "protocol"}
    assert theirs == ""
