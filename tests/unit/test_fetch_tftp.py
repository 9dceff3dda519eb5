"""TFTP against a real server that loses, repeats, stalls and lies."""

from __future__ import annotations

import gzip
import struct

import pytest

from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition.config import Resource
from datasource_hyperv_kvp.ignition.resources import Fetcher, Limits
from tests.servers.tftp import tftp_server

PATIENT = Limits(answer=30, stall=30, tftp_packet=0.2, tftp_retries=50)
BRIEF = Limits(answer=30, stall=30, tftp_packet=0.2, tftp_retries=2)
LARGE = bytes(range(256)) * 9 + b"end"


def fetch(
    url: str, limits: Limits = PATIENT, compression: str | None = None, expected: str | None = None
) -> bytes:
    resource = Resource(url, compression=compression, verification_hash=expected)
    return Fetcher(limits=limits).read(resource, where="$.here")


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 5000])
def test_files_of_every_size(size: int) -> None:
    content = (LARGE * 3)[:size]
    with tftp_server({"/dir/a file": content}) as server:
        assert fetch(f"{server.url}/dir/a%20file") == content
        assert server.requests[0] == ("/dir/a file", "octet")


def test_block_numbers_start_anew_after_65535() -> None:
    content = bytes(65536 * 512 + 700)
    with tftp_server({"/a": content}) as server:
        assert len(fetch(f"{server.url}/a")) == len(content)


def test_a_request_that_is_lost_is_sent_again() -> None:
    with tftp_server({"/a": LARGE}) as server:
        server.deaf = 2
        assert fetch(f"{server.url}/a") == LARGE
        assert len(server.requests) >= 3


def test_blocks_that_are_lost_are_sent_again() -> None:
    with tftp_server({"/a": LARGE}, patience=0.03) as server:
        server.lose = {1, 3, 5}
        assert fetch(f"{server.url}/a") == LARGE


def test_our_acknowledgement_is_repeated_when_the_block_comes_again() -> None:
    with tftp_server({"/a": LARGE}) as server:
        server.repeat = {2}
        assert fetch(f"{server.url}/a") == LARGE
        assert server.acknowledged.count(2) >= 2


def test_packets_of_strangers_are_ignored() -> None:
    with tftp_server({"/a": LARGE}) as server:
        server.stranger = True
        assert fetch(f"{server.url}/a") == LARGE


def test_a_server_that_falls_silent_is_given_up() -> None:
    with tftp_server({"/a": LARGE}) as server:
        server.stall_at = 3
        with pytest.raises(ConfigError, match="no answer to 3 packets after block 2"):
            fetch(f"{server.url}/a", BRIEF)


def test_a_server_that_never_answers_is_given_up() -> None:
    with tftp_server({}) as server:
        server.deaf = 99
        with pytest.raises(ConfigError, match="no answer to 3 packets that ask for the file"):
            fetch(f"{server.url}/a", BRIEF)
        assert len(server.requests) == 3


def test_our_bound_ends_the_wait() -> None:
    with tftp_server({}) as server:
        server.deaf = 99
        limits = Limits(answer=0.2, tftp_packet=5)
        with pytest.raises(ConfigError, match=r"out of time \(no answer within 0.2 s\)"):
            fetch(f"{server.url}/a", limits)


def test_the_servers_error_is_shown_and_not_tried_again() -> None:
    with tftp_server({}) as server:
        with pytest.raises(ConfigError, match="answered with error 1: File not found") as error:
            fetch(f"{server.url}/a")
        assert error.value.where == "$.here"
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "packet",
    [b"", b"\0\3", struct.pack("!HH", 6, 1), struct.pack("!HH", 3, 1) + bytes(513)],
    ids=["empty", "short", "options", "oversized"],
)
def test_what_is_not_rfc_1350_is_refused(packet: bytes) -> None:
    with tftp_server({}) as server:
        server.raw = packet or b"\0"
        with pytest.raises(ConfigError, match="not TFTP as RFC 1350 has it"):
            fetch(f"{server.url}/a")


def test_gzip_and_hash_work_as_for_any_other_transport() -> None:
    with tftp_server({"/a": gzip.compress(LARGE)}) as server:
        assert fetch(f"{server.url}/a", compression="gzip") == LARGE
        with pytest.raises(ConfigError, match="the content's hash is sha256-"):
            fetch(f"{server.url}/a", expected="sha256-" + "0" * 64)


def test_a_host_name_without_an_address_is_named_as_such() -> None:
    with pytest.raises(ConfigError, match="no-such-host") as error:
        fetch("tftp://no-such-host.invalid/a", Limits(answer=30, first_pause=60))
    assert "cannot be resolved" in str(error.value) or "no answer" in str(error.value)
