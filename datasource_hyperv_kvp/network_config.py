"""What cloud-init makes of a network-config on this machine, found out beforehand.

What cloud-init or netplan refuses while it is applied ends cloud-init's local stage: no network,
and the file stays. So here everything is done once for show, as ``cloudinit.stages`` does it, with
a temporary directory in the root's place.
"""

from __future__ import annotations

import copy
import logging
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOG = logging.getLogger(__name__)

#: Where netplan finds files beside cloud-init's; a network-config may rely on what they define.
NETPLAN_DIRECTORIES = ("etc/netplan", "usr/lib/netplan", "lib/netplan", "run/netplan")
NETPLAN_FILE = "50-cloud-init.yaml"

#: What cloud-init's renderers write, by their names (22.4 to 26.2).
RENDERED = (
    f"etc/netplan/{NETPLAN_FILE}",
    "etc/network/interfaces.d/50-cloud-init",
    "etc/systemd/network/10-cloud-init-*",
    "etc/NetworkManager/system-connections/cloud-init-*.nmconnection",
    "etc/NetworkManager/conf.d/30-cloud-init-ip6-addr-gen-mode.conf",
)
#: Others have files of these names too; cloud-init's have a line at their beginning that says so.
RENDERED_IF_SIGNED = ("etc/sysconfig/network-scripts/ifcfg-*", "etc/sysconfig/network/ifcfg-*")
SIGNATURE = "# Created by cloud-init"

#: Seconds that netplan may take; it needs less than one.
NETPLAN_TIMEOUT = 60.0


def objection(config: dict[str, Any], distro: Any, scratch: Path) -> str | None:
    """Return why cloud-init would fail to apply a network-config, or None if it would not.

    The text quotes names of types and MAC addresses only: anything else in a config may be a
    password.

    :param distro: cloud-init's object for this distribution.
    :param scratch: a directory for files that are removed again.
    """
    if config.get("config") == "disabled":
        return None
    from cloudinit import net
    from cloudinit.net import network_state

    try:
        # The method is 22.4's.
        renderer = getattr(distro, "network_renderer", None) or distro._get_renderer()
    except Exception as error:
        # cloud-init meets the same, says so and goes on.
        LOG.debug("Nobody here renders a network-config: %s", type(error).__name__)
        return None
    config = copy.deepcopy(config)
    try:
        net.extract_physdevs(config)
        state = network_state.parse_net_config_data(config, renderer=renderer)
        with tempfile.TemporaryDirectory(prefix="hyperv-kvp-", dir=scratch) as root:
            refused = _render(state, renderer, Path(root))
    except (OSError, subprocess.TimeoutExpired) as error:
        # That is no word on the config: a full disk, say, or a machine under load.
        LOG.info("The network-config cannot be tried beforehand: %s", error)
        return None
    except Exception as error:
        return f"cloud-init cannot make use of it ({type(error).__name__})"
    if refused:
        return refused
    try:
        distro.networking.wait_for_physdevs(config)
    except RuntimeError as error:
        return f"{error} (cloud-init wants MAC addresses in lower case, with colons)"
    return None


def _render(state: Any, renderer: Any, root: Path) -> str | None:
    """Render below ``root``, and have netplan read what came of it."""
    content_of = getattr(renderer, "_render_content", None)
    if not hasattr(renderer, "NETPLAN_GENERATE") or content_of is None:
        renderer.render_network_state(state, target=str(root))
        return None
    # Not render_network_state: given a target, 25.1 and later cannot use netplan's own library, and
    # warn of it.
    for name in NETPLAN_DIRECTORIES:
        for file in Path("/", name).glob("*.yaml"):
            (root / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / name)
    path = root / NETPLAN_DIRECTORIES[0] / NETPLAN_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(content_of(state))
    command = [*renderer.NETPLAN_GENERATE, "--root-dir", str(root)]
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=NETPLAN_TIMEOUT,
    )
    if done.returncode == 0:
        return None
    return "netplan refuses it; try it with `netplan generate --root-dir`"


def made_up(sys_cfg: Mapping[str, Any], cloud_dir: Path, root: Path = Path("/")) -> list[str]:
    """Return the network files that cloud-init has here for want of any network-config.

    None, if an administrator, an installer or the kernel's command line has configured the network,
    or has told cloud-init not to.

    :param sys_cfg: cloud-init's configuration without user-data.
    :param cloud_dir: cloud-init's directory, ``/var/lib/cloud``.
    """
    from cloudinit.net import cmdline

    if (
        sys_cfg.get("network")
        or (cloud_dir / "data" / "upgraded-network").exists()
        or cmdline.read_kernel_cmdline_config()
        or cmdline.read_initramfs_config()
    ):
        return []
    found = [path for pattern in RENDERED for path in root.glob(pattern)]
    for pattern in RENDERED_IF_SIGNED:
        for path in root.glob(pattern):
            if path.is_file() and path.read_text(errors="replace").startswith(SIGNATURE):
                found.append(path)
    return sorted(str(path) for path in found)
