"""Calls that may block in the kernel, bounded all the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from datasource_hyperv_kvp.errors import DeviceError

_T = TypeVar("_T")


def run_bounded(function: Callable[[], _T], seconds: float, *, where: str = "") -> _T:
    """Run a function; leave it behind when the time is up.

    It runs in a thread of its own, which goes on blocking but does not keep the process from
    ending. Whatever the function raises is raised here.

    :param where: the device, for the error.
    :raises DeviceError: it did not return in time.
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001  not handled here, but in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="kvp-device", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise DeviceError(f"it has blocked for {seconds:g} s and is left behind", where=where)
    return results[0]
