"""How fast files are staged, as a ratio to what requests alone takes to write them to disk.

Both fetch from a server in a process of its own on loopback, onto the same file system, and sync.
``python -m tests.bench.bench_fetch`` prints the ratios; 1 is as fast as requests, 2 takes twice as
long.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import requests

from datasource_hyperv_kvp.ignition.config import Resource
from datasource_hyperv_kvp.ignition.resources import Fetcher, Job, Limits
from tests.servers import web

LARGE = 256 << 20
SMALL = 16 << 10
COUNT = 300
ROUNDS = 5


def ratios() -> dict[str, float]:
    """Our time divided by that of requests, the median of some rounds, for each situation."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.Process(target=_serve, args=(sender,), daemon=True)
    server.start()
    url = receiver.recv()
    digest = "sha256-" + hashlib.sha256(bytes(LARGE)).hexdigest()
    try:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            return {
                "one large file": _ratio(
                    lambda: _plain(url, "/large", 1, directory),
                    lambda: _staged(Resource(f"{url}/large"), 1, directory),
                ),
                "one large file, verified": _ratio(
                    lambda: _plain(url, "/large", 1, directory),
                    lambda: _staged(
                        Resource(f"{url}/large", verification_hash=digest), 1, directory
                    ),
                ),
                f"{COUNT} small files": _ratio(
                    lambda: _plain(url, "/small", COUNT, directory),
                    lambda: _staged(Resource(f"{url}/small"), COUNT, directory),
                ),
            }
    finally:
        server.terminate()
        server.join()


def _ratio(plain: Callable[[], None], ours: Callable[[], None]) -> float:
    return statistics.median(_time(ours) / _time(plain) for _ in range(ROUNDS))


def _time(action: Callable[[], None]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def _plain(url: str, path: str, count: int, directory: Path) -> None:
    with requests.Session() as session:
        for number in range(count):
            response = session.get(f"{url}{path}", stream=True)
            with (directory / f"plain{number}").open("wb") as file:
                for chunk in response.iter_content(256 << 10):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())


def _staged(resource: Resource, count: int, directory: Path) -> None:
    fetcher = Fetcher(limits=Limits(reserve=0))
    fetcher.stage_all(
        [Job(resource, directory / f"staged{number}", "$") for number in range(count)]
    )
    fetcher.close()


def _serve(sender: Connection) -> None:
    routes = {"/large": web.zeros(LARGE), "/small": web.answer(200, bytes(SMALL))}
    with web.web_server(routes) as server:
        sender.send(server.url)
        server.over.wait()


def main() -> None:
    for what, ratio in ratios().items():
        print(f"{what}: {ratio:.2f} times what requests takes")


if __name__ == "__main__":
    main()
