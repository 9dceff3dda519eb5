"""The settings under ``datasource: HyperVKVP:``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from datasource_hyperv_kvp.errors import KVPError
from datasource_hyperv_kvp.kvp import Settings


def test_nothing_configured_gives_the_defaults() -> None:
    assert Settings.from_dict({}) == Settings()
    assert Settings().pool_dir == Path("/var/lib/hyperv")
    assert Settings().device == Path("/dev/vmbus/hv_kvp")


def test_every_setting_can_be_configured() -> None:
    settings = Settings.from_dict(
        {
            "pool_dir": "/var/db/hyperv/pool",
            "device": "/dev/kvp",
            "settle": 2,
            "drain": 0.5,
            "timeout": 60,
            "vmbus_timeout": 0,
            "lock_timeout": 1.5,
        }
    )
    assert settings == Settings(
        Path("/var/db/hyperv/pool"), Path("/dev/kvp"), 2.0, 0.5, 60.0, 0.0, 1.5
    )


def test_every_setting_is_described() -> None:
    assert Settings.__doc__ is not None
    for field in fields(Settings):
        assert f"``{field.name}``, " in Settings.__doc__


def test_an_unknown_key_is_named_with_those_that_there_are() -> None:
    with pytest.raises(KVPError) as caught:
        Settings.from_dict({"setle": 1, "settle": 1})
    assert str(caught.value).startswith("datasource: HyperVKVP: unknown: setle; ")
    assert "settle, drain, timeout" in str(caught.value)


@pytest.mark.parametrize("value", [True, "1", None, -1, float("nan"), float("inf"), 86401, [1]])
def test_a_time_is_a_number_of_seconds(value: object) -> None:
    with pytest.raises(KVPError) as caught:
        Settings.from_dict({"settle": value})
    assert str(caught.value) == (
        f"datasource: HyperVKVP: settle: expected a number of seconds, 0 to 86400, found {value!r}"
    )


@pytest.mark.parametrize("value", ["var/lib/hyperv", "", 1, None, Path("/var/lib/hyperv")])
def test_a_path_is_absolute_text(value: object) -> None:
    with pytest.raises(KVPError, match="datasource: HyperVKVP: pool_dir: expected an absolute"):
        Settings.from_dict({"pool_dir": value})
