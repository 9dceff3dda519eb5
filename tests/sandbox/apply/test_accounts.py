"""Groups and users on a real root with the distribution's own programs."""

from __future__ import annotations

from datasource_hyperv_kvp.apply.plan import Group, User
from tests.sandbox.apply.guest import STATE, ApplyGuest

AT = "$.passwd"
HASH = "$6$salt$abcdefghijklmnop"
KEY = "ssh-ed25519 AAAAC3Nza one"
OTHER = "ssh-ed25519 AAAAC3Nzb two"


def field(guest: ApplyGuest, database: str, name: str, number: int) -> str:
    """One column of an account file, counted from 1."""
    return guest.sh(f"grep '^{name}:' /etc/{database} | cut -d: -f{number}")


def test_new_groups_and_users(guest: ApplyGuest) -> None:
    guest.applied(
        Group(at=AT, name="db", gid=4000, password_hash=HASH),
        Group(at=AT, name="sys", system=True),
        Group(at=AT, name="service", system=True),
        User(
            at=AT,
            name="app",
            uid=4100,
            gecos="The App",
            primary_group="db",
            groups=("mail", "service"),
            home_dir="/srv/app",
            shell="/bin/bash",
            password_hash=HASH,
            ssh_authorized_keys=(KEY, OTHER),
        ),
        User(at=AT, name="plain"),
        User(at=AT, name="empty-hash", password_hash="", no_user_group=True),
        User(at=AT, name="daemon1", system=True, no_create_home=True),
        User(at=AT, name="daemon2", system=True, no_log_init=True),
    )
    assert guest.sh("getent group db") == "db:x:4000:"
    assert field(guest, "gshadow", "db", 2) == HASH
    assert field(guest, "gshadow", "service", 2) == "!"
    assert int(field(guest, "group", "service", 3)) < 1000
    assert guest.sh("getent passwd app") == "app:x:4100:4000:The App:/srv/app:/bin/bash"
    assert guest.sh("id -Gn app") == "db mail service"
    assert field(guest, "shadow", "app", 2) == HASH
    assert guest.read("/srv/app/.ssh/authorized_keys") == f"{KEY}\n{OTHER}\n"
    assert guest.stat("/srv/app/.ssh") == "directory 700 app db"
    assert guest.stat("/srv/app/.ssh/authorized_keys") == "regular file 600 app db"
    assert guest.exists("/srv/app/.profile")
    assert guest.sh("id -gn plain") == "plain"
    assert {field(guest, "shadow", name, 2) for name in ("plain", "empty-hash", "daemon1")} == {"*"}
    assert guest.sh("id -gn empty-hash") == "users"
    assert not guest.exists("/home/daemon1")
    assert guest.stat("/home/daemon2") == "directory 755 daemon2 daemon2"


def test_existing_accounts_are_modified(guest: ApplyGuest) -> None:
    guest.sh(
        "groupadd one; groupadd two; useradd -m -G one,mail -p oldhash old; chmod 711 /home/old"
    )
    guest.sh("mkdir -m 755 /home/old/.ssh; echo before > /home/old/.ssh/authorized_keys")
    guest.sh("chmod 644 /home/old/.ssh/authorized_keys; chown -R old:old /home/old/.ssh")
    guest.applied(
        Group(at=AT, name="one", gid=4321, password_hash=HASH, system=True),
        Group(at=AT, name="two"),
        User(
            at=AT,
            name="old",
            uid=4444,
            gecos="New",
            groups=("two",),
            home_dir="/srv/moved",
            shell="/bin/bash",
            ssh_authorized_keys=(KEY,),
        ),
        User(at=AT, name="games", password_hash=HASH, no_create_home=True),
        User(at=AT, name="mail", password_hash="", no_create_home=True),
    )
    assert field(guest, "group", "one", 3) == "4321"
    assert field(guest, "gshadow", "one", 2) == HASH
    passwd = guest.sh("getent passwd old").split(":")
    assert (passwd[2], *passwd[4:]) == ("4444", "New", "/srv/moved", "/bin/bash")
    assert guest.sh("id -Gn old") == "old two"
    assert field(guest, "shadow", "old", 2) == "oldhash"
    assert guest.stat("/srv/moved") == "directory 711 old old"
    assert guest.stat("/srv/moved/.profile") == "regular file 644 old old"
    assert not guest.exists("/home/old")
    assert guest.read("/srv/moved/.ssh/authorized_keys") == f"{KEY}\n"
    assert guest.stat("/srv/moved/.ssh") == "directory 755 old old"
    assert guest.stat("/srv/moved/.ssh/authorized_keys") == "regular file 644 old old"
    assert field(guest, "shadow", "games", 2) == HASH
    assert field(guest, "shadow", "mail", 2) == "*"


def test_accounts_whose_processes_run_are_modified_too(guest: ApplyGuest) -> None:
    guest.sh("useradd -m busy; useradd -m gone")
    guest.sandbox.start(["sleep", "60"], user="busy")
    guest.sandbox.start(["sleep", "60"], user="gone")
    guest.sh("until pgrep -u busy sleep && pgrep -u gone sleep; do sleep 0.1; done")
    guest.applied(
        User(at=AT, name="root", home_dir="/var/roothome", gecos="R", ssh_authorized_keys=(KEY,)),
        User(at=AT, name="busy", uid=5555, shell="/bin/bash"),
        User(at=AT, name="gone", should_exist=False),
    )
    assert guest.sh("getent passwd root") == "root:x:0:0:R:/var/roothome:/bin/bash"
    assert guest.stat("/var/roothome") == "directory 700 root root"
    assert guest.read("/var/roothome/.ssh/authorized_keys") == f"{KEY}\n"
    assert guest.sh("getent passwd busy").split(":")[2] == "5555"
    assert guest.stat("/home/busy/.profile") == "regular file 644 busy busy"
    assert guest.stat("/etc/passwd") == "regular file 644 root root"
    assert guest.sh("getent passwd gone || true") == ""
    assert not guest.exists("/home/gone")


def test_accounts_that_should_not_exist(guest: ApplyGuest) -> None:
    guest.sh("useradd -m gone; groupadd gone-group")
    guest.applied(
        Group(at=AT, name="gone-group", should_exist=False),
        Group(at=AT, name="never-there", should_exist=False),
        User(at=AT, name="gone", should_exist=False),
        User(at=AT, name="nor-this", should_exist=False),
    )
    assert guest.sh("grep -h ^gone /etc/passwd /etc/group || true") == ""
    assert not guest.exists("/home/gone")


def test_core_gets_a_default_users_rights_only_when_it_is_made(guest: ApplyGuest) -> None:
    guest.applied(User(at=AT, name="core", groups=("mail",), default_user_rights=True))
    assert guest.sh("id -Gn core") == "core adm mail sudo systemd-journal"
    assert guest.sh("getent passwd core").endswith(":CoreOS Admin:/home/core:/bin/bash")
    assert guest.stat("/etc/sudoers.d/90-ignition-core") == "regular file 440 root root"
    assert guest.sandbox.run(["sudo", "-n", "id", "-un"], user="core").out == "root\n"


def test_core_stays_as_it_is_where_the_image_has_it(guest: ApplyGuest) -> None:
    guest.sh("useradd -m core")
    guest.applied(User(at=AT, name="core", default_user_rights=True, ssh_authorized_keys=(KEY,)))
    assert guest.sh("id -Gn core") == "core"
    assert not guest.exists("/etc/sudoers.d/90-ignition-core")


def test_keys_are_written_with_the_users_own_rights(guest: ApplyGuest) -> None:
    guest.sh("useradd -m sly; mkdir /home/sly/.ssh; chown sly /home/sly/.ssh")
    guest.sh("ln -s /etc/shadow /home/sly/.ssh/authorized_keys")
    shadow = guest.read("/etc/shadow")
    # The check sees that it cannot work; nothing is even tried.
    findings = guest.refused(User(at="$.0", name="sly", ssh_authorized_keys=(KEY,)))
    assert len(findings) == 1
    assert findings[0].startswith(
        "$.0.sshAuthorizedKeys: the user may not write to /home/sly/.ssh/"
    )
    assert guest.read("/etc/shadow") == shadow


def test_everything_in_the_way_is_found_at_once(guest: ApplyGuest) -> None:
    guest.sh("useradd -m someone; mkdir /srv/taken; useradd -M homeless")
    findings = guest.refused(
        Group(at="$.g0", name="newgroup", gid=0),
        Group(at="$.g1", name="someone", should_exist=False),
        User(at="$.u0", name="mail2", uid=0),
        User(at="$.u1", name="a", groups=("no-group",), primary_group="no-such"),
        User(at="$.u2", name="adm"),
        User(at="$.u3", name="someone", home_dir="/srv/taken"),
        User(at="$.u4", name="homeless"),
        User(at="$.u5", name="games", ssh_authorized_keys=(KEY,), no_create_home=True),
    )
    assert findings == [
        "$.g0.gid: the group root has this number",
        "$.g1: someone is the primary group of someone",
        "$.u0.uid: the user root has this number",
        "$.u1.groups.0: there is no group 'no-group'",
        "$.u1.primaryGroup: there is no group 'no-such'",
        "$.u2: a group adm exists, and the user would get one of that name",
        "$.u3.homeDir: /srv/taken exists, so /home/someone cannot be moved there",
        "$.u4: the home directory /home/homeless does not exist, and is made for new users only",
        "$.u5.sshAuthorizedKeys: the user may not write to /usr/games, "
        "which /usr/games/.ssh/authorized_keys needs",
    ]


def test_names_that_the_machines_own_tools_refuse_are_found_before_anything_is_changed(
    guest: ApplyGuest,
) -> None:
    long = "n" * 33
    guest.sh(f"sed -i 's/^games:/{long}x:/' /etc/passwd /etc/shadow")
    findings = guest.refused(
        Group(at="$.g0", name="fine"),
        Group(at="$.g1", name=long),
        Group(at="$.g2", name="Odd.Name"),
        Group(at="$.g3", name="+never", should_exist=False),
        User(at="$.u0", name=long, no_user_group=True),
        User(at="$.u1", name="~home"),
        # It is there already, however it came about.
        User(at="$.u2", name=f"{long}x", no_create_home=True),
    )
    assert [finding.partition(":")[0] for finding in findings] == [
        *("$.g1.name", "$.u0.name", "$.u1.name")
    ]
    assert f"'{long}' is not a valid group name" in findings[0]
    assert guest.sh("grep -c ^fine: /etc/group || true; ls -d /run/ignition-* || true") == "0"


def test_a_step_that_fails_leaves_the_account_files_as_they_were(guest: ApplyGuest) -> None:
    before = guest.sh("cat /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid")
    guest.sh(
        "mkdir /srv/kept; mount --bind /srv/kept /srv/kept; mount -o remount,bind,ro /srv/kept"
    )
    step = User(at="$.u", name="new", password_hash=HASH, home_dir="/srv/kept/home")
    result = guest.apply(step)
    assert result.code == 1
    assert guest.result()["status"] == "failed"
    assert guest.sh("cat /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/subuid") == before
    guest.sh("umount /srv/kept")
    guest.applied(step)
    assert field(guest, "shadow", "new", 2) == HASH
    assert guest.exists("/srv/kept/home/.profile")


def test_a_step_that_fails_leaves_homes_as_they_were(guest: ApplyGuest) -> None:
    guest.sh(
        "useradd -m old; mkdir -m 755 /srv/homes; touch /home/old/own; chown old /home/old/own"
    )
    # The last thing that a step does is to write keys; a full disk is one reason why it may fail.
    guest.sh("mkdir -p /etc/skel/.ssh/authorized_keys")
    guest.sh("mkdir -p /home/old/.ssh/authorized_keys; chown -R old /home/old/.ssh")
    state = "find /home -printf '%p %m %u %g\\n' | sort; cat /etc/passwd /etc/shadow"
    before = guest.sh(state)
    for step in (
        User(at="$.u", name="new", ssh_authorized_keys=(KEY,)),
        User(at="$.u", name="old", uid=4800, home_dir="/srv/homes/o", ssh_authorized_keys=(KEY,)),
    ):
        assert guest.apply(step).code == 1
        assert guest.result()["status"] == "failed"
        assert guest.sh(state) == before
    assert guest.sh("ls -A /srv/homes") == ""


def test_account_files_keep_their_selinux_label(guest: ApplyGuest) -> None:
    label = "system_u:object_r:shadow_t:s0"
    python = f"import os; os.setxattr('/etc/shadow', 'security.selinux', b'{label}')"
    guest.sh(f'python3 -c "{python}"')
    guest.applied(User(at=AT, name="games", password_hash=HASH, no_create_home=True))
    assert field(guest, "shadow", "games", 2) == HASH
    python = "import os; print(os.getxattr('/etc/shadow', 'security.selinux').decode())"
    assert guest.sh(f'python3 -c "{python}"') == label


def test_no_hash_is_on_a_command_line_or_in_the_log(guest: ApplyGuest) -> None:
    guest.sh(
        "for name in useradd usermod groupadd groupmod; do\n"
        "mv /usr/sbin/$name /usr/sbin/$name.real\n"
        'printf \'#!/bin/sh\\necho "$0 $*" >> /calls\\nexec $0.real "$@"\\n\' > /usr/sbin/$name\n'
        "chmod 755 /usr/sbin/$name\ndone"
    )
    result = guest.applied(
        Group(at=AT, name="db", password_hash=HASH),
        User(at=AT, name="new", password_hash=HASH, ssh_authorized_keys=(KEY,)),
        User(at=AT, name="games", password_hash=HASH, no_create_home=True),
    )
    assert guest.sh("wc -l < /calls") == "2"
    everything = guest.read("/calls") + result.out + result.err + guest.read(f"{STATE}/journal")
    assert HASH not in everything
    assert "AAAAC3" not in everything
    assert guest.stat(f"{STATE}/journal") == "regular file 600 root root"
    assert guest.stat(f"{STATE}/result.json") == "regular file 600 root root"
    assert guest.stat(STATE) == "directory 700 root root"
    # The copies of the account files are gone.
    assert guest.sh(f"ls {STATE}") == "journal\nresult.json"
