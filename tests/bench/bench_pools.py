"""How fast pools are read, as ratios to what a peer takes; 1 is as fast, 2 takes twice as long.

A pool file is compared with a reader that takes no lock and trusts its input. The device is
compared with the real KVP daemon: the same keys from the same emulated host, until the last has
been answered. ``python -m tests.bench.bench_pools`` prints the ratios.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from datasource_hyperv_kvp.kvp import pool_path, read_pool_file, write_pool_files
from datasource_hyperv_kvp.kvp.device import Session
from datasource_hyperv_kvp.kvp.patience import Patience, never
from datasource_hyperv_kvp.kvp.port import FilePort
from tests.hyperv.host import KvpHost
from tests.hyperv.real_daemon import RealDaemon

ROUNDS = 7
LARGE = 4000  # records, 10 MB: far more than any host sends
SMALL = 40
BURST = 400


def ratios() -> dict[str, float]:
    """Our time divided by the peer's, the median of some rounds, for each situation."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        return {
            f"pool file of {LARGE} records": _pool_file(directory, LARGE),
            f"pool file of {SMALL} records": _pool_file(directory, SMALL),
            f"device, burst of {BURST} keys": _device(directory),
        }


def _keys(count: int) -> dict[str, str]:
    return {f"cloud-init.user-data.{number}": f"{number:010}" * 100 for number in range(count)}


def _pool_file(directory: Path, count: int) -> float:
    write_pool_files(directory, {0: _keys(count)})
    path = pool_path(directory, 0)
    times = max(1, LARGE // count // 4)
    return _ratio(
        lambda: [_naive(path) for _ in range(times)],
        lambda: [read_pool_file(path) for _ in range(times)],
    )


def _naive(path: Path) -> list[tuple[str, str]]:
    content = path.read_bytes()
    return [
        (
            content[start : start + 512].rstrip(b"\0").decode(),
            content[start + 512 : start + 2560].rstrip(b"\0").decode(),
        )
        for start in range(0, len(content), 2560)
    ]


def _device(directory: Path) -> float:
    pools = directory / "pools"
    pools.mkdir()
    keys = _keys(BURST)

    def daemon() -> float:
        with KvpHost(directory / "daemon.sock") as host, RealDaemon(host, pools):
            started = time.monotonic()
            host.set_keys(0, keys)
            return time.monotonic() - started

    def ours() -> float:
        with KvpHost(directory / "ours.sock") as host:
            exchanges = host.queue_keys(0, keys)
            ended: list[float] = []
            exchanges[-1].on_end = lambda _: ended.append(time.monotonic())
            started = time.monotonic()
            with Session(Path("/dev"), opener=lambda _: FilePort(host.connect())) as session:
                session.drain(Patience(never, never, settle=0.2, drain=0.2), started + 60)
            return ended[0] - started

    return statistics.median(ours() / daemon() for _ in range(ROUNDS))


def _ratio(peer: Callable[[], object], ours: Callable[[], object]) -> float:
    return statistics.median(_time(ours) / _time(peer) for _ in range(ROUNDS))


def _time(action: Callable[[], object]) -> float:
    started = time.monotonic()
    action()
    return time.monotonic() - started


def main() -> None:
    for situation, ratio in ratios().items():
        print(f"{situation:<32} {ratio:5.2f}")


if __name__ == "__main__":
    main()
