"""The journal: what was there before a step and which steps are done, so that a power cut at any
moment leaves a job that the next boot can finish.

One JSON object a line, 0600, synced before anything that relies on it is changed:

- ``{"plan": digest, "paths": {path: resolved}}``  a run begins; paths are resolved once,
- ``{"before": key, "state": {...}}``              what stood there before our first touch,
- ``{"forget": key}``                             the step failed and was undone,
- ``{"done": digest}``                             this step is finished and on the disk,
- ``{"finished": digest of the plan}``             the plan is applied; nothing is left to do.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .errors import ApplyError

#: What a handler remembers about the time before its step: JSON values only.
State = dict[str, Any]


class Journal:
    """Append-only file; an incomplete last line (power cut while writing) does not count."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.paths: dict[str, str] = {}
        self.finished: str | None = None
        #: What stood there before we first touched it, by the key of the step.
        self.befores: dict[str, State] = {}
        #: Of them, those that another plan recorded: the config was repaired since.
        self.inherited: set[str] = set()
        self._plan: str | None = None
        self._done: set[str] = set()
        self._pending: list[str] = []
        self._read()

    def _read(self) -> None:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ApplyError(
                    f"{self.path}, line {number}: the journal is damaged",
                    advice="remove it to apply the whole config again",
                ) from error

    def _take(self, record: dict[str, Any]) -> None:
        if "plan" in record:
            self._begin_plan(record["plan"], record["paths"])
        elif "before" in record:
            self.befores[record["before"]] = record["state"]
            self.inherited.discard(record["before"])
        elif "forget" in record:
            self.befores.pop(record["forget"], None)
        elif "done" in record:
            self._done.add(record["done"])
        else:
            self.finished = record["finished"]

    def _begin_plan(self, digest: str, paths: dict[str, str]) -> None:
        if self._plan not in (None, digest):
            self.inherited.update(self.befores)
            self.finished = None
        self._plan = digest
        self.paths.update(paths)

    @property
    def begun(self) -> bool:
        """Whether an earlier run has written to it."""
        return bool(self.paths or self.befores or self._done)

    def before(self, key: str) -> State | None:
        """What stood there before we first touched it; None if we never did."""
        return self.befores.get(key)

    def is_done(self, digest: str) -> bool:
        return digest in self._done

    def start(self, digest: str, paths: dict[str, str]) -> None:
        self._begin_plan(digest, paths)
        self._add({"plan": digest, "paths": paths})
        self.sync()

    def begin(self, key: str, state: State) -> None:
        self.befores[key] = state
        self.inherited.discard(key)
        self._add({"before": key, "state": state})

    def done(self, digest: str) -> None:
        self._done.add(digest)
        self._add({"done": digest})

    def forget(self, key: str) -> None:
        """The step failed and was undone: the next try looks again at what is there."""
        self.befores.pop(key, None)
        self._add({"forget": key})
        self.sync()

    def finish(self, digest: str) -> None:
        self.finished = digest
        self._add({"finished": digest})
        self.sync()

    def _add(self, record: dict[str, Any]) -> None:
        self._pending.append(json.dumps(record) + "\n")

    def sync(self) -> None:
        """Write what is pending; returns when it is on the disk."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="ascii") as file:
            file.write("".join(self._pending))
            file.flush()
            os.fsync(file.fileno())
        self._pending.clear()
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
