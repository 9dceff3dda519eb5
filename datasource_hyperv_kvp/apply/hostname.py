"""The running host name: systemd has read /etc/hostname long before a config writes it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

from .errors import Finding
from .handler import Handler, Run
from .journal import State
from .outlook import Outlook
from .plan import HostName

HOSTNAME = Path("/etc/hostname")


class HostNameHandler(Handler[HostName]):
    def check(self, step: HostName, outlook: Outlook) -> Iterator[Finding]:
        yield from ()

    def before(self, step: HostName, run: Run) -> State:
        return {}

    def apply(self, step: HostName, before: State, run: Run) -> None:
        try:
            name = name_in(HOSTNAME.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:  # a link of the config that leads nowhere yet
            name = ""
        if not name:
            run.machine.warn(f"{HOSTNAME} holds no name; the running name stays")
            return
        try:
            socket.sethostname(name)
        except OSError as error:
            # A container may not; what counts is the file, and it is right at the next boot.
            run.machine.warn(f"the running name stays: {error}")


def name_in(text: str) -> str:
    """The name as systemd reads it: the first line that is neither empty nor a comment."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("#")), "")
