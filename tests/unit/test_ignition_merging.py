"""Merging a child config into its parent, list by list."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.ignition import merge, needs_network, parse, validate_merged
from datasource_hyperv_kvp.ignition.config import Config, HTTPHeader
from tests.unit.ignition_configs import config


def merged(parent: dict[str, Any], child: dict[str, Any], minor: int = 6) -> Config:
    return merge(config(parent, minor), config(child, minor))


def files(*items: dict[str, Any]) -> dict[str, Any]:
    return {"storage": {"files": list(items)}}


def test_merging_with_an_empty_config_changes_nothing() -> None:
    one = config({**files({"path": "/a", "mode": 1}), "passwd": {"users": [{"name": "u"}]}})
    empty = config({})
    assert merge(one, empty) == one
    assert merge(empty, one) == one


def test_scalars_are_the_childs_if_it_sets_them() -> None:
    result = merged(
        files({"path": "/a", "mode": 1, "overwrite": False, "user": {"id": 1}}),
        files({"path": "/a", "mode": 2, "user": {"name": ""}}),
    )
    (file,) = result.storage.files
    assert (file.mode, file.overwrite, file.user.id, file.user.name) == (2, False, 1, "")


def test_the_parents_order_comes_first_then_what_is_new() -> None:
    result = merged(files({"path": "/a"}, {"path": "/b"}), files({"path": "/c"}, {"path": "/a"}))
    assert [file.path for file in result.storage.files] == ["/a", "/b", "/c"]


def test_a_source_of_the_child_keeps_the_parents_hash_and_compression() -> None:
    value = "sha512-" + "0" * 128
    result = merged(
        files(
            {
                "path": "/a",
                "contents": {
                    "source": "http://p",
                    "compression": "gzip",
                    "verification": {"hash": value},
                },
            }
        ),
        files({"path": "/a", "contents": {"source": "http://c"}}),
    )
    contents = result.storage.files[0].contents
    assert (contents.source, contents.compression, contents.verification_hash) == (
        "http://c",
        "gzip",
        value,
    )


def test_what_is_appended_adds_up_doubles_and_all() -> None:
    item = files({"path": "/a", "append": [{"source": "data:,x"}]})
    assert len(merged(item, item).storage.files[0].append) == 2


def test_a_path_in_another_list_of_the_child_leaves_the_parents() -> None:
    result = merged(
        files({"path": "/a"}, {"path": "/b"}),
        {"storage": {"links": [{"path": "/a", "target": "x"}], "directories": [{"path": "/c"}]}},
    )
    assert [file.path for file in result.storage.files] == ["/b"]
    assert [link.path for link in result.storage.links] == ["/a"]


def test_kernel_arguments_move_between_their_lists() -> None:
    result = merged(
        {"kernelArguments": {"shouldExist": ["a", "b"], "shouldNotExist": ["c"]}},
        {"kernelArguments": {"shouldExist": ["c", "d"], "shouldNotExist": ["a"]}},
    )
    assert result.kernel_arguments.should_exist == ("b", "c", "d")
    assert result.kernel_arguments.should_not_exist == ("a",)


def test_lists_of_strings_are_a_union() -> None:
    result = merged(
        {"passwd": {"users": [{"name": "u", "groups": ["a", "b"], "sshAuthorizedKeys": ["k"]}]}},
        {"passwd": {"users": [{"name": "u", "groups": ["c", "a"]}]}},
    )
    (user,) = result.passwd.users
    assert user.groups == ("a", "b", "c")
    assert user.ssh_authorized_keys == ("k",)


def test_a_header_without_value_removes_the_parents() -> None:
    def contents(*headers: dict[str, str]) -> dict[str, Any]:
        return files(
            {"path": "/a", "contents": {"source": "http://h", "httpHeaders": list(headers)}}
        )

    result = merged(
        contents({"name": "a", "value": "1"}, {"name": "b", "value": "2"}),
        contents({"name": "a"}, {"name": "b", "value": "3"}, {"name": "c"}),
    )
    assert result.storage.files[0].contents.http_headers == (HTTPHeader("b", "3"), HTTPHeader("c"))


def test_units_and_drop_ins_merge_by_name() -> None:
    result = merged(
        {
            "systemd": {
                "units": [
                    {
                        "name": "a.service",
                        "enabled": True,
                        "dropins": [{"name": "x.conf", "contents": "# 1"}],
                    }
                ]
            }
        },
        {
            "systemd": {
                "units": [
                    {
                        "name": "a.service",
                        "dropins": [{"name": "y.conf"}, {"name": "x.conf", "contents": "# 2"}],
                    }
                ]
            }
        },
    )
    (unit,) = result.systemd.units
    assert unit.enabled
    assert [(dropin.name, dropin.contents) for dropin in unit.dropins] == [
        ("x.conf", "# 2"),
        ("y.conf", None),
    ]


def test_partitions_merge_by_number_or_label() -> None:
    def disk(*partitions: dict[str, Any]) -> dict[str, Any]:
        return {"storage": {"disks": [{"device": "/d", "partitions": list(partitions)}]}}

    result = merged(
        disk({"number": 1, "label": "a"}, {"label": "b", "sizeMiB": 5}),
        disk({"label": "a"}, {"label": "b", "sizeMiB": 6}, {"number": 1, "sizeMiB": 7}),
    )
    found = [
        (each.number, each.label, each.size_mib) for each in result.storage.disks[0].partitions
    ]
    assert found == [(1, "a", 7), (0, "b", 6), (0, "a", None)]


def test_options_are_joined_where_order_counts() -> None:
    def both(value: str) -> dict[str, Any]:
        return {
            "storage": {
                "filesystems": [
                    {"device": "/d", "format": "xfs", "options": [value], "mountOptions": [value]}
                ],
                "raid": [{"name": "r", "level": "1", "devices": ["/a"], "options": [value]}],
                "luks": [{"name": "l", "device": "/d", "options": [value], "openOptions": [value]}],
            }
        }

    storage = merged(both("x"), both("x")).storage
    assert storage.filesystems[0].options == storage.filesystems[0].mount_options == ("x", "x")
    assert storage.raid[0].options == storage.luks[0].options == ("x", "x")
    assert storage.luks[0].open_options == ("x",)


def test_an_owner_by_id_and_by_name_is_found_after_the_merge() -> None:
    result = merged(
        files({"path": "/a", "user": {"id": 1}}), files({"path": "/a", "user": {"name": "u"}})
    )
    (finding,) = validate_merged(result)
    assert (finding.path, finding.line) == ("$.storage.files.0.user", 0)


def test_special_bits_of_an_older_parent_are_gone_before_merging() -> None:
    parent = config(files({"path": "/a", "mode": 0o4755}), 5)
    child = config(files({"path": "/a", "user": {"id": 0}}), 6)
    assert merge(parent, child).storage.files[0].mode == 0o755


@given(
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.lists(st.sampled_from("abcdef"), unique=True),
)
def test_no_key_is_doubled_or_lost(old: list[str], new: list[str]) -> None:
    def users(names: list[str]) -> Config:
        items = [{"name": name} for name in names]
        parsed = parse(json.dumps({"ignition": {"version": "3.6.0"}, "passwd": {"users": items}}))
        assert parsed.config is not None
        return parsed.config

    names = [user.name for user in merge(users(old), users(new)).passwd.users]
    assert names == old + [name for name in new if name not in old]


def test_the_network_is_needed_for_everything_but_data() -> None:
    assert not needs_network(config({}))
    assert not needs_network(config(files({"path": "/a", "contents": {"source": "data:,x"}})))
    assert not needs_network(config(files({"path": "/a", "contents": {"source": ""}})))
    assert needs_network(config(files({"path": "/a", "append": [{"source": "tftp://h/f"}]})))
    assert needs_network(config({"ignition": {"config": {"merge": [{"source": "http://h"}]}}}))
    assert needs_network(config({"ignition": {"config": {"replace": {"source": "http://h"}}}}))
    authorities = {"tls": {"certificateAuthorities": [{"source": "https://h"}]}}
    assert needs_network(config({"ignition": {"security": authorities}}))


def test_the_network_is_needed_for_tang_without_advertisement_and_where_clevis_says_so() -> None:
    def luks(**clevis: Any) -> Config:
        return config({"storage": {"luks": [{"name": "l", "device": "/d", "clevis": clevis}]}})

    tang = {"url": "http://t", "thumbprint": "x"}
    assert needs_network(luks(tang=[tang]))
    assert not needs_network(luks(tang=[{**tang, "advertisement": "{}"}]))
    assert needs_network(luks(custom={"pin": "p", "config": "{}", "needsNetwork": True}))
    assert not needs_network(luks(custom={"pin": "p", "config": "{}"}))
