"""Ignition configs that refer to a server: fetched by the guest itself, with the network up."""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from tests.sandbox.hyperv import HyperVGuest
from tests.sandbox.payloads import IGNITION, assert_clean, assert_reachable, stat

PORT = 8099
URL = f"http://127.0.0.1:{PORT}"
LATER = ["network", "config", "final"]
CONTENT = b"fetched " * 100_000


@pytest.fixture
def config() -> dict[str, Any]:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return {
        "ignition": {
            "version": "3.4.0",
            "config": {"merge": [{"source": f"{URL}/child.ign"}]},
        },
        "storage": {
            "files": [
                {
                    "path": "/srv/large",
                    "mode": 0o600,
                    "contents": {
                        "source": f"{URL}/large.gz",
                        "compression": "gzip",
                        "verification": {"hash": f"sha256-{digest}"},
                    },
                    "append": [{"source": "data:,and"}, {"source": f"{URL}/more"}],
                }
            ]
        },
    }


@pytest.fixture
def files() -> dict[str, bytes]:
    child = {
        "ignition": {"version": "3.1.0"},
        "storage": {"files": [{"path": "/srv/child", "contents": {"source": f"{URL}/more"}}]},
    }
    return {
        "child.ign": json.dumps(child).encode(),
        "large.gz": gzip.compress(CONTENT, mtime=0),
        "more": b" more",
    }


@contextmanager
def served(guest: HyperVGuest, files: Mapping[str, bytes]) -> Iterator[None]:
    """A server in the guest's own network."""
    for name, content in files.items():
        guest.write(f"/opt/www/{name}", content)
    server = guest.start(
        ["python3", "-m", "http.server", "--bind=127.0.0.1", "--directory=/opt/www", str(PORT)]
    )
    probe = f"import socket; socket.create_connection(('127.0.0.1', {PORT}))"
    ends = time.monotonic() + 30
    while guest.run(["python3", "-c", probe], check=False).code != 0:
        assert time.monotonic() < ends
    try:
        yield
    finally:
        server.kill()
        server.wait()


def test_what_must_be_fetched_waits_for_the_network(
    guest: HyperVGuest, config: dict[str, Any], files: dict[str, bytes]
) -> None:
    guest.receive({IGNITION: json.dumps(config)})
    guest.boot(stages=["local"])
    assert not guest.exists("/srv/large")
    with served(guest, files):
        guest.boot(stages=LATER)
    assert_clean(guest)
    assert guest.read("/srv/large").encode() == CONTENT + b"and more"
    assert stat(guest, "/srv/large") == "600 root root"
    assert guest.read("/srv/child") == " more"
    # Fetched content may be a secret, and takes space.
    assert guest.run(["find", "/var/lib/cloud", "-path", "*/staged/*"]).out == ""


def test_a_fetch_that_fails_is_named_and_the_machine_comes_up(
    guest: HyperVGuest, config: dict[str, Any], files: dict[str, bytes]
) -> None:
    config["storage"]["files"][0]["contents"]["source"] = f"{URL}/gone?token=secret"
    guest.receive({IGNITION: json.dumps(config)})
    guest.boot(stages=["local"])
    with served(guest, files):
        guest.boot(stages=LATER)
    assert_reachable(guest)
    status = guest.status()
    assert not status.clean
    assert "ignition.config" in status.text
    errors = [line for line in guest.log().splitlines() if "[ERROR]" in line]
    assert any(f"cannot fetch {URL}/gone?…: the server answered 404" in line for line in errors)
    assert "secret" not in guest.log()
    assert not guest.exists("/srv/child")


OWN = "/etc/netplan/10-own.yaml"
MADE_UP = "/etc/netplan/50-cloud-init.yaml"


@pytest.fixture
def with_network(config: dict[str, Any]) -> dict[str, Any]:
    """A config that needs a network before it can bring its own."""
    text = "network: {version: 2, ethernets: {eth0: {addresses: [192.0.2.7/24]}}}\n"
    file = {"path": OWN, "mode": 0o600, "contents": {"source": f"data:,{quote(text)}"}}
    config["storage"]["files"].append(file)
    return config


def test_a_network_that_the_config_brings_is_the_only_one(
    guest: HyperVGuest, with_network: dict[str, Any], files: dict[str, bytes]
) -> None:
    guest.receive({IGNITION: json.dumps(with_network)})
    guest.boot(stages=["local"])
    assert guest.exists(MADE_UP)
    with served(guest, files):
        guest.boot(stages=LATER)
    assert_clean(guest)
    assert guest.exists(OWN)
    assert not guest.exists(MADE_UP)
    guest.power_cycle()
    guest.boot()
    assert_clean(guest)
    assert not guest.exists(MADE_UP)


def test_a_network_that_the_administrator_configured_stays(
    guest: HyperVGuest, with_network: dict[str, Any], files: dict[str, bytes]
) -> None:
    guest.write("/etc/cloud/cloud.cfg.d/99-installer.cfg", "network: {config: disabled}\n")
    guest.write(MADE_UP, "network: {version: 2}\n", mode=0o600)
    guest.receive({IGNITION: json.dumps(with_network)})
    with served(guest, files):
        guest.boot()
    assert_clean(guest)
    assert guest.exists(OWN)
    assert guest.exists(MADE_UP)


def test_a_config_that_fails_leaves_the_network_that_fetched_it(
    guest: HyperVGuest, with_network: dict[str, Any], files: dict[str, bytes]
) -> None:
    with_network["passwd"] = {"groups": [{"name": "staffers"}]}
    guest.run(["mv", "/usr/sbin/groupadd", "/usr/sbin/groupadd.real"])
    guest.write("/usr/sbin/groupadd", "#!/bin/sh\nexit 9\n", mode=0o755)
    guest.receive({IGNITION: json.dumps(with_network)})
    with served(guest, files):
        guest.boot()
    assert not guest.status().clean
    assert guest.exists(MADE_UP)
    # the next boot can fetch again, and ends as the first should have
    guest.run(["mv", "/usr/sbin/groupadd.real", "/usr/sbin/groupadd"])
    guest.power_cycle()
    guest.receive({IGNITION: json.dumps(with_network)})
    with served(guest, files):
        guest.boot()
    assert_clean(guest)
    assert guest.exists(OWN)
    assert not guest.exists(MADE_UP)
