"""A throw-away guest in which the program that applies plans runs for real."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import datasource_hyperv_kvp.apply as program
from datasource_hyperv_kvp.apply.plan import Contents, Plan, Step
from tests.sandbox.sandbox import Result, Sandbox

#: Where the program lies in the guest, and its package's name there.
LIBRARY = "/opt/ignition"
PACKAGE = "ignition_apply"

INSTANCE = "i-1"
STATE = f"/var/lib/cloud/instances/{INSTANCE}/ignition"


def text(value: str) -> Contents:
    """Contents that a plan holds itself."""
    return Contents(data=value.encode())


class ApplyGuest:
    """A guest with nothing of ours but the program, on Debian bookworm."""

    def __enter__(self) -> ApplyGuest:
        self._layer = tempfile.TemporaryDirectory(prefix="ignition-apply-")
        source = Path(program.__file__).parent
        target = Path(self._layer.name) / LIBRARY.lstrip("/") / PACKAGE
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        self.sandbox = Sandbox("bookworm", interfaces=(), layers=[Path(self._layer.name)])
        self.sandbox.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.sandbox.__exit__(kind, error, traceback)
        self._layer.cleanup()

    def apply(self, *steps: Step, instance: str = INSTANCE) -> Result:
        """Run the program on a plan of these steps, as bootcmd does."""
        self.sandbox.write("/plan.json", Plan(steps).to_text(), mode=0o600)
        return self.sandbox.run(
            ["python3", "-m", PACKAGE, "/plan.json"],
            env={"PYTHONPATH": LIBRARY, "INSTANCE_ID": instance},
            check=False,
        )

    def applied(self, *steps: Step) -> Result:
        """As :meth:`apply`, and it worked."""
        result = self.apply(*steps)
        assert result.code == 0, result.err
        return result

    def refused(self, *steps: Step) -> list[str]:
        """As :meth:`apply`, and it was refused: the findings, sorted."""
        result = self.apply(*steps)
        assert result.code == 1, result.err
        document = self.result()
        assert document["status"] == "refused", result.err
        return sorted(f"{item['at']}: {item['message']}" for item in document["findings"])

    def result(self) -> Any:
        """The result file."""
        return json.loads(self.sandbox.read(f"{STATE}/result.json"))

    def sh(self, script: str) -> str:
        """Run a shell script in the guest and return what it printed, without the last newline."""
        return self.sandbox.run(["sh", "-euc", script]).out.rstrip("\n")

    def stat(self, path: str) -> str:
        """``type mode user group`` of what stands at a path itself."""
        return self.sh(f"stat -c '%F %a %U %G' {path}")

    def read(self, path: str) -> str:
        return self.sandbox.read(path)

    def exists(self, path: str) -> bool:
        return self.sandbox.exists(path)


def names(steps: Sequence[Step]) -> list[str]:
    """The steps' keys, for comparing orders."""
    return [step.key for step in steps]
