"""An Ignition config as cloud-config: pure, readable, complete or refused with every reason."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from datasource_hyperv_kvp.apply.plan import Contents, File, Plan
from datasource_hyperv_kvp.cloudconfig import (
    RefusedError,
    configures_network,
    plan,
    render,
    to_yaml,
)
from datasource_hyperv_kvp.ignition import parse
from datasource_hyperv_kvp.ignition.config import Config, Resource

PROGRAM = ["true"]


def config(document: dict[str, Any]) -> Config:
    """A config of the newest version; it is valid."""
    document = {"ignition": {"version": "3.6.0"}, **document}
    result = parse(json.dumps(document))
    assert result.config is not None, result.errors
    return result.config


def with_file(path: str = "/opt/f", **file: Any) -> Config:
    return config({"storage": {"files": [{"path": path, **file}]}})


def plan_in(cloud_config: dict[str, Any]) -> Any:
    """The plan that the script holds."""
    script = cloud_config["bootcmd"][0]
    text = script.partition("plan.json\" <<'END_OF_IGNITION_FILE'\n")[2]
    return json.loads(text.partition("END_OF_IGNITION_FILE\n")[0])


def refusals(document: Config) -> dict[str, str]:
    with pytest.raises(RefusedError) as caught:
        render(document)
    return {refusal.path: refusal.message for refusal in caught.value.refusals}


def test_the_same_config_gives_the_same_cloud_config() -> None:
    document = with_file(contents={"source": "data:,x"})
    assert render(document) == render(document)
    assert to_yaml(render(document)) == to_yaml(render(document))


def test_a_config_that_wants_nothing_runs_nothing() -> None:
    assert render(config({})) == {"users": []}
    assert render(config({}), default_user=True) == {}


@pytest.mark.parametrize("program", [None, PROGRAM])
def test_the_text_is_yaml_of_the_same_cloud_config(program: list[str] | None) -> None:
    awkward = "tab\t blank \n: - #'\"%{}[]\n\n  indented\n\\n é \u2028 \U0001f600 no end"
    source = "data:;base64," + base64.b64encode(awkward.encode()).decode()
    document = with_file(contents={"source": source}, append=[{"source": "data:,%00%01"}])
    cloud_config = render(document, program=program)
    text = to_yaml(cloud_config)
    assert text.startswith("#cloud-config\n")
    assert text.isascii()
    assert yaml.safe_load(text) == cloud_config
    file = Plan.from_text(json.dumps(plan_in(cloud_config))).steps[0]
    assert isinstance(file, File)
    assert file.contents == Contents(data=awkward.encode())
    assert file.append == (Contents(data=b"\0\1"),)


def test_text_stands_readable_in_the_plan_and_binary_data_as_base64() -> None:
    document = config(
        {
            "storage": {
                "files": [
                    {"path": "/opt/a", "contents": {"source": "data:,one%0Atwo%0A"}, "mode": 493},
                    {"path": "/opt/b", "contents": {"source": "data:;base64,gA=="}},
                ]
            }
        }
    )
    first, second = plan_in(render(document))["steps"][:2]
    assert first == {
        "do": "file",
        "at": "$.storage.files.0",
        "path": "/opt/a",
        "mode": "0755",
        "contents": {"text": ["one\n", "two\n"]},
    }
    assert second["contents"] == {"base64": "gA=="}


def test_steps_stand_in_ignitions_order() -> None:
    document = config(
        {
            "storage": {
                "links": [
                    {"path": "/a/hard", "target": "/a/b/c", "hard": True},
                    {"path": "/a/soft", "target": "x"},
                ],
                "files": [{"path": "/a/b/c"}, {"path": "/z"}],
                "directories": [{"path": "/a/b"}],
            },
            "passwd": {"users": [{"name": "u"}], "groups": [{"name": "g"}]},
        }
    )
    keys = [step.key for step in plan(document).steps if not step.KIND.startswith("relabel")]
    assert keys[:7] == [
        "group g",
        "user u",
        "file /z",
        "directory /a/b",
        "link /a/soft",
        "file /a/b/c",
        "link /a/hard",
    ]


def test_contents_are_decompressed_and_verified() -> None:
    data = b"some contents\n"
    packed = base64.b64encode(gzip.compress(data, mtime=0)).decode()
    good = {"hash": "sha256-" + hashlib.sha256(data).hexdigest()}
    document = with_file(
        contents={
            "source": f"data:;base64,{packed}",
            "compression": "gzip",
            "verification": good,
        }
    )
    assert plan_in(render(document))["steps"][0]["contents"] == {"text": data.decode()}
    bad = {"hash": "sha512-" + hashlib.sha512(b"other").hexdigest()}
    wrong = with_file(contents={"source": "data:,x", "verification": bad})
    assert "hash" in refusals(wrong)["$.storage.files.0.contents"]
    no_gzip = with_file(contents={"source": "data:,x", "compression": "gzip"})
    assert "gzip" in refusals(no_gzip)["$.storage.files.0.contents"]


def test_fetched_contents_come_from_their_files() -> None:
    document = with_file(contents={"source": "https://example.com/f"})
    resource = document.storage.files[0].contents
    staged = {resource: "/var/lib/cloud/staged/0"}
    contents = plan_in(render(document, staged=staged))["steps"][0]["contents"]
    assert contents == {"staged": "/var/lib/cloud/staged/0"}
    assert "only the guest" in refusals(document)["$.storage.files.0.contents.source"]
    assert Resource(source="https://example.com/g") not in staged


def test_everything_that_cannot_be_is_refused_at_once() -> None:
    document = config(
        {
            "ignition": {
                "version": "3.6.0",
                "config": {"merge": [{"source": "https://example.com/c"}]},
            },
            "passwd": {
                "users": [
                    {"name": "root", "shouldExist": False},
                    {"name": "a b", "passwordHash": "x:y", "shell": "/bin/sh\n", "homeDir": "home"},
                    {"name": "-x", "gecos": "a:b"},
                ],
                "groups": [{"name": "root", "shouldExist": False}, {"name": ""}],
            },
            "storage": {
                "disks": [{"device": "/dev/sdb"}],
                "filesystems": [{"device": "/dev/sdb", "format": "ext4"}],
                "raid": [{"name": "r", "level": "raid1", "devices": ["/dev/sdb"]}],
                "luks": [{"name": "l", "device": "/dev/sdc"}],
                "files": [{"path": "/run/x"}, {"path": "/tmp/y"}],
                "directories": [{"path": "/proc/x"}, {"path": "/sys"}],
                "links": [{"path": "/dev/x", "target": "y"}],
            },
        }
    )
    assert set(refusals(document)) >= {
        "$.ignition.config.merge.0",
        "$.passwd.users.0.shouldExist",
        "$.passwd.users.1.name",
        "$.passwd.users.1.passwordHash",
        "$.passwd.users.1.shell",
        "$.passwd.users.1.homeDir",
        "$.passwd.users.2.name",
        "$.passwd.users.2.gecos",
        "$.passwd.groups.0.shouldExist",
        "$.passwd.groups.1.name",
        "$.storage.disks.0",
        "$.storage.filesystems.0",
        "$.storage.raid.0",
        "$.storage.luks.0",
        "$.storage.files.0.path",
        "$.storage.files.1.path",
        "$.storage.directories.0.path",
        "$.storage.directories.1.path",
        "$.storage.links.0.path",
    }


def test_what_no_machine_takes_is_refused() -> None:
    document = config(
        {
            "passwd": {
                "users": [
                    {"name": "a", "uid": -1, "shell": "bash", "gecos": "a\0b"},
                    {"name": "b\0", "uid": 4294967295},
                    {"name": "c", "uid": 4294967294, "passwordHash": "a\x01"},
                    {"name": "d", "uid": -1, "shell": "bash", "shouldExist": False},
                ],
                "groups": [
                    {"name": "a", "gid": -1, "passwordHash": "a\0b"},
                    {"name": "b", "gid": 4294967294},
                ],
            },
            "storage": {
                "files": [
                    {"path": "/a\0b", "user": {"id": -1}, "group": {"id": -2}},
                    {"path": "/b", "user": {"id": 99999999999}},
                ],
                "links": [{"path": "/l", "target": "a\0"}],
            },
            "kernelArguments": {"shouldExist": ["a\0b"], "shouldNotExist": ["a", "\0"]},
        }
    )
    assert set(refusals(document)) == {
        "$.passwd.users.0.uid",
        "$.passwd.users.0.shell",
        "$.passwd.users.0.gecos",
        "$.passwd.users.1.name",
        "$.passwd.users.1.uid",
        "$.passwd.users.2.passwordHash",
        "$.passwd.groups.0.gid",
        "$.passwd.groups.0.passwordHash",
        "$.storage.files.0.path",
        "$.storage.files.0.group.id",
        "$.storage.files.1.user.id",
        "$.storage.links.0.target",
        "$.kernelArguments.shouldExist.0",
        "$.kernelArguments.shouldNotExist.1",
    }


def test_an_error_prints_path_reason_and_advice() -> None:
    with pytest.raises(RefusedError) as caught:
        render(with_file("/tmp/x"))
    assert str(caught.value) == (
        "$.storage.files.0.path: /tmp is empty after every boot: what Ignition writes there is "
        "never seen; use a unit, a tmpfiles.d file or another path"
    )


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ("/etc/ssh/ssh_host_ed25519_key", "ssh_deletekeys", False),
        ("/etc/ssh/ssh_host_rsa_key.pub", "ssh_deletekeys", False),
        ("/etc/hostname", "preserve_hostname", True),
        ("/etc/hosts", "manage_etc_hosts", False),
        ("/etc/resolv.conf", "manage_resolv_conf", False),
        ("/etc/locale.conf", "locale", False),
        ("/etc/default/locale", "locale", False),
        ("/etc/ssh/sshd_config", "ssh_pwauth", None),
        ("/etc/apt/sources.list.d/x.sources", "apt", {"preserve_sources_list": True}),
    ],
)
def test_what_the_config_writes_cloud_init_leaves_alone(path: str, key: str, value: Any) -> None:
    assert render(with_file(path))[key] == value
    assert key not in render(with_file("/opt/other"))


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ("data:,vm1", {"hostname": "vm1", "preserve_hostname": False}),
        (
            "data:,vm1.example.com%0A",
            {
                "hostname": "vm1.example.com",
                "prefer_fqdn_over_hostname": True,
                "preserve_hostname": False,
            },
        ),
        ("data:,%23%20comment%0Avm1%0A", {"preserve_hostname": True}),
    ],
)
def test_the_name_in_etc_hostname_is_cloud_inits_too(source: str, keys: dict[str, Any]) -> None:
    cloud_config = render(with_file("/etc/hostname", contents={"source": source}))
    assert {key: value for key, value in cloud_config.items() if "host" in key} == keys
    # Images have the file already; that must not be in the way.
    assert plan_in(cloud_config)["steps"][0]["overwrite"] is True


def test_the_program_that_travels_with_the_plan_can_be_read() -> None:
    text = to_yaml(render(with_file()))
    assert "\n- |\n" in text
    assert "\n  from __future__ import annotations\n" in text


@pytest.mark.parametrize(
    ("path", "text", "keys"),
    [
        ("/etc/ssh/sshd_config", "Port 23\nPasswordAuthentication no\n", {"ssh_pwauth": False}),
        ("/etc/ssh/sshd_config.d/1.conf", " passwordauthentication=yes\n", {"ssh_pwauth": True}),
        ("/etc/ssh/sshd_config.d/1.conf", "Match all\nPasswordAuthentication yes\n", {}),
        ("/etc/ssh/sshd_config", "#PasswordAuthentication yes\n", {"ssh_pwauth": None}),
    ],
)
def test_what_sshds_files_say_cloud_init_is_told(path: str, text: str, keys: Any) -> None:
    source = "data:;base64," + base64.b64encode(text.encode()).decode()
    cloud_config = render(with_file(path, contents={"source": source}))
    assert {key: value for key, value in cloud_config.items() if "pwauth" in key} == keys


def test_roots_keys_mean_that_root_may_log_in() -> None:
    root = {"name": "root", "sshAuthorizedKeys": ["ssh-ed25519 A"]}
    assert render(config({"passwd": {"users": [root]}}))["disable_root"] is False
    other = {"name": "other", "sshAuthorizedKeys": ["ssh-ed25519 A"]}
    assert "disable_root" not in render(config({"passwd": {"users": [other]}}))


def test_network_files_of_the_config_are_told_apart() -> None:
    assert configures_network(with_file("/etc/NetworkManager/system-connections/eth0.nmconnection"))
    assert configures_network(with_file("/etc/systemd/network/lan.network"))
    assert not configures_network(with_file("/etc/NetworkManager/NetworkManager.conf"))
    assert not configures_network(with_file("/etc/systemd/network/10-lan.link"))


def test_cores_rights_can_be_switched_off() -> None:
    document = config({"passwd": {"users": [{"name": "core"}, {"name": "other"}]}})
    core, other = plan_in(render(document))["steps"][:2]
    assert core["default_user_rights"] is True
    assert "default_user_rights" not in other
    assert "default_user_rights" not in plan_in(render(document, core_rights=False))["steps"][0]


def run_script(cloud_config: dict[str, Any], after: str, directory: Path) -> Any:
    """The script as cloud-init runs it, with something of the user's behind it."""
    # /run is the guest's; here any private directory has to do.
    script = cloud_config["bootcmd"][0].replace("/run/ignition-apply", f"{directory}/run")
    path = directory / "script"
    path.write_text(f"{script}\n{after}\n")
    return subprocess.run(["/bin/sh", path], capture_output=True, text=True, check=False)


def test_names_are_utf_8_in_every_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    program = [sys.executable, "-c", "import sys; print(sys.getfilesystemencoding())"]
    result = run_script(render(with_file(), program=program), "echo $PYTHONUTF8", tmp_path)
    assert result.stdout == "utf-8\n\n"


def test_the_script_hands_the_plan_to_the_program_in_private(tmp_path: Path) -> None:
    document = with_file(contents={"source": "data:,$HOME%20%60id%60%20%27"})
    program = ["sh", "-c", 'stat -c %a "$1" "${1%/*}"; cat "$1"', "name with blank"]
    result = run_script(render(document, program=program), "umask; ls", tmp_path)
    modes, _, rest = result.stdout.partition("{\n")
    assert modes == "600\n700\n"
    assert "$HOME `id` '" in rest
    assert rest.rstrip().splitlines()[-1] != "0077"
    assert result.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["script"]


def test_a_failure_is_not_hidden_by_what_follows_in_bootcmd(tmp_path: Path) -> None:
    result = run_script(render(with_file(), program=["false"]), "echo user", tmp_path)
    assert result.stdout == "user\n"
    assert result.returncode == 1
    assert "not applied" in result.stderr


def rescue(program: str, directory: Path, *, kept: bool = True) -> str:
    """Run all of bootcmd beside a made-up cloud-init; return what that was called with."""
    made_up = directory / "cloud-init"
    made_up.write_text(f'#!/bin/sh\n{{ echo "$@"; cat "$CLOUD_CFG"; }} >>{directory}/calls\n')
    made_up.chmod(0o755)
    if kept:
        (directory / "obj.pkl").touch()
    text = "\n".join(render(with_file(), program=[program])["bootcmd"])
    text = text.replace("/run/ignition-", f"{directory}/run")
    text = text.replace("/var/lib/cloud/instance/", f"{directory}/")
    path = {"PATH": f"{directory}:{os.environ['PATH']}"}
    result = subprocess.run(["/bin/sh", "-c", text], env=path, check=False)
    assert (result.returncode == 0) == (program == "true")
    assert not list(directory.glob("run*"))
    calls = directory / "calls"
    return calls.read_text() if calls.exists() else ""


def test_a_config_that_cannot_be_applied_leaves_a_default_user(tmp_path: Path) -> None:
    calls = rescue("false", tmp_path)
    assert "single --name users_groups --frequency always\n#cloud-config\nusers: [default]" in calls
    assert "single --name ssh --frequency always\n#cloud-config\n" in calls


def test_a_config_that_was_applied_leaves_none(tmp_path: Path) -> None:
    assert rescue("true", tmp_path) == ""


def test_without_cloud_init_nobody_makes_a_default_user(tmp_path: Path) -> None:
    assert rescue("false", tmp_path, kept=False) == ""


def test_where_there_is_a_default_user_none_has_to_be_made() -> None:
    assert len(render(with_file(), default_user=True)["bootcmd"]) == 1
    assert len(render(with_file())["bootcmd"]) == 2


def test_nothing_of_the_config_is_on_a_command_line() -> None:
    user = {"name": "u", "passwordHash": "$6$secret", "sshAuthorizedKeys": ["ssh-ed25519 KEY"]}
    script = render(config({"passwd": {"users": [user]}}), program=PROGRAM)["bootcmd"][0]
    outside = []
    inside = False
    for line in script.splitlines():
        inside = line.endswith("<<'END_OF_IGNITION_FILE'") or (
            inside and line != "END_OF_IGNITION_FILE"
        )
        if not inside:
            outside.append(line)
    assert "secret" in script
    assert not any("secret" in line or "KEY" in line for line in outside)
