"""User-data as one MIME message: the user's part, what an Ignition config became, and faults.

cloud-init is always given MIME, also for a single document: raw user-data that begins as
``#cloud-config`` is examined in the local stage by cloud-init 25.1 and later, and valid YAML of an
unexpected shape (``write_files: null``) ends that stage.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from email.message import Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.parser import Parser

from datasource_hyperv_kvp.faults import Fault

#: How cloud-init merges the Ignition part, which comes last, into what the user's part made: lists
#: are Ignition's then the user's, and every scalar of the user's stands.
MERGE_TYPE = "list(prepend)+dict(no_replace,recurse_list)+str()"

#: cloud-init asks for the type by looking at the text, as it does for user-data without MIME.
_DETECT = "x-not-multipart"

#: A fixed boundary keeps the message the same for the same input. It cannot stand in a part: parts
#: that hold it are base64.
_BOUNDARY = "==datasource_hyperv_kvp=="

#: cloud-init looks for a header this far into user-data to tell MIME from other text
#: (``cloudinit.user_data.convert_string``).
_MIME_WINDOW = 4096


def compose(
    user_data: str | None,
    ignition_cloud_config: str | None = None,
    faults: Sequence[Fault] = (),
    *,
    instance_id: str = "",
    keep_host_keys: bool = False,
    more_to_come: bool = False,
) -> str | None:
    """Return user-data (or vendor-data) for cloud-init, or None if there is nothing to hand on.

    :param user_data: the user's document in any form that cloud-init knows.
    :param ignition_cloud_config: the text of the cloud-config that an Ignition config became.
    :param faults: each becomes a script that fails at every boot of this instance, so that
        ``cloud-init status`` is not clean on versions that do not count logged errors (before 23.4)
        either.
    :param instance_id: the instance that the faults belong to.
    :param keep_host_keys: this machine is provisioned once more, and whoever has been on it knows
        its SSH host keys.
    :param more_to_come: user-data is composed again when the network is up; until then it must not
        be empty, or cloud-init 25.1 and later do not wait for the network.
    """
    parts: list[Message] = []
    if keep_host_keys:
        parts.append(_text_part("#cloud-config\nssh_deletekeys: false\n", "cloud-config"))
    if user_data:
        parts.append(_user_part(user_data))
    if ignition_cloud_config:
        parts.append(_ignition_part(ignition_cloud_config))
    parts.extend(_fault_part(fault, instance_id) for fault in faults)
    if more_to_come and not parts:
        parts.append(_text_part("#cloud-config\n# Waits for the network.\n{}\n", "cloud-config"))
    if not parts:
        return None
    message = MIMEMultipart(boundary=_BOUNDARY)
    for part in parts:
        message.attach(part)
    return message.as_string()


def is_mime(text: str) -> bool:
    """Tell whether a text is a MIME message.

    cloud-init takes whatever says ``MIME-Version:`` near its beginning for MIME, also a
    cloud-config that merely writes a mail; the text must begin with a header as well.
    """
    window = text.encode()[:_MIME_WINDOW].lower()
    return b"mime-version:" in window and re.match(rb"\s*[!-9;-~]+:", window) is not None


def _user_part(text: str) -> Message:
    if not is_mime(text):
        return _text_part(text, _DETECT)
    inner = Parser().parsestr(text)
    for leaf in inner.walk():
        _protect_8bit(leaf)
    return MIMEMessage(inner)


def _protect_8bit(part: Message) -> None:
    """Encode a part whose text is not ASCII: cloud-init loses it otherwise."""
    payload = part.get_payload()
    encoding = str(part.get("Content-Transfer-Encoding", "8bit")).lower()
    if (
        not isinstance(payload, str)
        or payload.isascii()
        or encoding not in {"7bit", "8bit", "binary"}
    ):
        return
    del part["Content-Transfer-Encoding"]
    _set_base64(part, payload)
    part.set_param("charset", "utf-8")


def _ignition_part(text: str) -> Message:
    part = _text_part(text, "cloud-config")
    part["Merge-Type"] = MERGE_TYPE
    part.add_header("Content-Disposition", "attachment", filename="ignition.config")
    return part


def _fault_part(fault: Fault, instance_id: str) -> Message:
    # cloud-init keeps scripts of this type beyond the instance, hence the question whose it is.
    part = _text_part(fault.script_of_instance(instance_id), "x-shellscript-per-boot")
    part.add_header("Content-Disposition", "attachment", filename=fault.script_name)
    return part


def _text_part(text: str, subtype: str) -> Message:
    """Return a part that keeps every character: readable if it can be, else base64."""
    part = MIMENonMultipart("text", subtype, charset="utf-8")
    if _is_plain(text):
        part["Content-Transfer-Encoding"] = "7bit"
        part.set_payload(text)
    else:
        _set_base64(part, text)
    return part


def _set_base64(part: Message, text: str) -> None:
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(base64.encodebytes(text.encode()).decode("ascii"))


def _is_plain(text: str) -> bool:
    # A generator of messages rewrites carriage returns and escapes lines that begin with "From ".
    return (
        text.isascii()
        and "\r" not in text
        and _BOUNDARY not in text
        and not re.search(r"^From ", text, re.MULTILINE)
    )
