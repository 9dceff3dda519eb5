"""Types, nulls, doubled keys and unknown ones; and the schemas behind all of it."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasource_hyperv_kvp.ignition import parse
from datasource_hyperv_kvp.ignition.decoding import Decoder
from datasource_hyperv_kvp.ignition.scanner import scan
from datasource_hyperv_kvp.ignition.shape import compile_shape, schema_of, shape_of
from tests.differential.config_texts import Odds, config_text
from tests.unit.ignition_configs import config, document, errors, file, result, warnings

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("wrong", ["420", 420.0, True, [], {}])
def test_integers_have_no_fraction_and_no_other_type(wrong: Any) -> None:
    assert errors(file(mode=wrong)) == ["$.storage.files.0.mode"]


def test_an_integer_written_with_an_exponent_is_an_error() -> None:
    (error,) = parse(document('"storage": {"files": [{"path": "/a", "mode": 4e2}]}')).errors
    assert error.path == "$.storage.files.0.mode"
    assert "420" in error.message


@pytest.mark.parametrize("wrong", ["true", 1, 0, [], {}])
def test_booleans_have_no_other_type(wrong: Any) -> None:
    assert errors(file(overwrite=wrong)) == ["$.storage.files.0.overwrite"]


@pytest.mark.parametrize("wrong", ["x", 1, True, {}])
def test_lists_have_no_other_type(wrong: Any) -> None:
    assert errors({"storage": {"files": wrong}}) == ["$.storage.files"]


@pytest.mark.parametrize("wrong", ["x", 1, True, []])
def test_objects_have_no_other_type(wrong: Any) -> None:
    assert errors({"storage": wrong}) == ["$.storage"]
    assert errors({"storage": {"files": [wrong]}}) == ["$.storage.files.0"]


def test_all_wrong_types_are_found_at_once_with_what_else_is_wrong() -> None:
    parts = {
        "storage": {
            "files": [{"path": 1}, {"path": "/b", "mode": "0644"}, {"path": "c"}],
            "links": "x",
        },
        "unknown": 1,
    }
    found = result(parts)
    assert [finding.path for finding in found.errors] == [
        "$.storage.files.0.path",
        "$.storage.files.1.mode",
        "$.storage.files.2.path",
        "$.storage.links",
    ]
    assert [finding.path for finding in found.warnings] == ["$.unknown"]


def test_a_wrong_type_does_not_cause_other_findings() -> None:
    assert errors(file(overwrite=True, contents={"source": 5})) == [
        "$.storage.files.0.contents.source"
    ]


def test_null_is_accepted_for_every_scalar_and_list() -> None:
    parts = {
        "storage": {"files": [{"path": "/a", "mode": None, "append": None}], "links": None},
        "passwd": {"users": [{"name": "a", "groups": None, "uid": None}]},
    }
    assert warnings(parts) == []
    assert config(parts).storage.files[0].mode is None


def test_null_for_an_object_sets_nothing_and_warns() -> None:
    assert warnings({"storage": None, "passwd": {"users": [{"name": "a"}]}}) == ["$.storage"]
    assert warnings(file(contents=None, user=None)) == [
        "$.storage.files.0.contents",
        "$.storage.files.0.user",
    ]


def test_null_for_clevis_is_the_same_as_leaving_it_out_in_3_2_alone() -> None:
    path = "$.storage.luks.0.clevis"
    for clevis, place in ((None, path), ({"custom": None}, f"{path}.custom")):
        parts = {"storage": {"luks": [{"name": "a", "device": "/a", "clevis": clevis}]}}
        assert warnings(parts, 2) == []
        assert warnings(parts, 3) == [place]


def test_null_in_a_list_is_an_empty_item() -> None:
    assert config({"passwd": {"users": [{"name": "a", "groups": [None]}]}}).passwd.users[
        0
    ].groups == ("",)
    found = result({"storage": {"files": [None]}})
    assert [finding.path for finding in found.errors] == ["$.storage.files.0.path"]
    assert [finding.path for finding in found.warnings] == ["$.storage.files.0"]


@pytest.mark.parametrize("key", ["Path", "PATH", "pAtH"])
def test_keys_match_in_any_case_and_still_warn(key: str) -> None:
    parsed = parse(document(f'"storage": {{"files": [{{"{key}": "/a"}}]}}'))
    assert parsed.config is not None
    assert parsed.config.storage.files[0].path == "/a"
    assert [finding.path for finding in parsed.warnings] == [f"$.storage.files.0.{key}"]


def test_two_letters_beyond_ascii_match_too() -> None:
    parsed = parse(document('"ſtorage": {"linKs": [{"path": "/a", "target": "b"}]}'))
    assert parsed.config is not None
    assert parsed.config.storage.links[0].path == "/a"


def test_unused_keys_are_not_searched_below_a_key_in_another_case() -> None:
    assert warnings({"Storage": {"files": [{"path": "/a", "foo": 1}]}}) == ["$.Storage"]


def test_of_doubled_keys_the_last_wins() -> None:
    text = document('"storage": {"files": [{"path": "/a", "mode": 1, "path": "/b", "MODE": 2}]}')
    parsed = parse(text)
    assert parsed.config is not None
    (found,) = parsed.config.storage.files
    assert (found.path, found.mode) == ("/b", 2)


def test_doubled_objects_merge() -> None:
    text = document('"passwd": {"users": [{"name": "a"}]}, "passwd": {"groups": [{"name": "b"}]}')
    parsed = parse(text)
    assert parsed.config is not None
    assert len(parsed.config.passwd.users) == len(parsed.config.passwd.groups) == 1


def test_doubled_lists_merge_item_by_item_in_place() -> None:
    text = document(
        '"storage": {"files": [{"path": "/a", "mode": 1}, {"path": "/b"}], "files": [{"mode": 2}]}'
    )
    parsed = parse(text)
    assert parsed.config is not None
    assert [(each.path, each.mode) for each in parsed.config.storage.files] == [("/a", 2)]


def test_items_hidden_by_a_shorter_doubled_list_come_back_with_a_longer_one() -> None:
    lists = (
        '"files": [{"path": "/a"}, {"path": "/b"}], "files": [{}], "files": [{"path": "/c"}, {}]'
    )
    parsed = parse(document(f'"storage": {{{lists}}}'))
    assert parsed.config is not None
    assert [each.path for each in parsed.config.storage.files] == ["/c", "/b"]


def test_an_empty_or_null_doubled_list_begins_anew() -> None:
    for between in ("[]", "null"):
        first, last = '"files": [{"path": "/a", "mode": 1}]', '"files": [{"path": "/b"}]'
        lists = f'{first}, "files": {between}, {last}'
        parsed = parse(document(f'"storage": {{{lists}}}'))
        assert parsed.config is not None
        assert [(each.path, each.mode) for each in parsed.config.storage.files] == [("/b", None)]


def test_null_after_a_value_unsets_what_can_be_unset() -> None:
    text = document('"storage": {"files": [{"path": "/a", "path": null, "mode": 1, "mode": null}]}')
    parsed = parse(text)
    assert parsed.config is not None
    (found,) = parsed.config.storage.files
    assert (found.path, found.mode) == ("/a", None)


def test_a_wrong_type_that_a_doubled_key_overrides_is_still_an_error() -> None:
    (error,) = parse(document('"storage": {"files": [{"path": 1, "path": "/a"}]}')).errors
    assert error.path == "$.storage.files.0.path"


def test_unused_keys_are_warned_of_at_every_level() -> None:
    parts = {**file(a=1, contents={"b": 2}), "c": {"d": 3}}
    assert sorted(warnings(parts)) == ["$.c", "$.storage.files.0.a", "$.storage.files.0.contents.b"]


@pytest.mark.parametrize("minor", range(7))
def test_the_schemas_are_right_and_use_only_what_the_quick_check_knows(minor: int) -> None:
    jsonschema.Draft4Validator.check_schema(schema_of(minor))
    assert shape_of(minor).type == "object"


def test_a_schema_with_another_keyword_is_not_checked_half() -> None:
    with pytest.raises(ValueError, match="pattern"):
        compile_shape({"type": ["string", "null"], "pattern": "x"}, {})


@pytest.mark.parametrize("minor", range(7))
def test_the_quick_check_agrees_with_the_schema_library(minor: int) -> None:
    """On whole random configs: what the library refuses, decoding notes, and nothing else."""
    validator = jsonschema.Draft4Validator(schema_of(minor))
    plain = Odds(double=0, case=0, syntax=0, wrong=0.02, bad=0.1)
    for number in range(60):
        text = config_text(random.Random(f"{minor}/{number}"), minor, plain)
        values = json.loads(text)
        if shape_of(minor).fits(values):
            assert validator.is_valid(values), text
        decoder = Decoder()
        decoder.decode(scan(text), shape_of(minor))
        paths = {tuple(misfit.path) for misfit in decoder.misfits}
        assert paths == {tuple(error.absolute_path) for error in validator.iter_errors(values)}, (
            text
        )


@settings(max_examples=300, deadline=None)
@given(value=ANYTHING, place=st.sampled_from(["storage", "files", "file", "mode", "owner"]))
def test_any_value_anywhere_gets_a_verdict(value: Any, place: str) -> None:
    parts = {
        "storage": {"storage": value},
        "files": {"storage": {"files": value}},
        "file": {"storage": {"files": [value]}},
        "mode": file(mode=value),
        "owner": file(user=value),
    }[place]
    found = result(parts)
    assert (found.config is None) == bool(found.errors)
