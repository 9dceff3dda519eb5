"""Which versions there are, and what an older config becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from datasource_hyperv_kvp.ignition import parse
from tests.unit.ignition_configs import config, errors, warnings


def version_errors(version: Any) -> list[str]:
    parsed = parse(json.dumps({"ignition": {"version": version}}))
    return [finding.path for finding in parsed.errors]


@pytest.mark.parametrize(
    "version",
    [
        *("3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0", "3.6.0", "03.0.0", "3.00.0"),
        *("000000000000000000000000000000003.0.0", "3.0.0-", "3.0.0+", "3.0.0-+"),
    ],
)
def test_every_spelling_of_a_known_version_is_right(version: str) -> None:
    assert version_errors(version) == []


@pytest.mark.parametrize(
    "version",
    [
        *("", "3", "3.0", "3.0.1", "3.0.0.0", "2.4.0", "4.0.0", "3.7.0", "3.7.0-experimental"),
        *("3.1.0-experimental", "3.0.0+x", "3.0.0-x", " 3.0.0", "3.0.0\n", "v3.0.0", "3.x.0"),
        *("3.-0.0", "+3.0.0", "٣.0.0", "3_0.0.0", "100000000000000000003.0.0", None),
    ],
)
def test_every_other_version_is_an_error(version: str | None) -> None:
    assert version_errors(version) == ["$.ignition.version"]


@pytest.mark.parametrize("version", [3, 3.0, True, ["3.0.0"], {}])
def test_a_version_that_is_no_string_is_an_error(version: Any) -> None:
    assert version_errors(version) == ["$.ignition.version"]


def test_a_config_without_version_is_an_error() -> None:
    for text in ("{}", '{"ignition": {}}', '{"ignition": null}', "null"):
        assert [finding.path for finding in parse(text).errors] == ["$.ignition.version"]


def test_the_advice_names_the_versions_that_are_known() -> None:
    (error,) = parse('{"ignition": {"version": "2.2.0"}}').errors
    assert '"3.0.0" to "3.6.0"' in error.message


def test_every_config_becomes_one_of_the_newest_version() -> None:
    assert config({}, minor=0).ignition.version == "3.6.0"


@pytest.mark.parametrize("kind", ["files", "directories"])
def test_special_bits_are_masked_with_a_warning_before_3_6(kind: str) -> None:
    parts = {"storage": {kind: [{"path": "/a", "mode": 0o4755}]}}
    assert warnings(parts, 5) == [f"$.storage.{kind}.0.mode"]
    assert getattr(config(parts, 5).storage, kind)[0].mode == 0o755
    assert warnings(parts, 6) == []
    assert getattr(config(parts, 6).storage, kind)[0].mode == 0o4755


@pytest.mark.parametrize(
    ("since", "parts", "path"),
    [
        (1, {"ignition": {"proxy": {}}}, "$.ignition.proxy"),
        (2, {"storage": {"luks": []}}, "$.storage.luks"),
        (
            2,
            {"passwd": {"users": [{"name": "a", "shouldExist": True}]}},
            "$.passwd.users.0.shouldExist",
        ),
        (3, {"kernelArguments": {}}, "$.kernelArguments"),
        (
            4,
            {"storage": {"luks": [{"name": "a", "device": "/d", "discard": True}]}},
            "$.storage.luks.0.discard",
        ),
        (
            5,
            {"storage": {"luks": [{"name": "a", "device": "/d", "cex": {}}]}},
            "$.storage.luks.0.cex",
        ),
    ],
)
def test_keys_of_a_later_version_are_unused(since: int, parts: dict[str, Any], path: str) -> None:
    assert warnings(parts, since) == []
    if path.startswith("$.storage.luks.0"):
        assert path in warnings(parts, since - 1)
    else:
        assert warnings(parts, since - 1) == [path]


@pytest.mark.parametrize(
    ("since", "url"), [(0, "s3://b/k"), (0, "tftp://h/f"), (2, "gs://b/o"), (4, "arn:aws:s3:::b/k")]
)
def test_schemes_come_with_versions(since: int, url: str) -> None:
    parts = {"storage": {"files": [{"path": "/a", "contents": {"source": url}}]}}
    for minor in range(7):
        expected = [] if minor >= since else ["$.storage.files.0.contents.source"]
        assert errors(parts, minor) == expected


def test_links_need_a_target_since_3_3() -> None:
    parts = {"storage": {"links": [{"path": "/a"}]}}
    assert errors(parts, 2) == []
    assert config(parts, 2).storage.links[0].target == ""
    assert errors(parts, 3) == ["$.storage.links.0.target"]


def test_sha256_comes_with_3_1() -> None:
    parts = {
        "storage": {
            "files": [
                {
                    "path": "/a",
                    "contents": {
                        "source": "data:,",
                        "verification": {"hash": "sha256-" + "0" * 64},
                    },
                }
            ]
        }
    }
    assert errors(parts, 0) == ["$.storage.files.0.contents.verification.hash"]
    assert errors(parts, 1) == []
