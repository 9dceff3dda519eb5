"""``python3 -m datasource_hyperv_kvp.apply PLAN``: apply a plan once an instance.

``$INSTANCE_ID``, which cloud-init gives to bootcmd, says which instance; journal and result stand
in its directory. Exit status: 0 applied now or in an earlier boot, 1 not applied, 2 a wrong call.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import ApplyError
from .execute import Refused, execute
from .files import write_private
from .journal import Journal
from .machine import Machine
from .plan import Plan

#: cloud-init's directory of instances; a link to this boot's stands beside it.
CLOUD_DIR = Path("/var/lib/cloud")

#: Names in the directory of an instance.
STATE_DIR = "ignition"
JOURNAL = "journal"
RESULT = "result.json"


def state_directory(environ: Mapping[str, str], cloud_dir: Path = CLOUD_DIR) -> Path:
    """The private directory of this instance, made if it is missing."""
    instance = environ.get("INSTANCE_ID", "")
    parent = cloud_dir / "instance"
    if instance and "/" not in instance and instance not in (".", ".."):
        parent = cloud_dir / "instances" / instance
    directory = parent / STATE_DIR
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    if len(arguments) != 1:
        print("usage: python3 -m datasource_hyperv_kvp.apply PLAN", file=sys.stderr)
        return 2
    machine = Machine(state_directory(environ))
    result: dict[str, Any] = {"status": "applied", "findings": []}
    try:
        plan = Plan.from_text(Path(arguments[0]).read_text(encoding="ascii"))
        execute(plan, machine, Journal(machine.state_dir / JOURNAL))
    except Refused as error:
        result["status"] = "refused"
        result["findings"] = [vars(finding) for finding in error.findings]
        for finding in error.findings:
            machine.log(f"cannot apply the config: {finding}")
        machine.log("nothing was changed")
    except ApplyError as error:
        result["status"] = "failed"
        result["findings"] = [{"at": error.at, "message": error.message, "advice": error.advice}]
        machine.log(f"the config is applied in part only: {error}")
        machine.log("the next boot tries the rest again")
    except (OSError, ArithmeticError, LookupError, TypeError, ValueError, RuntimeError):
        # A fault of this program: the traceback is what its authors need.
        result["status"] = "failed"
        result["findings"] = [{"at": "", "message": traceback.format_exc(limit=-1), "advice": ""}]
        traceback.print_exc()
    result["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_private(machine.state_dir / RESULT, json.dumps(result, indent=1) + "\n")
    return 0 if result["status"] == "applied" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
