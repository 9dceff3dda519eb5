"""From text to values: JSON as Ignition reads it, and where a finding stands."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.ignition import parse
from datasource_hyperv_kvp.ignition.diagnosis import diagnose
from datasource_hyperv_kvp.ignition.scanner import MAX_DEPTH, JSONSyntaxError, Node, scan
from tests.differential.config_texts import Odds, config_text
from tests.unit.ignition_configs import document

VERSION = '"ignition": {"version": "3.6.0"}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "{",
        "[]",
        "null",
        '"x"',
        "{" + VERSION,
        "{" + VERSION + "} x",
        "{" + VERSION + "}{}",
        "{" + VERSION + ",}",
        "\ufeff{" + VERSION + "}",
        "{" + VERSION + ', "x": NaN}',
        "{" + VERSION + ', "x": -Infinity}',
        "{" + VERSION + ', "x": 01}',
        "{" + VERSION + ', "x": +1}',
        "{" + VERSION + ', "x": 1.}',
        "{" + VERSION + ', "x": "\n"}',
        "{" + VERSION + ', "x": "\\x41"}',
        "{" + VERSION + ", 'x': 1}",
        "{" + VERSION + ', "x": [1,]}',
        "{" + VERSION + ', "x" 1}',
        "// comment\n{" + VERSION + "}",
        "{" + VERSION + ', "x": tru}',
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    assert len(parse(text).errors) == 1


@pytest.mark.parametrize("blank", [" ", "\n", "\r\n", "\t"])
def test_blanks_may_stand_around_everything(blank: str) -> None:
    text = blank.join(["", "{", '"ignition"', ":", "{", '"version"', ":", '"3.0.0"', "}", "}", ""])
    assert parse(text).errors == ()


def test_a_syntax_error_tells_line_and_column() -> None:
    (error,) = parse('{\n  "ignition": {"version": "3.6.0",}\n}').errors
    assert (error.path, error.line, error.column) == ("$", 2, 35)
    assert "key" in error.message


def test_an_early_end_is_placed_at_the_end() -> None:
    (error,) = parse("{\n").errors
    assert (error.line, error.column) == (2, 1)


def test_bytes_and_text_mean_the_same() -> None:
    text = "{" + VERSION + ', "passwd": {"users": [{"name": "ä"}]}}'
    assert parse(text) == parse(text.encode())


def test_bytes_that_are_no_utf8_become_one_replacement_each() -> None:
    parsed = parse(
        b'{"ignition": {"version": "3.6.0"}, "passwd": {"users": [{"name": "\xff\xe2\x82a"}]}}'
    )
    assert parsed.config is not None
    assert parsed.config.passwd.users[0].name == "\ufffd\ufffd\ufffda"


def test_bytes_that_are_no_utf8_are_no_json_outside_strings() -> None:
    assert parse(b'{"ignition": {"version": "3.6.0"}\xff}').errors


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d", "\ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\ud83d\u0041", "\ufffdA"),
        (r"\\ud83d", r"\ud83d"),
        (r"\/\b\f\n\r\t\"", '/\b\f\n\r\t"'),
        (r"\u00E4", "ä"),
    ],
)
def test_escapes_and_lone_surrogates(written: str, meant: str) -> None:
    parsed = parse(document(f'"passwd": {{"users": [{{"name": "{written}"}}]}}'))
    assert parsed.config is not None
    assert parsed.config.passwd.users[0].name == meant


def test_lone_surrogates_in_a_python_string_are_bytes_that_are_no_utf8() -> None:
    parsed = parse(document('"passwd": {"users": [{"name": "\ud800"}]}'))
    assert parsed.config is not None
    assert parsed.config.passwd.users[0].name == "\ufffd\ufffd\ufffd"


@pytest.mark.parametrize(("levels", "valid"), [(MAX_DEPTH - 1, True), (MAX_DEPTH, False)])
def test_nesting_is_bounded_by_number_and_not_by_the_stack(levels: int, valid: bool) -> None:
    text = document('"x": ' + "[" * levels + "]" * levels)
    assert bool(parse(text).errors) is not valid


def test_nesting_in_a_known_field_is_a_wrong_type_and_no_more() -> None:
    (error,) = parse(document('"passwd": {"users": [' + "[" * 5000 + "]" * 5000 + "]}")).errors
    assert error.path == "$.passwd.users.0"


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "1" * 5000, "9223372036854775808", "1e400"])
def test_huge_numbers_are_wrong_where_they_count_and_harmless_elsewhere(number: str) -> None:
    users = f'"passwd": {{"users": [{{"name": "a", "KEY": {number}}}]}}'
    (error,) = parse(document(users.replace("KEY", "uid"))).errors
    assert error.path == "$.passwd.users.0.uid"
    assert parse(document(users.replace("KEY", "unknown"))).errors == ()


def test_the_widest_integers_are_right() -> None:
    for number in (2**63 - 1, -(2**63)):
        parsed = parse(document(f'"passwd": {{"users": [{{"name": "a", "uid": {number}}}]}}'))
        assert parsed.config is not None
        assert parsed.config.passwd.users[0].uid == number


def test_columns_count_bytes_from_one() -> None:
    text = document('"passwd": {"é": 1}, "storage": {"files": [{"path": "x"}]}')
    (error,) = parse(text).errors
    assert (error.line, error.column) == (1, text.encode().index(b'"x"') + 1)


def test_a_missing_field_is_placed_at_what_should_contain_it() -> None:
    (error,) = parse(document('\n"storage":\n{"files": [{"mode": 420}]}')).errors
    assert (error.path, error.line, error.column) == ("$.storage.files.0.path", 3, 12)


def test_an_unused_key_is_placed_at_the_key() -> None:
    (warning,) = parse(document('\n  "a": 1')).warnings
    assert (warning.path, warning.line, warning.column) == ("$.a", 2, 3)


def test_findings_come_in_the_order_of_the_text() -> None:
    text = document('"storage": {"links": [{"path": "a"}], "files": [{"path": "b", "mode": -1}]}')
    places = [(error.path, error.column) for error in parse(text).errors]
    assert [path for path, _ in places] == [
        "$.storage.links.0.target",
        "$.storage.links.0.path",
        "$.storage.files.0.path",
        "$.storage.files.0.mode",
    ]
    assert [column for _, column in places] == sorted(column for _, column in places)


def test_the_scanner_tells_where_json_ends_being_json() -> None:
    with pytest.raises(JSONSyntaxError) as raised:
        scan(b'{"a": [1, 2}')
    assert raised.value.offset == 11


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    ),
    indent=st.none() | st.integers(0, 2),
    ascii_only=st.booleans(),
)
def test_the_scanner_reads_what_python_writes(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    def plain(node: Node) -> Any:
        if node.kind == "object":
            return {member.key: plain(member.node) for member in node.value}
        return [plain(item) for item in node.value] if node.kind == "array" else node.value

    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert plain(scan(text.encode())) == value


@pytest.mark.parametrize("minor", range(7))
def test_reading_with_care_comes_to_the_same_config(minor: int) -> None:
    """A config without any finding takes a short way; the long one must lead to the same place."""
    flawless = 0
    for number in range(150):
        text = config_text(random.Random(f"{minor}/{number}"), minor, Odds(bad=0, null=0, syntax=0))
        short = parse(text)
        assert short == diagnose(text), text
        flawless += short.config is not None
    assert flawless > 5


def test_many_findings_do_not_take_quadratic_time() -> None:
    keys = ", ".join(f'"unknown{number}": {number}' for number in range(20_000))
    assert len(parse(document(keys)).warnings) == 20_000
