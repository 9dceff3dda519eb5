"""The emulated kernel has to behave as the kernel does, or what is tested with it means nothing."""

from __future__ import annotations

import errno

import pytest

from tests.hyperv.engine import (
    ENUMERATE,
    FAIL,
    GET_IP_INFO,
    MESSAGE_SIZE,
    OK,
    REGISTER1,
    SET,
    KernelEngine,
    Request,
    build,
)

REGISTRATION = bytes([REGISTER1]).ljust(MESSAGE_SIZE, b"\0")


def _answer(status: int = OK) -> bytes:
    return status.to_bytes(4, "little").ljust(MESSAGE_SIZE, b"\0")


@pytest.fixture
def kernel() -> KernelEngine:
    return KernelEngine()


def _registered(kernel: KernelEngine) -> KernelEngine:
    kernel.open()
    kernel.write(REGISTRATION)
    assert kernel.read()[0] == REGISTER1
    return kernel


def _refuses(number: int) -> pytest.RaisesExc[OSError]:
    return pytest.raises(OSError, check=lambda error: error.errno == number)


def test_one_opener_only(kernel: KernelEngine) -> None:
    kernel.open()
    with _refuses(errno.EBUSY):
        kernel.open()
    kernel.close()
    kernel.open()


def test_nothing_is_handed_out_before_the_registration(kernel: KernelEngine) -> None:
    kernel.ask(Request(SET, 0, "a", "1"))
    kernel.open()
    assert not kernel.readable()
    with _refuses(errno.EAGAIN):
        kernel.read()
    with _refuses(errno.EINVAL):
        kernel.write(_answer())


def test_one_request_at_a_time(kernel: KernelEngine) -> None:
    first = kernel.ask(Request(SET, 0, "a", "1"))
    second = kernel.ask(Request(ENUMERATE, 2))
    _registered(kernel)
    assert kernel.read() == build(Request(SET, 0, "a", "1"))
    assert not kernel.readable()
    kernel.write(_answer())
    assert first.status == OK
    assert kernel.read()[0] == ENUMERATE
    kernel.write(_answer(FAIL))
    assert second.status == FAIL
    assert kernel.pending == 0


def test_an_answer_that_nobody_waits_for_is_refused(kernel: KernelEngine) -> None:
    _registered(kernel)
    with _refuses(errno.EINVAL):
        kernel.write(_answer())
    assert kernel.refused == 1


def test_short_buffers_and_short_messages_are_refused(kernel: KernelEngine) -> None:
    kernel.ask(Request(SET, 0, "a", "1"))
    _registered(kernel)
    with _refuses(errno.EINVAL):
        kernel.read(MESSAGE_SIZE - 1)
    kernel.read()
    with _refuses(errno.EINVAL):
        kernel.write(_answer()[:-1])
    assert kernel.waiting is not None


def test_a_request_without_an_answer_fails_by_itself(kernel: KernelEngine) -> None:
    exchange = kernel.ask(Request(GET_IP_INFO))
    _registered(kernel)
    kernel.read()
    kernel.expire()
    assert exchange.status == FAIL
    with _refuses(errno.EINVAL):
        kernel.write(_answer())


def test_what_was_delivered_is_not_delivered_again(kernel: KernelEngine) -> None:
    delivered = kernel.ask(Request(SET, 0, "a", "1"))
    lost = kernel.ask(Request(SET, 0, "b", "2"))
    kept = kernel.ask(Request(SET, 0, "c", "3"))
    _registered(kernel)
    kernel.read()
    kernel.write(_answer())
    kernel.read()
    kernel.close()  # while b's answer is due
    assert (delivered.status, lost.status, kept.status) == (OK, FAIL, None)
    _registered(kernel)
    assert kernel.read() == build(Request(SET, 0, "c", "3"))
    assert kernel.registrations == 2
