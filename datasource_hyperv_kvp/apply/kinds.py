"""Which handler does which kind of step."""

from __future__ import annotations

from typing import Any

from . import accounts, hostname, nodes, plan, users
from .handler import Handler

HANDLERS: dict[type[plan.Step], Handler[Any]] = {
    plan.Group: accounts.GroupHandler(),
    plan.User: users.UserHandler(),
    plan.Directory: nodes.DirectoryHandler(),
    plan.File: nodes.FileHandler(),
    plan.Link: nodes.LinkHandler(),
    hostname.HostName: hostname.HostNameHandler(),
}
