"""Cloud-config keys that keep cloud-init's own modules from undoing what the config writes.

Each is set only if the config touches what the module would change; the defaults are those of
cloud-init's ``config/cloud.cfg.tmpl`` and of the distributions' own files in cloud.cfg.d.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from typing import Any

from ..apply.frozen import dataclass
from ..apply.paths import clean
from ..apply.plan import File, Link, Node, Plan
from ..ignition.config import Config
from .nodes import HOSTNAME

#: A host name, with its domain or without.
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9-]+)*")


@dataclass(frozen=True)
class Switch:
    """Set ``key`` to ``value`` if the config has a node at one of ``paths`` (shell patterns)."""

    key: str
    value: Any
    paths: tuple[str, ...]


SWITCHES = (
    # cc_ssh removes all host keys and makes new ones.
    Switch("ssh_deletekeys", False, ("/etc/ssh/ssh_host_*key", "/etc/ssh/ssh_host_*key.pub")),
    # cc_update_etc_hosts; Debian's cloud images switch it on.
    Switch("manage_etc_hosts", False, ("/etc/hosts",)),
    # cc_resolv_conf runs on some distributions only, but never harms to say.
    Switch("manage_resolv_conf", False, ("/etc/resolv.conf",)),
    # cc_locale rewrites these whenever the system's locale is another than cloud-init's.
    Switch("locale", False, ("/etc/locale.conf", "/etc/locale.gen", "/etc/default/locale")),
    # cc_apt_configure makes the list of sources anew (Ubuntu) or adapts it.
    Switch(
        "apt",
        {"preserve_sources_list": True},
        ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*"),
    ),
)

#: sshd's configuration, and the file in it that cloud-init writes.
SSHD = ("/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/*")
SSHD_CLOUD_INIT = "/etc/ssh/sshd_config.d/50-cloud-init.conf"

#: What configures the network; cloud-init's own rendering would stand beside it.
NETWORK = (
    "/etc/netplan/*",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/*",
    # Not *.link: names and settings of devices say nothing of addresses.
    "/etc/systemd/network/*.network",
    "/etc/systemd/network/*.network.d/*",
    "/etc/systemd/network/*.netdev",
    "/etc/NetworkManager/system-connections/*",
    "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/sysconfig/network/ifcfg-*",
    "/etc/wicked/*",
)


def _touches(paths: Iterable[str], patterns: Iterable[str]) -> bool:
    patterns = tuple(patterns)
    # Nearly all paths of a large config end here, long before any pattern is looked at.
    starts = tuple(pattern.partition("*")[0] for pattern in patterns)
    near = [path for path in paths if path.startswith(starts)]
    return any(fnmatch.fnmatchcase(path, pattern) for path in near for pattern in patterns)


def hostname_switches(plan: Plan) -> dict[str, Any]:
    """The name that /etc/hostname gives becomes cloud-init's, so that a user's own one can win.

    cc_set_hostname then writes the same file once more: 0644, root's, the name and a line end. If
    the config wants the file to be anything else, cloud-init has to keep its hands off it.
    """
    for step in plan.steps:
        if isinstance(step, Node) and step.path == HOSTNAME:
            name = _plain_name(step)
            if name is None:
                return {"preserve_hostname": True}
            # Without the second key, all behind the first dot would be cut off.
            whole = {"prefer_fqdn_over_hostname": True} if "." in name else {}
            return {"hostname": name, **whole, "preserve_hostname": False}
    return {}


def _plain_name(step: Node) -> str | None:
    """The name in the file, if cloud-init would write the same file for it."""
    if not isinstance(step, File) or step.contents is None or step.contents.staged is not None:
        return None
    ordinary = step.mode in (None, 0o644) and step.user in (None, 0) and step.group in (None, 0)
    name = step.contents.data.decode("utf-8", "replace").rstrip("\n")
    return name if ordinary and not step.append and _NAME.fullmatch(name) else None


def ssh_switches(plan: Plan) -> dict[str, Any]:
    """cc_set_passwords sets PasswordAuthentication where the image says ssh_pwauth (Fedora, RHEL).

    If the config's own files say it, cloud-init is told the same and has nothing to change. If they
    do not, only null keeps it from adding a line to them; newer versions warn of null, so it is
    used only for the files that would be changed.
    """
    nodes = [
        step
        for step in plan.steps
        if isinstance(step, (File, Link)) and step.path.startswith("/etc/ssh/")
    ]
    files = [node for node in nodes if fnmatch.fnmatchcase(node.path, SSHD[1])]
    own = [node for node in nodes if node.path in (SSHD[0], SSHD_CLOUD_INIT)]
    for node in (*sorted(files, key=lambda node: node.path), *own):
        said = _password_authentication(node)
        if said is not None:
            return {"ssh_pwauth": said}
    return {"ssh_pwauth": None} if own else {}


def _password_authentication(node: Node) -> bool | None:
    """What a file of sshd says before its first Match block."""
    if not isinstance(node, File) or node.contents is None:
        return None
    text = re.split(r"(?im)^\s*match\s", node.contents.data.decode("utf-8", "replace"))[0]
    found = re.search(r"(?im)^\s*passwordauthentication[\s=]+\"?(yes|no)\b", text)
    return found.group(1).lower() == "yes" if found else None


def switches(config: Config, plan: Plan) -> dict[str, Any]:
    """The keys that this config needs, in a fixed order."""
    paths = [step.path for step in plan.steps if isinstance(step, (File, Link))]
    found = {**hostname_switches(plan), **ssh_switches(plan)}
    found.update({item.key: item.value for item in SWITCHES if _touches(paths, item.paths)})
    root = [user for user in config.passwd.users if user.name == "root"]
    if any(user.ssh_authorized_keys for user in root):
        # cc_ssh would put a command into root's keys that sends people away.
        found["disable_root"] = False
    return found


def configures_network(config: Config) -> bool:
    """Whether the config brings network files of its own: the datasource then hands cloud-init
    no network configuration, and none is made up."""
    nodes = (*config.storage.files, *config.storage.links)
    return _touches([clean(node.path) for node in nodes], NETWORK)
