"""What the running boot has to start, restart and stop: decided from what systemd says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datasource_hyperv_kvp.apply.first_boot import Decision, decide
from datasource_hyperv_kvp.apply.systemd import UnitState

MULTI_USER = "multi-user.target"


def state(name: str, *pulled_by: str, **values: Any) -> UnitState:
    return UnitState(name=name, pulled_by=frozenset(pulled_by), **values)


def decided(
    *states: UnitState,
    queued: Mapping[str, str] | None = None,
    candidates: Iterable[str] = (),
    changed: Iterable[str] = (),
    masked: Iterable[str] = (),
    disabled: Iterable[str] = (),
) -> Decision:
    return decide(
        {state.name: state for state in states},
        queued={MULTI_USER: "start"} if queued is None else queued,
        candidates=candidates,
        changed=changed,
        masked=masked,
        disabled=disabled,
    )


def test_a_unit_that_a_coming_target_wants_is_started() -> None:
    decision = decided(state("a.service", MULTI_USER), candidates=["a.service"])
    assert decision == Decision(start=frozenset(["a.service"]))


def test_a_unit_that_a_reached_target_wants_is_started_too() -> None:
    reached = state(MULTI_USER, active=True)
    decision = decided(state("a.service", MULTI_USER), reached, candidates=["a.service"], queued={})
    assert decision.start == {"a.service"}


def test_a_unit_that_nothing_in_this_boot_wants_stays_off() -> None:
    decision = decided(state("a.service", "rescue.target"), candidates=["a.service"])
    assert decision == Decision()


def test_what_a_started_unit_pulls_in_comes_with_it() -> None:
    decision = decided(
        state("own.target", MULTI_USER),
        state("b.service", "own.target"),
        state("c.service", "other.target"),
        candidates=["b.service", "c.service", "own.target"],
    )
    assert decision.start == {"own.target", "b.service"}


def test_what_was_tried_runs_waits_is_missing_or_masked_is_not_started() -> None:
    decision = decided(
        state("tried.service", MULTI_USER, tried=True),
        state("runs.service", MULTI_USER, active=True),
        state("waits.service", MULTI_USER),
        state("missing.service", MULTI_USER, loaded=False),
        state("masked.service", MULTI_USER),
        state("cloud-final.service", MULTI_USER),
        queued={MULTI_USER: "start", "waits.service": "start"},
        candidates=[
            f"{name}.service"
            for name in ("tried", "runs", "waits", "missing", "masked", "cloud-final")
        ],
        masked=["masked.service"],
    )
    assert decision == Decision()


def test_a_unit_that_comes_too_late_needs_a_reboot() -> None:
    early = state("early.service", "sysinit.target", before=frozenset(["sysinit.target"]))
    mount = state("srv.mount", "local-fs.target", before=frozenset(["local-fs.target"]))
    targets = [state(name, active=True) for name in ("sysinit.target", "local-fs.target")]
    decision = decided(early, mount, *targets, candidates=["early.service", "srv.mount"])
    # A mount is as good later as earlier.
    assert decision.start == {"srv.mount"}
    assert decision.reboot == ("early.service belongs before sysinit.target",)


def test_a_unit_for_a_target_that_is_still_to_come_is_early_enough() -> None:
    early = state("early.service", "sysinit.target", before=frozenset(["sysinit.target"]))
    decision = decided(early, queued={"sysinit.target": "start"}, candidates=["early.service"])
    assert decision == Decision(start=frozenset(["early.service"]))


def test_a_running_unit_is_started_again_with_its_new_settings() -> None:
    decision = decided(
        state("runs.service", active=True),
        state("idle.service"),
        changed=["runs.service", "idle.service"],
    )
    assert decision == Decision(restart=frozenset(["runs.service"]))


def test_a_unit_that_cannot_be_started_again_needs_a_reboot() -> None:
    decision = decided(
        state("done.service", active=True, oneshot=True),
        state("dbus.service", active=True),
        state("stubborn.service", active=True, refuses_stop=True),
        state("own.target", active=True),
        changed=["done.service", "dbus.service", "stubborn.service", "own.target"],
    )
    assert decision.restart == frozenset()
    assert [reason.split()[0] for reason in decision.reboot] == [
        "dbus.service",
        "done.service",
        "stubborn.service",
    ]


def test_cloud_init_itself_is_never_touched() -> None:
    decision = decided(
        state("cloud-init-local.service", active=True),
        state("cloud-final.service", active=True),
        changed=["cloud-init-local.service"],
        masked=["cloud-final.service"],
    )
    assert (decision.restart, decision.stop, decision.reboot) == (frozenset(), frozenset(), ())
    assert len(decision.notes) == 2


def test_a_unit_that_is_named_like_cloud_inits_is_a_unit_like_others() -> None:
    name = "cloud-init-done.service"
    assert decided(state(name, MULTI_USER), candidates=[name]).start == {name}


def test_masked_and_disabled_units_are_stopped_or_taken_from_the_queue() -> None:
    decision = decided(
        state("masked.service", MULTI_USER, active=True),
        state("queued.service"),
        state("idle.service"),
        state("needed.service", "other.service", active=True),
        state("socket.service", active=True, triggered_by=frozenset(["socket.socket"])),
        queued={"queued.service": "start"},
        masked=["masked.service"],
        disabled=["queued.service", "idle.service", "needed.service", "socket.service"],
    )
    assert decision == Decision(stop=frozenset(["masked.service", "queued.service"]))


def test_properties_as_systemctl_prints_them() -> None:
    values = {
        "Id": "a.service",
        "LoadState": "loaded",
        "ActiveState": "activating",
        "Type": "oneshot",
        "WantedBy": "multi-user.target x.target",
        "RequiredBy": "y.target",
        "Before": "shutdown.target",
        "ConditionTimestampMonotonic": "0",
    }
    parsed = UnitState.from_properties(values)
    assert parsed.active
    assert parsed.oneshot
    assert not parsed.tried
    assert parsed.pulled_by == {"multi-user.target", "x.target", "y.target"}
