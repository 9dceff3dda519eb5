"""Documents that the scenarios send, and what is to be seen when they were applied."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from datasource_hyperv_kvp.payload import encode

#: Stands in everything that is nobody's business but root's.
SECRET = "Zk3vQ9-secret-marker-8fLw"
#: A password's hash (of "guest"): a secret, too.
PASSWORD_HASH = (
    "$6$labsalt$CbstAoaRN.NInjvM/d7X1y2pVSPHrN2VYshuMu83COXJzLJvX"
    "Mbja7BorJsTz7UbmgHZpZ/31R/k0rz0XRcx/1"
)
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0Fy0nwbpQV2bkAzVzgkmTXhEsFPJeSLVKMoZtYYGzM lab"

USER_DATA = f"""\
## template: jinja
#cloud-config
users:
- default
- name: alice
  lock_passwd: false
  hashed_passwd: "{PASSWORD_HASH}"
  ssh_authorized_keys: ["{SSH_KEY}"]
write_files:
- path: /root/secret
  permissions: '0600'
  content: "{SECRET}"
- path: /srv/vm-name
  content: "{{{{ ds.meta_data.hyperv.virtual_machine_name }}}}"
runcmd:
- "echo applied >> /srv/count; echo {SECRET} > /dev/null"
"""

META_DATA = "local-hostname: named-by-host\n"

IGNITION: dict[str, Any] = {
    "ignition": {"version": "3.4.0"},
    "passwd": {
        "groups": [{"name": "operators", "gid": 4242}],
        "users": [
            {
                "name": "core",
                "passwordHash": PASSWORD_HASH,
                "sshAuthorizedKeys": [SSH_KEY],
                "groups": ["operators"],
            }
        ],
    },
    "storage": {
        "directories": [{"path": "/opt/app/data", "mode": 0o750, "user": {"name": "core"}}],
        "files": [
            {
                "path": "/opt/app/config",
                "mode": 0o600,
                "contents": {"source": "data:," + quote(SECRET)},
            },
            {"path": "/opt/app/public", "mode": 0o644, "contents": {"source": "data:,for%20all"}},
        ],
        "links": [{"path": "/opt/app/current", "target": "config"}],
    },
    "systemd": {
        "units": [
            {
                "name": "app.service",
                "enabled": True,
                "contents": "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                "ExecStart=/bin/cp /opt/app/public /run/app-ran\n"
                "[Install]\nWantedBy=multi-user.target\n",
            }
        ]
    },
}

#: A config whose every step is seen by :func:`state`.
IGNITION_TEXT = json.dumps(IGNITION)


def keys(documents: Mapping[str, str], *, manifest: bool = True) -> dict[str, str]:
    """Give a host's keys for documents, plain, so that stale and secret texts can be looked for."""
    encoded = encode(documents, encoding="")
    if not manifest:
        del encoded["cloud-init.manifest"]
    return encoded


def both() -> dict[str, str]:
    """Give the keys of an Ignition config beside user-data and meta-data."""
    return keys(
        {
            "ignition.config": IGNITION_TEXT,
            "cloud-init.user-data": USER_DATA,
            "cloud-init.meta-data": META_DATA,
        }
    )


#: A shell script that shows everything that :data:`IGNITION` and :data:`USER_DATA` make.
STATE = """\
stat -c '%n %F %a %U:%G %s' /opt/app /opt/app/* /root/secret /srv/vm-name \
    /home/core/.ssh /home/core/.ssh/authorized_keys /home/alice/.ssh/authorized_keys \
    /etc/systemd/system/app.service
readlink /opt/app/current
sha256sum /opt/app/config /opt/app/public /root/secret /srv/vm-name \
    /home/core/.ssh/authorized_keys /home/alice/.ssh/authorized_keys
getent group operators | cut -d: -f1,3,4
for user in core alice debian; do
    getent passwd $user | cut -d: -f1,6,7; getent shadow $user | cut -d: -f2; id -nG $user
done
systemctl is-enabled app.service
systemctl is-active app.service ssh.service
cat /run/app-ran; echo
hostname
"""
