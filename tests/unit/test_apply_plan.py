"""The plan as text: what goes in comes out, and another version is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.apply.errors import PlanError
from datasource_hyperv_kvp.apply.plan import (
    Contents,
    Directory,
    File,
    Group,
    HostName,
    Link,
    Plan,
    User,
)

WHOLE = Plan(
    (
        Group(at="$.g", name="g", gid=0, password_hash="$6$x", should_exist=False, system=True),
        User(
            at="$.u",
            name="u",
            uid=0,
            gecos="G é",
            primary_group="p",
            groups=("a", "b"),
            home_dir="/h",
            shell="/s",
            password_hash="",
            ssh_authorized_keys=("k",),
            should_exist=False,
            system=True,
            no_create_home=True,
            no_user_group=True,
            no_log_init=True,
            default_user_rights=True,
        ),
        Directory(at="$.d", path="/d", mode=0, user="1000", group=1000, overwrite=True),
        File(
            at="$.f",
            path="/f",
            mode=0o6755,
            contents=Contents(data=b""),
            append=(Contents(data=b"\xff"), Contents(staged="/x")),
        ),
        Link(at="$.l", path="/l", target="t", hard=True),
        HostName(at="$.h"),
    )
)


def test_a_plan_is_the_same_after_its_journey() -> None:
    text = WHOLE.to_text()
    assert Plan.from_text(text) == WHOLE
    assert Plan.from_text(text).digest() == WHOLE.digest()
    assert text == json.dumps(json.loads(text), indent=1) + "\n"
    empty = Plan().to_text()
    assert empty == json.dumps(json.loads(empty), indent=1) + "\n"
    assert text.isascii()


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_contents_are_the_same_after_their_journey(data: bytes) -> None:
    contents = Contents(data=data)
    assert Contents.from_json(json.loads(json.dumps(contents.to_json()))) == contents


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ("[]", "version 1"),
        ('{"version": 2, "steps": []}', "version 1"),
        ('{"version": 1, "steps": [{"do": "dance", "at": "$"}]}', "'dance'"),
        ('{"version": 1, "steps": [{"do": "group", "at": "$"}]}', "lacks name"),
        ('{"version": 1, "steps": [{"do": "group", "at": "$", "name": "g", "x": 1}]}', "'x'"),
        ('{"version": 1, "steps": [{"do": "file", "at": "$", "path": "/", "mode": 7}]}', "octal"),
        (
            '{"version": 1, "steps": [{"do": "file", "at": "$", "path": "/", '
            '"contents": {"a": 1}}]}',
            "neither",
        ),
        (
            '{"version": 1, "steps": [{"do": "file", "at": "$", "path": "/", '
            '"contents": {"base64": "!"}}]}',
            "base64",
        ),
    ],
)
def test_what_is_no_plan_of_this_version_is_refused(text: str, reason: str) -> None:
    with pytest.raises(PlanError, match=reason):
        Plan.from_text(text)


def test_a_step_prints_no_secret() -> None:
    assert "$6$x" not in repr(WHOLE)
    assert not any("$6$x" in step.key for step in WHOLE.steps)
