from __future__ import annotations

from .handler import Handler
from .plan import Group, User


class GroupHandler(Handler[Group]):
    """Groups."""


class UserHandler(Handler[User]):
    """Users."""
