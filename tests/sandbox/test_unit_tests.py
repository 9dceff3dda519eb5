"""The unit tests once more where the package is going to live: each guest's Python and cloud-init.

On the machine that runs the tests they meet one Python and one cloud-init; here all supported ones.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.sandbox.hyperv import PROJECT
from tests.sandbox.sandbox import Sandbox
from tests.tools.python import GUEST_TOOLS, make_guest_tools
from tests.tools.rootfs import RELEASES

#: What the unit tests read of the project.
PARTS = ("conf.d", "datasource_hyperv_kvp", "docs", "tests")
#: Those that apply plans to root file systems of their own: in the guest there is none to take.
#: How the guest's Python applies plans is seen in the scenarios.
OPTIONS = "-q --tb=short -p no:cacheprovider --ignore-glob='*/test_apply_*'"


def test_the_unit_tests_pass_in_the_guest(release: str, tmp_path: Path) -> None:
    project = tmp_path / "layer/srv/project"
    for part in PARTS:
        shutil.copytree(
            PROJECT / part, project / part, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy2(PROJECT / "pyproject.toml", project)
    tools = make_guest_tools(release, RELEASES[release].python)
    with Sandbox(release, layers=[tmp_path / "layer", tools]) as guest:
        version = guest.run(["cloud-init", "--version"])
        assert f" {RELEASES[release].cloud_init}" in version.out + version.err
        result = guest.run(
            ["sh", "-c", f"cd /srv/project && exec python3 -m pytest {OPTIONS} tests/unit"],
            env={"PYTHONPATH": f"/{GUEST_TOOLS}"},
            timeout=600,
            check=False,
        )
    assert result.code == 0, result.out + result.err
    assert "skipped" not in result.out.splitlines()[-1]
