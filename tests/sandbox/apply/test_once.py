"""Once an instance, whole, and to the same end however often the power goes."""

from __future__ import annotations

import json
from pathlib import Path

from datasource_hyperv_kvp.apply.plan import Directory, File, Group, Link, Plan, User
from tests.sandbox.apply.guest import STATE, ApplyGuest, text

AT = "$.x"


def test_a_plan_is_applied_once_an_instance(guest: ApplyGuest) -> None:
    step = File(at=AT, path="/srv/log", append=(text("x"),))
    guest.applied(step)
    result = guest.read(f"{STATE}/result.json")
    assert guest.applied(step).err == ""
    assert guest.read("/srv/log") == "x"
    assert guest.read(f"{STATE}/result.json") == result
    assert "only once" in guest.applied(File(at=AT, path="/srv/other")).err
    assert not guest.exists("/srv/other")
    assert guest.apply(step, instance="i-2").code == 0
    assert guest.read("/srv/log") == "xx"


def test_a_boot_that_does_not_count_any_more_leaves_room_for_another_config(
    guest: ApplyGuest,
) -> None:
    once = File(at=AT, path="/srv/log", append=(text("x"),))
    guest.applied(once)
    # What the datasource does after a boot that ended with a fault, the payload being mended.
    guest.sh(f"rm {STATE}/result.json")
    guest.applied(once, File(at=AT, path="/srv/new"))
    assert guest.read("/srv/log") == "x"
    assert guest.exists("/srv/new")
    assert guest.applied(once, File(at=AT, path="/srv/new")).err == ""


def break_program(guest: ApplyGuest, name: str) -> None:
    guest.sh(f"mv /usr/sbin/{name} /{name}; cp /bin/false /usr/sbin/{name}")


def mend_program(guest: ApplyGuest, name: str) -> None:
    guest.sh(f"mv /{name} /usr/sbin/{name}")


def test_what_was_done_before_a_failure_is_not_done_again(guest: ApplyGuest) -> None:
    log = File(at=AT, path="/srv/log", append=(text("x"),))
    late = Group(at="$.g", name="late")
    break_program(guest, "groupadd")
    assert guest.apply(log, late).code == 1
    guest.sh("echo y >> /srv/log")
    mend_program(guest, "groupadd")
    guest.applied(log, late)
    assert guest.read("/srv/log") == "xy\n"
    assert guest.sh("getent group late").startswith("late:")


def test_a_failure_is_told_and_the_next_boot_tries_the_rest_again(guest: ApplyGuest) -> None:
    steps = (
        Group(at="$.g", name="made"),
        User(at="$.u", name="new", groups=("made",)),
        File(at="$.f", path="/srv/f", contents=text("x"), user="new"),
    )
    break_program(guest, "useradd")
    result = guest.apply(*steps)
    assert result.code == 1
    assert "$.u: user new: useradd" in result.err
    document = guest.result()
    assert document["status"] == "failed"
    assert [finding["at"] for finding in document["findings"]] == ["$.u"]
    mend_program(guest, "useradd")
    guest.applied(*steps)
    assert guest.stat("/srv/f") == "regular file 644 new root"


def test_a_repaired_config_goes_on_from_what_the_broken_one_has_made(guest: ApplyGuest) -> None:
    file = File(at="$.f", path="/home/new/f", contents=text("x"), user="new")
    other = User(at="$.v", name="other")
    break_program(guest, "groupadd")
    assert guest.apply(User(at="$.u", name="new"), other, file, Group(at=AT, name="g")).code == 1
    guest.sh("useradd late")
    guest.applied(User(at="$.u", name="new", shell="/bin/dash"), other, file)
    assert guest.sh("getent passwd new | cut -d: -f7") == "/bin/dash"
    assert guest.stat("/home/new/f") == "regular file 644 new root"
    assert guest.sh("id -un late") == "late"


def test_a_damaged_plan_changes_nothing(guest: ApplyGuest) -> None:
    guest.sandbox.write("/plan.json", '{"version": 2, "steps": []}')
    command = ["python3", "-m", "ignition_apply", "/plan.json"]
    result = guest.sandbox.run(
        command, env={"PYTHONPATH": "/opt/ignition", "INSTANCE_ID": "i-1"}, check=False
    )
    assert result.code == 1
    assert "not a plan of version 1" in result.err


def test_wherever_the_power_goes_the_next_boot_ends_the_same(guest: ApplyGuest) -> None:
    guest.sh("useradd -m old; useradd -m gone")
    guest.sh("mkdir -p /srv/tree/x; echo old > /srv/log; chmod 600 /srv/log")
    guest.sh("ln -s /etc /srv/link; mkdir -p /srv/linked; ln -s linked /srv/parent")
    steps = (
        Group(at=AT, name="db", gid=4000, password_hash="$6$group"),
        User(
            at=AT,
            name="new",
            groups=("db",),
            password_hash="$6$new",
            ssh_authorized_keys=("ssh-ed25519 A",),
            default_user_rights=True,
        ),
        User(at=AT, name="old", uid=4500, home_dir="/srv/old", password_hash="", groups=("db",)),
        User(at=AT, name="root", home_dir="/var/roothome"),
        User(at=AT, name="gone", should_exist=False),
        Directory(at=AT, path="/srv/tree", overwrite=True, group="db", mode=0o2775),
        Directory(at=AT, path="/srv/parent", overwrite=True),
        Link(at=AT, path="/srv/link", target="tree", overwrite=True),
        File(at=AT, path="/srv/log", append=(text("one"), text("two"))),
        File(at=AT, path="/srv/parent/f", contents=text("p")),
        File(at=AT, path="/srv/tree/a/b", contents=text("b"), user="new", mode=0o4711),
        Link(at=AT, path="/srv/hard", target="/srv/tree/a/b", hard=True),
    )
    guest.sandbox.write("/plan.json", Plan(steps).to_text())
    script = Path(__file__).with_name("power_cuts.py").read_text()
    guest.sandbox.write("/cuts.py", script)
    answer = json.loads(guest.sandbox.run(["python3", "/cuts.py"]).out)
    assert len(answer["points"]) > 40
    assert answer["differences"] == {}
