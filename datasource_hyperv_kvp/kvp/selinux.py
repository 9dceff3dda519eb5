"""The SELinux label of the directory of the pool files.

Where the policy confines the KVP daemon (Fedora, RHEL), it lets it into that directory by its label
only. One that we make, because we are there before any daemon, has its parent's label; files take
theirs from the directory.
"""

from __future__ import annotations

import logging
from pathlib import Path

LOG = logging.getLogger(__name__)

#: Both there while SELinux is on, enforcing or not (``is_selinux_enabled(3)``). What applies
#: configs may run without this part of the package and has them, too: ``apply/labels.py``.
SIGNS = (Path("/sys/fs/selinux/enforce"), Path("/etc/selinux/config"))

#: Seconds; it takes a fraction of one.
TIMEOUT = 30.0


def label(directory: Path) -> None:
    """Give a directory that was just made the label that the policy has for its name.

    Without it a daemon may be kept out later, which is no reason to keep this boot's keys from
    being read: a failure is a warning.
    """
    if not all(sign.exists() for sign in SIGNS):
        return
    import subprocess  # takes its time, and elsewhere nobody needs it

    try:
        subprocess.run(
            ["restorecon", "--", str(directory)],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
        )
    except (OSError, subprocess.SubprocessError) as error:
        LOG.warning("%s may lack its SELinux label: %s", directory, error)
