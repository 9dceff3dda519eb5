"""What a kind of step has to provide, and what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from .errors import Finding
from .journal import Journal, State
from .machine import Machine
from .outlook import Outlook
from .plan import Plan, Step

S = TypeVar("S", bound=Step)


@dataclass(frozen=True)
class Run:
    """One application of a plan.

    :param plan: in its final order.
    :param paths: every node's path as written, and what it resolves to.
    :param fresh: the steps, by their keys, that no earlier run has begun.
    """

    machine: Machine
    plan: Plan
    paths: Mapping[str, str]
    journal: Journal
    fresh: set[str] = field(default_factory=set)


class Handler(Generic[S]):
    """The three parts of a kind of step.

    :cvar alone: whether the steps before it must be on the disk, and their ``done`` written,
        before this step begins. True for what runs programs or looks at what earlier steps made;
        nodes, which only look at their own path, go in batches.
    """

    alone: bool = True

    def check(self, step: S, outlook: Outlook) -> Iterator[Finding]:
        """What stands in the way, changing nothing. Tells ``outlook`` what the step will make."""
        raise NotImplementedError

    def before(self, step: S, run: Run) -> State:
        """What the step's decisions depend on. Written to the journal before :meth:`apply`.

        After a power cut the *recorded* state is handed to :meth:`apply` again, so that what we
        began ourselves is not taken for something that was already there.
        """
        raise NotImplementedError

    def renew(self, step: S, before: State, run: Run) -> State:
        """The state for a step of another plan than the one that recorded ``before``.

        That plan was interrupted or failed, and the config was repaired since: what it has made at
        the same place is still ours.
        """
        return before

    def apply(self, step: S, before: State, run: Run) -> None:
        """Do it, all of it, whatever part of it an earlier run has done: same state, same end.

        Raises ApplyError.
        """
        raise NotImplementedError
