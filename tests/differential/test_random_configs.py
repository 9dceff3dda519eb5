"""A few of the random configs in every test run; ``make differential-test`` draws more."""

from __future__ import annotations

import subprocess
import sys

from tests.sandbox.hyperv import PROJECT

COUNT = 24


def test_random_configs_leave_what_ignition_leaves() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "tests.differential", f"--count={COUNT}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=PROJECT,
        timeout=900,
        check=False,
    )
    # the seed is in the output
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{COUNT} configs" in result.stdout
