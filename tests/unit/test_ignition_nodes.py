"""Files, directories and links: paths, modes, owners, and what excludes each other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ignition_configs import errors, file, warnings


def nodes(**lists: list[dict[str, Any]]) -> dict[str, Any]:
    return {"storage": lists}


@pytest.mark.parametrize("path", ["/", "/a", "/a/b.c", "/...", "/.a", "/a b", "/ä", "/a\n"])
def test_paths_are_absolute_and_simple(path: str) -> None:
    assert errors(file(path)) == []


@pytest.mark.parametrize(
    "path",
    ["", "a", "./a", "/a/", "//a", "/a//b", "/a/.", "/a/..", "/./a", "/../a", "//", "/.", "/.."],
)
def test_other_paths_are_errors(path: str) -> None:
    for kind in ("files", "directories"):
        assert errors(nodes(**{kind: [{"path": path}]})) == [f"$.storage.{kind}.0.path"]
    assert errors(nodes(links=[{"path": path, "target": "x"}])) == ["$.storage.links.0.path"]


@pytest.mark.parametrize(
    ("mode", "valid"), [(0, True), (0o7777, True), (-1, False), (0o10000, False)]
)
def test_modes_have_twelve_bits(mode: int, valid: bool) -> None:
    assert errors(file(mode=mode)) == ([] if valid else ["$.storage.files.0.mode"])


def test_an_owner_has_an_id_or_a_name() -> None:
    both = {"id": 0, "name": "root"}
    assert errors(file(user=both, group=both)) == [
        "$.storage.files.0.user",
        "$.storage.files.0.group",
    ]
    assert errors(file(user={"id": 0, "name": ""})) == []


def test_files_directories_and_links_share_their_paths() -> None:
    same = {"path": "/a", "target": "b"}
    parts = nodes(
        files=[{"path": "/a"}, {"path": "/b"}], directories=[{"path": "/a"}], links=[same]
    )
    assert sorted(errors(parts)) == ["$.storage.files.0", "$.storage.links.0"]


def test_nothing_may_lie_below_a_link() -> None:
    link = {"path": "/a", "target": "/x"}
    parts = nodes(
        files=[{"path": "/a/f"}, {"path": "/ab"}],
        directories=[{"path": "/a/d/e"}],
        links=[link, {"path": "/a/l", "target": "x"}],
    )
    assert sorted(errors(parts)) == [
        "$.storage.directories.0",
        "$.storage.files.0",
        "$.storage.links.1",
    ]


def test_every_link_above_counts() -> None:
    links = [{"path": "/a", "target": "x"}, {"path": "/a/b", "target": "x"}]
    parts = nodes(files=[{"path": "/a/b/c"}], links=links)
    assert sorted(errors(parts)) == ["$.storage.files.0", "$.storage.files.0", "$.storage.links.1"]


def test_a_file_above_passes() -> None:
    assert errors(nodes(files=[{"path": "/a"}, {"path": "/a/b"}])) == []


@pytest.mark.parametrize("target", ["/d", "/d/", "/x/../d", "../d"])
def test_a_hard_link_cannot_lead_to_a_directory_of_the_config(target: str) -> None:
    link = {"path": "/l", "target": target, "hard": True}
    assert errors(nodes(directories=[{"path": "/d"}], links=[link])) == ["$.storage.links.0"]
    assert errors(nodes(directories=[{"path": "/d"}], links=[{**link, "hard": False}])) == []


def test_a_relative_target_of_a_hard_link_starts_at_the_link_itself() -> None:
    link = {"path": "/l", "target": "d", "hard": True}
    assert errors(nodes(directories=[{"path": "/l/d"}], links=[link])) == [
        "$.storage.directories.0",
        "$.storage.links.0",
    ]


def test_owners_of_a_hard_link_are_ignored_with_warnings() -> None:
    link = {"path": "/l", "target": "/x", "hard": True, "user": {"id": 0}, "group": {"name": ""}}
    assert warnings(nodes(links=[link])) == [
        "$.storage.links.0.user.id",
        "$.storage.links.0.group.name",
    ]
    assert warnings(nodes(links=[{**link, "hard": False}])) == []


@pytest.mark.parametrize(
    "path", ["/etc/systemd/system/a.service", "/etc/systemd/system/a.service.d/x.conf"]
)
def test_no_node_may_stand_where_a_unit_or_drop_in_is_written(path: str) -> None:
    unit = {
        "name": "a.service",
        "contents": "# x",
        "dropins": [{"name": "x.conf", "contents": "# x"}],
    }
    parts = {**file(path), "systemd": {"units": [unit]}}
    assert errors(parts) == ["$.storage.files.0.path"]


def test_a_unit_without_contents_is_not_written() -> None:
    unit = {"name": "a.service", "contents": "", "dropins": [{"name": "x.conf"}]}
    assert errors({**file("/etc/systemd/system/a.service"), "systemd": {"units": [unit]}}) == []
