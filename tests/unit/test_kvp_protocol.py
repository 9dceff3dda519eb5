"""The messages of the device, checked against the emulated kernel's own idea of them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.kvp.pools import Record
from datasource_hyperv_kvp.kvp.protocol import (
    MESSAGE_SIZE,
    Operation,
    Request,
    Status,
    parse_request,
    register,
    reply,
)
from tests.hyperv import engine

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def _fits(size: int) -> st.SearchStrategy[str]:
    return TEXT.filter(lambda text: len(text.encode()) < size)


def test_a_message_has_the_size_of_the_kernels_struct() -> None:
    # struct hv_kvp_ipaddr_value: adapter id, family, DHCP, addresses, masks, gateways, name servers
    ip_data = struct.calcsize("<128HBB1024H1024H512H1024H")
    assert ip_data == 7426
    assert 4 + (ip_data + 3) // 4 * 4 == MESSAGE_SIZE


def test_the_registration_names_its_operation_and_nothing_else() -> None:
    assert register() == bytes([100]) + bytes(MESSAGE_SIZE - 1)


@given(pool=st.integers(0, 255), key=_fits(512), value=_fits(2048))
def test_a_set_request_comes_out_as_the_kernel_put_it_in(pool: int, key: str, value: str) -> None:
    message = engine.build(engine.Request(engine.SET, pool, key, value))
    assert parse_request(message) == Request(Operation.SET, pool, key, value)


def test_get_delete_and_enumerate_carry_what_they_ask_for() -> None:
    assert parse_request(engine.build(engine.Request(engine.GET, 3, "k"))).key == "k"
    assert parse_request(engine.build(engine.Request(engine.DELETE, 0, "k"))).key == "k"
    assert parse_request(engine.build(engine.Request(engine.ENUMERATE, 0, index=7))).index == 7


def test_an_operation_that_nobody_knows_is_still_a_request() -> None:
    assert parse_request(engine.build(engine.Request(77, 2))) == Request(77, 2)


def test_leftovers_behind_the_text_are_not_part_of_it() -> None:
    message = bytearray(engine.build(engine.Request(engine.SET, 0, "key", "value")))
    message[16 + 3 : 16 + 12] = b"\0leftover"  # in the key's field, behind its text
    message[16 + 512 + 6 : 16 + 512 + 14] = b"leftover"  # in the value's, behind its NUL
    assert parse_request(bytes(message)) == Request(Operation.SET, 0, "key", "value")


def test_the_size_ends_a_text_that_has_no_nul_behind_it() -> None:
    message = bytearray(engine.build(engine.Request(engine.SET, 0, "key", "value" + "x" * 20)))
    struct.pack_into("<I", message, 12, len("value") + 1)
    message[16 + 512 + 5] = 0
    assert parse_request(bytes(message)).value == "value"
    struct.pack_into("<I", message, 12, len("valu"))
    assert parse_request(bytes(message)).value == "valu"


@pytest.mark.parametrize("size", [0, 513, 0xFFFFFFFF])
def test_a_size_that_cannot_be_leaves_the_end_to_the_nul(size: int) -> None:
    message = bytearray(engine.build(engine.Request(engine.SET, 0, "key", "value")))
    struct.pack_into("<I", message, 8, size)
    assert parse_request(bytes(message)).key == "key"


def test_bytes_that_are_no_utf_8_are_kept() -> None:
    message = bytearray(engine.build(engine.Request(engine.SET, 0, "key", "value")))
    message[16 + 512] = 0xFF
    assert parse_request(bytes(message)).value == "\udcffalue"


@pytest.mark.parametrize("size", [0, 3, MESSAGE_SIZE - 1, MESSAGE_SIZE + 1])
def test_a_message_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"7432 bytes, this one {size}"):
        parse_request(bytes(size))


@pytest.mark.parametrize("status", list(Status))
def test_a_reply_carries_its_status_where_the_kernel_looks_for_it(status: Status) -> None:
    request = engine.build(engine.Request(engine.SET, 0, "key", "value"))
    answer = reply(request, status)
    assert len(answer) == MESSAGE_SIZE
    assert answer[4:] == request[4:]
    assert struct.unpack_from("<I", answer) == (status,)


def test_a_reply_to_half_a_message_is_a_whole_one() -> None:
    assert len(reply(b"\x01", Status.FAIL)) == MESSAGE_SIZE


@given(key=_fits(512), value=_fits(2048))
def test_the_kernel_finds_a_record_in_the_answer(key: str, value: str) -> None:
    for operation in (engine.GET, engine.ENUMERATE):
        kernel = engine.KernelEngine()
        exchange = kernel.ask(engine.Request(operation, 0, key, index=1))
        kernel.open()
        kernel.write(register())
        kernel.read()
        message = kernel.read()
        kernel.write(reply(message, Status.OK, Record(key, value)))
        assert (exchange.status, exchange.key, exchange.value) == (0, key, value)


def test_a_record_that_fills_its_fields_is_cut_for_the_kernel_needs_a_nul() -> None:
    request = engine.build(engine.Request(engine.GET, 0, "k"))
    answer = reply(request, Status.OK, Record("k" * 512, "v" * 2048))
    assert answer[16 + 511] == 0
    assert answer[16 + 512 + 2047] == 0
