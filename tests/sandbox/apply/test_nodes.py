"""Files, directories and links on a real root: what stands there decides, as with Ignition."""

from __future__ import annotations

from datasource_hyperv_kvp.apply.plan import Contents, Directory, File, HostName, Link, User
from tests.sandbox.apply.guest import ApplyGuest, text

AT = "$.storage"


def test_new_nodes_have_ignitions_defaults(guest: ApplyGuest) -> None:
    guest.applied(
        File(at=AT, path="/srv/a/b/empty"),
        File(at=AT, path="/srv/binary", contents=Contents(data=bytes(range(256))), mode=0o4750),
        File(at=AT, path="/srv/named", contents=text("x"), user="games", group="mail", mode=0o640),
        File(at=AT, path="/srv/numbered", contents=text("x"), user=12345, group=0),
        Directory(at=AT, path="/srv/dir"),
        Directory(at=AT, path="/srv/shared", group="mail", mode=0o2770),
        Link(at=AT, path="/srv/soft", target="/nowhere"),
        Link(at=AT, path="/srv/to-named", target="named"),
        Link(at=AT, path="/srv/hard", target="srv/named", hard=True),
    )
    assert guest.stat("/srv/a") == "directory 755 root root"
    assert guest.stat("/srv/a/b/empty") == "regular empty file 644 root root"
    assert guest.stat("/srv/binary") == "regular file 4750 root root"
    assert guest.sh("sha256sum < /srv/binary").startswith("40aff2e9d2d8922e47afd4648e696749")
    assert guest.stat("/srv/named") == "regular file 640 games mail"
    assert guest.stat("/srv/numbered") == "regular file 644 UNKNOWN root"
    assert guest.stat("/srv/dir") == "directory 755 root root"
    assert guest.stat("/srv/shared") == "directory 2770 root mail"
    assert guest.stat("/srv/soft") == "symbolic link 777 root root"
    # Ignition's way of asking who owns the link follows it.
    assert guest.stat("/srv/to-named") == "symbolic link 777 games mail"
    assert guest.sh("[ /srv/hard -ef /srv/named ] && echo same") == "same"
    assert guest.sh("find / -xdev -name '.ignition-*'") == ""


def test_a_setgid_directory_passes_its_group_on(guest: ApplyGuest) -> None:
    guest.sh("mkdir /srv/shared; chgrp mail /srv/shared; chmod 2775 /srv/shared")
    guest.applied(
        File(at=AT, path="/srv/shared/new/file", contents=text("x")),
        Directory(at=AT, path="/srv/shared/plain", mode=0o755),
    )
    assert guest.stat("/srv/shared/new") == "directory 2755 root mail"
    assert guest.stat("/srv/shared/new/file") == "regular file 644 root mail"
    assert guest.stat("/srv/shared/plain") == "directory 755 root mail"


def test_an_existing_file_without_new_contents_is_kept(guest: ApplyGuest) -> None:
    guest.sh("echo old > /srv/file; chown games:mail /srv/file; chmod 600 /srv/file")
    guest.sh("cp -p /srv/file /srv/log; ln /srv/log /srv/same-log; printf old > /srv/log")
    guest.applied(
        File(at=AT, path="/srv/file", mode=0o6755, user=0),
        File(at=AT, path="/srv/log", append=(text(" one\n"), text("two\n"))),
    )
    assert guest.read("/srv/file") == "old\n"
    assert guest.stat("/srv/file") == "regular file 6755 root mail"
    assert guest.read("/srv/same-log") == "old one\ntwo\n"
    assert guest.stat("/srv/log") == "regular file 600 games mail"


def test_overwrite_replaces_anything_and_follows_no_link(guest: ApplyGuest) -> None:
    guest.sh("mkdir -p /srv/keep /srv/tree/deep; echo kept > /srv/keep/file; echo old > /srv/file")
    guest.sh("ln -s /srv/keep /srv/tree/deep/link; chown games /srv/file; chmod 600 /srv/file")
    guest.sh("ln -s /srv/keep /srv/linked; ln -s /srv/keep /srv/link; mkdir -p /srv/was-dir/x")
    guest.applied(
        Directory(at=AT, path="/srv/tree", overwrite=True),
        File(at=AT, path="/srv/tree/new", contents=text("n")),
        File(at=AT, path="/srv/file", contents=text("new"), overwrite=True),
        Directory(at=AT, path="/srv/linked", overwrite=True),
        Link(at=AT, path="/srv/link", target="elsewhere", overwrite=True),
        File(
            at=AT, path="/srv/was-dir", contents=text("file"), append=(text("!"),), overwrite=True
        ),
    )
    assert guest.sh("ls -A /srv/tree") == "new"
    assert guest.read("/srv/keep/file") == "kept\n"
    assert guest.stat("/srv/file") == "regular file 644 root root"
    assert guest.stat("/srv/linked") == "directory 755 root root"
    assert guest.sh("readlink /srv/link") == "elsewhere"
    assert guest.read("/srv/was-dir") == "file!"


def test_an_existing_directory_gets_owner_and_mode_but_not_what_is_in_it(guest: ApplyGuest) -> None:
    guest.sh(
        "mkdir -p /srv/dir/sub; chmod 2700 /srv/dir; chgrp mail /srv/dir; chmod 700 /srv/dir/sub"
    )
    guest.applied(Directory(at=AT, path="/srv/dir", mode=0o755, user="games"))
    assert guest.stat("/srv/dir") == "directory 755 games mail"
    assert guest.stat("/srv/dir/sub") == "directory 700 root root"


def test_links_that_are_there_already_stay_untouched(guest: ApplyGuest) -> None:
    guest.sh("ln -s target/ /srv/soft; chown -h games /srv/soft; echo x > /srv/f; ln /srv/f /srv/h")
    guest.applied(
        Link(at=AT, path="/srv/soft", target="target", user=0),
        Link(at=AT, path="/srv/h", target="/srv/f", hard=True),
    )
    assert guest.stat("/srv/soft") == "symbolic link 777 games root"


def test_links_in_parents_are_followed_and_order_goes_by_the_resolved_depth(
    guest: ApplyGuest,
) -> None:
    guest.sh("mkdir -p /srv/a/b/c; ln -s a/b/c /srv/deep; ln -s /srv/deep /srv/twice")
    result = guest.applied(
        File(at=AT, path="/srv/twice/file", contents=text("x"), mode=0o600),
        Directory(at=AT, path="/srv/a/b/dir", mode=0o700),
        Link(at=AT, path="/srv/h", target="/srv/deep/file", hard=True),
        File(at=AT, path="/srv/a/b/dir/in", contents=text("y")),
    )
    assert guest.read("/srv/a/b/c/file") == "x"
    assert guest.stat("/srv/h") == "regular file 600 root root"
    order = [line.partition(": ")[2] for line in result.err.splitlines()]
    assert order == [
        "directory /srv/a/b/dir",
        "file /srv/twice/file",
        "file /srv/a/b/dir/in",
        "link /srv/h",
    ]


def test_everything_in_the_way_is_found_at_once_and_nothing_is_changed(guest: ApplyGuest) -> None:
    guest.sh("echo x > /srv/file; mkdir /srv/dir; ln -s dir /srv/link; mkfifo /srv/fifo")
    findings = guest.refused(
        File(at="$.0", path="/srv/file", contents=text("x")),
        File(at="$.1", path="/srv/dir"),
        File(at="$.2", path="/srv/link"),
        File(at="$.3", path="/srv/fifo", contents=text("x")),
        Directory(at="$.4", path="/srv/link/file2/d"),
        File(at="$.5", path="/srv/dir/file2/d", contents=text("x")),
        Directory(at="$.6", path="/srv/file/below"),
        Link(at="$.7", path="/srv/file2", target="x"),
        File(at="$.8", path="/srv/file2/x", contents=text("x")),
        Link(at="$.9", path="/etc/hosts", target="x"),
        Directory(at="$.a", path="/var/run/x"),
        File(at="$.b", path="/srv/b", user="nobody-knows", group="nor-this"),
        Directory(at="$.c", path="/usr", overwrite=True),
        Link(at="$.d", path="/etc/passwd", target="/etc/group", hard=True),
        File(at="$.e", path=f"/srv/{'n' * 256}", contents=text("x")),
    )
    assert findings == [
        "$.0: /srv/file exists",
        "$.1: /srv/dir exists and is no regular file",
        "$.2: /srv/link exists and is no regular file",
        "$.3: /srv/fifo exists and is no regular file",
        "$.5.path: /srv/dir/file2/d resolves to /srv/dir/file2/d, and so does /srv/link/file2/d",
        "$.6.path: /srv/file, above it, is no directory",
        "$.8.path: /srv/file2, above it, is no directory",
        "$.9: /etc/hosts exists and is no symbolic link",
        "$.a.path: /run/x lies in /run, which is empty after every boot",
        "$.b.group.name: there is no group 'nor-this'",
        "$.b.user.name: there is no user 'nobody-knows'",
        "$.c.overwrite: /usr holds the running system; it cannot be replaced",
        "$.d: /etc/passwd exists and is not the file /etc/group",
        f"$.e: [Errno 36] File name too long: '/srv/{'n' * 256}'",
    ]
    assert not guest.exists("/srv/b")


def test_hard_links_that_cannot_be_made_are_found_before_anything_is_changed(
    guest: ApplyGuest,
) -> None:
    guest.sh("mount -t tmpfs disk /mnt; touch /mnt/f; mkdir /srv/dir; echo x > /srv/own")
    findings = guest.refused(
        File(at="$.f", path="/srv/new", contents=text("x")),
        Directory(at="$.d", path="/srv/emptied", overwrite=True),
        Link(at="$.0", path="/srv/0", target="/srv/nowhere", hard=True),
        Link(at="$.1", path="/srv/1", target="srv/dir", hard=True),
        Link(at="$.2", path="/srv/2", target="/mnt/f", hard=True),
        Link(at="$.3", path="/srv/own", target="/srv/own", hard=True, overwrite=True),
        Link(at="$.4", path="/srv/4", target="/srv/5", hard=True),
        Link(at="$.5", path="/srv/5", target="/srv/new", hard=True),
        Link(at="$.6", path="/srv/6", target="/srv/emptied/f", hard=True),
    )
    assert findings == [
        "$.0.target: there is no /srv/nowhere",
        "$.1.target: /srv/dir is a directory, which has no hard links",
        "$.2.target: /mnt/f is on another file system than /srv/2",
        "$.3.target: /srv/own would take the place of its own target",
        "$.4.target: there is no /srv/5",
        "$.6.target: there is no /srv/emptied/f",
    ]
    assert not guest.exists("/srv/new")


def test_hard_links_to_what_the_config_makes(guest: ApplyGuest) -> None:
    guest.sh("mkdir /srv/dir; echo x > /srv/dir/f; ln -s nowhere /srv/dangling")
    guest.applied(
        User(at=AT, name="new"),
        File(at=AT, path="/srv/new", contents=text("x")),
        Link(at=AT, path="/srv/way", target="dir"),
        Link(at=AT, path="/srv/0", target="/srv/new", hard=True),
        Link(at=AT, path="/srv/1", target="/srv/0", hard=True),
        Link(at=AT, path="/srv/2", target="/srv/way/f", hard=True),
        Link(at=AT, path="/srv/3", target="/home/new/.profile", hard=True),
        Link(at=AT, path="/srv/4", target="/srv/dangling", hard=True),
    )
    assert guest.sh("[ /srv/1 -ef /srv/new ] && [ /srv/2 -ef /srv/dir/f ] && echo same") == "same"
    assert guest.sh("[ /srv/3 -ef /home/new/.profile ] && readlink /srv/4") == "nowhere"


def test_a_file_system_that_cannot_be_written_to_is_found_for_every_kind_of_node(
    guest: ApplyGuest,
) -> None:
    guest.sh("mount --bind /opt /mnt; mount -o remount,bind,ro /mnt")
    for node in (
        File(at=AT, path="/mnt/f"),
        Directory(at=AT, path="/mnt/d"),
        Link(at=AT, path="/mnt/l", target="x"),
    ):
        findings = guest.refused(File(at=AT, path="/opt/f", contents=text("x")), node)
        assert findings == ["$.storage: /mnt is mounted read-only"]


def test_two_links_that_meet_are_refused_before_either_is_made(guest: ApplyGuest) -> None:
    guest.sh("mkdir /srv/b; ln -s b /srv/a")
    findings = guest.refused(
        Link(at="$.0", path="/srv/a/l", target="x"), Link(at="$.1", path="/srv/b/l", target="x")
    )
    assert findings == ["$.1.path: /srv/b/l resolves to /srv/b/l, and so does /srv/a/l"]


def test_a_host_name_that_is_a_link_to_nowhere_stops_nothing(guest: ApplyGuest) -> None:
    result = guest.applied(
        Link(at=AT, path="/etc/hostname", target="/srv/later", overwrite=True), HostName(at=AT)
    )
    assert "holds no name; the running name stays" in result.err


def test_a_mounted_file_system_is_not_emptied(guest: ApplyGuest) -> None:
    guest.sh("mkdir -p /srv/data/disk; mount -t tmpfs disk /srv/data/disk; touch /srv/data/disk/f")
    findings = guest.refused(Directory(at="$.0", path="/srv/data", overwrite=True))
    assert findings == [
        "$.0.overwrite: a file system is mounted at /srv/data/disk; it would be emptied"
    ]


def test_a_file_system_of_fstab_is_mounted_before_it_is_written_to(guest: ApplyGuest) -> None:
    guest.sh("echo 'disk /srv tmpfs defaults 0 0' >> /etc/fstab; touch /srv/hidden")
    guest.sh("echo 'LABEL=none /mnt ext4 defaults 0 0' >> /etc/fstab")
    guest.applied(File(at=AT, path="/srv/file", contents=text("x")))
    assert guest.sh("ls /srv; umount /srv; ls /srv") == "file\nhidden"


def test_more_than_there_is_room_for_is_refused(guest: ApplyGuest) -> None:
    guest.sh("mount -t tmpfs -o size=64k small /srv; mkdir /stage; truncate -s 1M /stage/big")
    findings = guest.refused(
        File(at="$.0", path="/srv/x/big", contents=Contents(staged="/stage/big")),
        File(at="$.1", path="/opt/gone", contents=Contents(staged="/stage/gone")),
    )
    assert [finding.partition(",")[0] for finding in findings] == [
        "$.1: its fetched contents cannot be read: [Errno 2] No such file or directory: "
        "'/stage/gone'",
        "$.storage: 1048576 bytes are to be written below /srv",
    ]
    # Many who read this wait for cloud-init to make room, which comes too late.
    assert "grows the root file system only later" in guest.result()["findings"][1]["advice"]


def test_more_files_than_there_are_inodes_are_refused(guest: ApplyGuest) -> None:
    guest.sh("mount -t tmpfs -o nr_inodes=20 small /srv")
    (finding,) = guest.refused(*(File(at=AT, path=f"/srv/{number}") for number in range(30)))
    assert finding.startswith("$.storage: 30 files are to be made below /srv, ")


def test_fetched_contents_come_from_their_file_and_it_goes_when_all_is_done(
    guest: ApplyGuest,
) -> None:
    guest.sh("mkdir -m 700 /stage; echo fetched > /stage/0; chmod 600 /stage/0")
    guest.applied(
        File(at=AT, path="/srv/f", contents=Contents(staged="/stage/0"), append=(text("more"),))
    )
    assert guest.read("/srv/f") == "fetched\nmore"
    assert guest.stat("/srv/f") == "regular file 644 root root"
    assert not guest.exists("/stage")
