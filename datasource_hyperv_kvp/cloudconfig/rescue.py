"""A way into a machine whose config was checked and then failed while it was applied.

A config that comes alone makes the users, and the cloud-config keeps cloud-init from making its
default one. cloud-init has read that before it runs bootcmd, and asks nobody afterwards; so if the
config fails, bootcmd has cloud-init's own modules make the default user, by the image's settings.
"""

from __future__ import annotations

#: An item of bootcmd, all of which are one script: follows :func:`.script.script`.
#:
#: The environment's file goes before the cloud-config that says ``users: []`` (``CLOUD_CFG`` in
#: cloud-init's ``settings.py``; the option for a file stands in different places in 22.4 and 25.1).
#: No host keys are made or deleted: that is for the stage that is running. Without an instance
#: kept, this is no boot of cloud-init's.
RESCUE = """\
# Nobody may have an account if the config was not applied: cloud-init makes its default user then.
if [ "$ignition_status" -ne 0 ] && [ -e /var/lib/cloud/instance/obj.pkl ]; then
  rescue=$(mktemp /run/ignition-rescue.XXXXXXXX)
  printf '%s\\n' '#cloud-config' 'users: [default]' 'ssh_deletekeys: false' \\
    'ssh_genkeytypes: []' > "$rescue"
  for module in users_groups ssh; do
    CLOUD_CFG=$rescue cloud-init single --name "$module" --frequency always
  done
  rm -f "$rescue"
fi
"""
