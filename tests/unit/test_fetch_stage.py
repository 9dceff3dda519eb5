"""Staging: large files go to disk, privately, as they come, several at a time."""

from __future__ import annotations

import gzip
import shutil
import stat
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition.config import Resource
from datasource_hyperv_kvp.ignition.resources import Fetcher, Job, Limits
from tests.servers import web

PATIENT = Limits(answer=30, stall=30, headers=30, first_pause=0.01, reserve=1 << 20)
LARGE = 64 << 20


def test_the_file_is_private_and_nothing_else_stays(tmp_path: Path) -> None:
    with web.web_server({"/a": web.answer(200, b"content")}) as server:
        Fetcher(limits=PATIENT).stage(Resource(f"{server.url}/a"), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"content"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    "broken", [web.truncate(b"some", 9), web.answer(404), web.answer(200, b"not gzip")]
)
def test_a_failure_leaves_nothing_and_keeps_what_was_there(
    tmp_path: Path, broken: web.Action
) -> None:
    (tmp_path / "a").write_text("before")
    with web.web_server({"/a": broken}) as server:
        resource = Resource(f"{server.url}/a", compression="gzip")
        with pytest.raises(ConfigError, match=r"^\$\.x: cannot fetch"):
            Fetcher(limits=PATIENT).stage(resource, tmp_path / "a", where="$.x")
    assert (tmp_path / "a").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_large_file_is_never_held_in_memory(tmp_path: Path) -> None:
    with web.web_server({"/a": web.zeros(LARGE)}) as server:
        fetcher = Fetcher(limits=PATIENT)
        fetcher.stage(Resource(f"{server.url}/a"), tmp_path / "warm")
        (tmp_path / "warm").unlink()
        tracemalloc.start()
        try:
            fetcher.stage(Resource(f"{server.url}/a"), tmp_path / "a")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "a").stat().st_size == LARGE
    assert peak < LARGE // 8


def test_a_bomb_is_unpacked_to_disk_in_small_pieces(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(LARGE), 1)
    with web.web_server({"/a": web.answer(200, bomb)}) as server:
        tracemalloc.start()
        try:
            resource = Resource(f"{server.url}/a", compression="gzip")
            Fetcher(limits=PATIENT).stage(resource, tmp_path / "a")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (tmp_path / "a").stat().st_size == LARGE
    assert peak < LARGE // 8


def test_a_file_that_does_not_fit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    message = f"no space in {tmp_path}: .* must stay free"
    huge = {"/a": web.zeros(1 << 60)}
    with web.web_server(huge) as server, pytest.raises(ConfigError, match=message):
        Fetcher(limits=PATIENT).stage(Resource(f"{server.url}/a"), tmp_path / "a")
    # Nobody goes on reading what nobody takes.
    ends = time.monotonic() + 30
    while any(thread.name == "fetch" for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_unpacking_stops_while_there_is_still_space(tmp_path: Path) -> None:
    reserve = shutil.disk_usage(tmp_path).free - (8 << 20)
    bomb = gzip.compress(bytes(LARGE), 1)
    with web.web_server({"/a": web.answer(200, bomb)}) as server:
        limits = Limits(reserve=reserve)
        resource = Resource(f"{server.url}/a", compression="gzip")
        with pytest.raises(ConfigError, match="no space in"):
            Fetcher(limits=limits).stage(resource, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def jobs(server: web.Web, directory: Path, *names: str) -> list[Job]:
    return [Job(Resource(f"{server.url}/{name}"), directory / name, f"$.{name}") for name in names]


def test_several_are_fetched_at_the_same_time(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=30)

    def meet(handler: web.Handler) -> None:
        together.wait()
        web.answer(200, b"met")(handler)

    with web.web_server(dict.fromkeys(("/a", "/b", "/c"), meet)) as server:
        Fetcher(limits=PATIENT).stage_all(jobs(server, tmp_path, "a", "b", "c"))
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", "c"}


def test_the_first_failure_ends_all_others(tmp_path: Path) -> None:
    names = ("slow", "bad", *(f"later{number}" for number in range(20)))
    routes = dict.fromkeys((f"/{name}" for name in names), web.drip_in_body(1000, 0.05))
    routes["/bad"] = web.answer(403)
    with web.web_server(routes) as server:
        limits = Limits(parallel=2)
        with pytest.raises(ConfigError, match="403 Forbidden") as error:
            Fetcher(limits=limits).stage_all(jobs(server, tmp_path, *names))
        assert error.value.where == "$.bad"
        assert len(server.requests) <= 3
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told_about(tmp_path: Path) -> None:
    told: list[str] = []
    ticks = iter(range(10000))
    with web.web_server({"/a": web.answer(200, bytes(3 << 20))}) as server:
        fetcher = Fetcher(limits=Limits(progress=3), log=told.append, clock=lambda: next(ticks))
        fetcher.stage(Resource(f"{server.url}/a?token=secret"), tmp_path / "a")
        assert told
        assert told[0].startswith(f"{server.url}/a?…: ")
        assert " MiB of 3.0 MiB after " in told[-1]
