"""Units and drop-ins: their names, their syntax, and what enabling them needs."""

from __future__ import annotations

from typing import Any

import pytest

from datasource_hyperv_kvp.ignition.validation.unit_file import (
    LINE_MAX,
    UnitSyntaxError,
    sections_with_options,
)
from tests.unit.ignition_configs import errors, unit, warnings

PLAIN = "[Service]\nExecStart=/bin/true\n"
INSTALL = "[Install]\nWantedBy=multi-user.target\n"


@pytest.mark.parametrize("kind", ["service", "socket", "device", "mount", "automount", "swap"])
@pytest.mark.parametrize("name", ["a", "", "a.b", "a@", "a@b", "ä"])
def test_a_unit_ends_in_its_type(kind: str, name: str) -> None:
    assert errors(unit(f"{name}.{kind}")) == []


@pytest.mark.parametrize("name", ["", "a", "a.", "service", "a.Service", "a.conf", "a.service "])
def test_other_names_of_units_are_errors(name: str) -> None:
    assert errors(unit(name)) == ["$.systemd.units.0.name"]


def test_a_slash_in_a_units_name_is_an_error() -> None:
    assert errors(unit("a/b.service")) == ["$.systemd.units.0.name"]


def test_drop_ins_end_in_conf() -> None:
    dropins = [{"name": "a.conf"}, {"name": "a"}, {"name": ".conf"}, {"name": ""}]
    assert errors(unit(dropins=dropins)) == [
        "$.systemd.units.0.dropins.1.name",
        "$.systemd.units.0.dropins.3.name",
    ]


def test_units_and_drop_ins_differ_in_name() -> None:
    dropins = [{"name": "a.conf"}, {"name": "a.conf"}]
    parts = {"systemd": {"units": [{"name": "a.service", "dropins": dropins}] * 2}}
    assert sorted(errors(parts)) == [
        "$.systemd.units.0.dropins.1",
        "$.systemd.units.1",
        "$.systemd.units.1.dropins.1",
    ]


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("", set()),
        ("anything\n= before [", None),
        ("anything before\n[Unit]\na=b", {"Unit"}),
        ("[Unit]", set()),
        ("[Unit]\n", set()),
        ("[Unit] \t\n", set()),
        ("[ Unit ]\na=b", {" Unit "}),
        ("[\nUnit\n]\na=b", {"\nUnit\n"}),
        ("[]\na=b\n", {""}),
        ("[A]\na=b\n[B]\n[C]\n=\n", {"A", "C"}),
        ("[A]\n a = b [B]\n", {"A"}),
        ("[A]\n [B]\n a=b\n", {"B"}),
        ("# [A]\n; [B]\n[C]\n#x\\\na=b\n", set()),
        ("# [A]\\ \n[B]\na=b\n", set()),
        ("[A]\na=b\\\n[B]\nc=d\n", {"A"}),
        ("[A]\na=b\\\n\n[B]\nc=d\n", {"A", "B"}),
        ("[A]\na=\\", {"A"}),
        ("[A]\r\na=b\\\r\n[B]\r\nc=d\r\n", {"A", "B"}),
        ("[A]\n\u00a0\u2003\x85a=b\n", {"A"}),
        ("[A]\u2003\na=b", {"A"}),
    ],
)
def test_sections_with_options(text: str, sections: set[str] | None) -> None:
    if sections is None:
        with pytest.raises(UnitSyntaxError):
            sections_with_options(text)
    else:
        assert sections_with_options(text) == sections


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[",
            "[Unit",
            "[Unit\nx=y",
            "[Unit]x",
            "[Unit] x\n",
            "[Unit]\nx",
            "[Unit]\nx\n",
            "[Unit]\nx\n=y",
        ),
        *("[Unit]\na\r=b\n", "[[x]]\n", "[Unit]\u200b\n", "[Unit]\n[Unit", "[A]\na=b\n]\n"),
    ],
)
def test_what_is_no_unit_file_is_an_error(text: str) -> None:
    assert errors(unit(contents=text)) == ["$.systemd.units.0.contents"]
    assert errors(unit(dropins=[{"name": "a.conf", "contents": text}])) == [
        "$.systemd.units.0.dropins.0.contents"
    ]


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        # The parser looks only when it begins something, and only at what its buffer holds.
        ("[A]\na=" + "x" * (LINE_MAX - 3) + "\n", True),
        ("[A]\na=" + "x" * (LINE_MAX - 2) + "\n", False),
        ("[A]\n" + "y" * LINE_MAX + "=b\n", False),
        ("[A]\n#" + "y" * LINE_MAX + "\n", False),
        ("y" * (LINE_MAX - 1), True),
        ("y" * (LINE_MAX + 1), False),
        ("[" + "y" * LINE_MAX + "]\n", False),
        ("[A]\na=b\\\n" + "x" * LINE_MAX + "\n", False),
        ("[A]\n" + "a=b\n" * 600 + "c=" + "x" * LINE_MAX + "\n", True),
    ],
)
def test_lines_have_a_greatest_length_where_the_parser_notices(text: str, valid: bool) -> None:
    assert errors(unit(contents=text)) == ([] if valid else ["$.systemd.units.0.contents"])


@pytest.mark.parametrize(
    ("fields", "warned"),
    [
        ({"enabled": True, "contents": PLAIN}, True),
        ({"enabled": True, "contents": "[Install]\n"}, True),
        ({"enabled": True, "contents": PLAIN + INSTALL}, False),
        ({"enabled": True, "contents": ""}, False),
        ({"enabled": True}, False),
        ({"enabled": False, "contents": PLAIN}, False),
        ({"contents": PLAIN}, False),
    ],
)
def test_enabling_a_unit_without_install_section_is_a_warning(
    fields: dict[str, Any], warned: bool
) -> None:
    assert warnings(unit(**fields)) == (["$.systemd.units.0.contents"] if warned else [])


@pytest.mark.parametrize(
    ("name", "contents", "warned"),
    [
        ("t@x.service", PLAIN, True),
        ("t@x@y.service", PLAIN, True),
        ("t@x.service", PLAIN + INSTALL, False),
        ("t@x.service", "", False),
        ("u@x.service", PLAIN, False),
        ("t@x.socket", PLAIN, False),
    ],
)
def test_enabling_an_instance_whose_template_has_no_install_section_is_a_warning(
    name: str, contents: str, warned: bool
) -> None:
    template = {"name": "t@.service", "contents": contents}
    units = [template, {"name": name, "enabled": True}]
    found = warnings({"systemd": {"units": units}})
    assert found == (["$.systemd.units.1.contents"] if warned else [])
