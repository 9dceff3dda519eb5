"""Kernel arguments: whole tokens, Debian's real grub-mkconfig, entries of systemd-boot, grubby."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply.boot_loaders import Grub, changed
from datasource_hyperv_kvp.apply.kernel_arguments import contains
from datasource_hyperv_kvp.apply.machine import Machine
from datasource_hyperv_kvp.apply.system_steps import KernelArguments
from tests.sandbox.apply.guest import STATE, ApplyGuest
from tests.tools.debian_packages import unpack

AT = "$.kernelArguments"
SNIPPET = "/etc/default/grub.d/99-ignition.cfg"

#: grub-probe asks the machine's disks; in an overlay there are none.
GRUB_PROBE = """#!/bin/sh
case "$*" in
    *--target=device*) echo /dev/sda1 ;;
    *--target=fs_uuid*) echo 1234-5678 ;;
    *--target=fs*) echo ext2 ;;
    *--target=partmap*) echo gpt ;;
esac
"""
#: Asks and answers like the real one, as far as this program goes; its state is a file.
GRUBBY = """#!/bin/sh
touch /grubby.args
for option; do case "$option" in
    --info=ALL) printf 'index=0\\nargs="%s"\\nroot="/dev/sda1"\\n' "$(cat /grubby.args)" ;;
    --args=*) echo "$(cat /grubby.args) ${option#--args=}" > /grubby.args ;;
    --remove-args=*) sed -i "s/ *${option#--remove-args=}//" /grubby.args ;;
esac; done
"""


@pytest.fixture
def grub(guest: ApplyGuest) -> ApplyGuest:
    """A guest whose menu Debian's own scripts write, with one kernel."""
    for package in ("grub-common", "grub2-common"):
        shutil.copytree(unpack(package), guest.sandbox.root, dirs_exist_ok=True, symlinks=True)
    for name in ("grub-probe", "grub-mkrelpath"):
        guest.sandbox.write(f"/usr/sbin/{name}", GRUB_PROBE, mode=0o755)
    guest.sh(
        "ln -sf /usr/sbin/grub-mkrelpath /usr/bin/; ln -sf /bin/true /usr/bin/grub-script-check"
    )
    guest.sh("rm -f /etc/grub.d/[2-9]*; mkdir -p /boot/grub; touch /boot/vmlinuz-6.1.0-1-amd64")
    guest.sandbox.write(
        "/etc/default/grub",
        'GRUB_DEFAULT=0\nGRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\n'
        'GRUB_CMDLINE_LINUX="console=tty0 mitigations=auto quietly"\n',
    )
    guest.sh("update-grub")
    return guest


def arguments(*, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> KernelArguments:
    return KernelArguments(at=AT, should_exist=add, should_not_exist=remove)


def menu(guest: ApplyGuest) -> list[str]:
    """The arguments of each kernel in the menu."""
    lines = guest.sh("grep -E '^\\s+linux\\s' /boot/grub/grub.cfg").splitlines()
    return [" ".join(line.split()[2:]) for line in lines]


def test_grub(grub: ApplyGuest) -> None:
    assert "quiet" in menu(grub)[0].split()
    grub.applied(
        arguments(add=("console=ttyS0,115200", "quietly"), remove=("quiet", "mitigations=auto"))
    )
    for line in menu(grub):
        words = line.split()
        assert "quiet" not in words
        assert "mitigations=auto" not in words
        assert words.count("quietly") == 1
        assert {"console=tty0", "console=ttyS0,115200"} <= {*words}
    assert "splash" in menu(grub)[0].split()
    # A kernel update writes the menu anew.
    grub.sh("update-grub")
    assert "console=ttyS0,115200" in menu(grub)[0].split()
    assert grub.exists(f"{STATE}/kernel-arguments-changed")


def test_nothing_is_written_if_all_is_as_it_should_be(grub: ApplyGuest) -> None:
    before = grub.sh("stat -c %y /boot/grub/grub.cfg")
    grub.applied(arguments(add=("console=tty0",), remove=("absent", "console=tty")))
    assert grub.sh("stat -c %y /boot/grub/grub.cfg") == before
    assert not grub.exists(SNIPPET)
    assert not grub.exists(f"{STATE}/kernel-arguments-changed")


def test_a_boot_file_system_that_this_boot_has_not_mounted_yet(grub: ApplyGuest) -> None:
    grub.sh("mv /boot /disk; mkdir /boot; echo '/disk /boot none bind 0 0' >> /etc/fstab")
    grub.applied(arguments(add=("late=1",)))
    assert "late=1" in menu(grub)[0].split()


def test_entries_for_rescue_do_not_count(tmp_path: Path) -> None:
    menu = tmp_path / "grub.cfg"
    menu.write_text(
        "menuentry 'U' {\n linux /vmlinuz root=/dev/sda1 ro a=1\n}\n"
        "menuentry 'R' {\n linux /vmlinuz root=/dev/sda1 ro recovery nomodeset\n}\n"
    )
    assert Grub(menu, "update-grub").lines(Machine(tmp_path)) == ["root=/dev/sda1 ro a=1"]


def test_grubs_own_language_is_refused(grub: ApplyGuest) -> None:
    (finding,) = grub.refused(arguments(add=("good", "a=$x")))
    assert finding == f"{AT}.shouldExist: 'a=$x': GRUB's configuration gives $ a meaning of its own"


def test_systemd_boot(guest: ApplyGuest) -> None:
    entry = "title Linux\nlinux /vmlinuz\noptions root=/dev/sda1 quiet\noptions ro\ninitrd /i\n"
    guest.sandbox.write("/boot/loader/entries/a.conf", entry)
    guest.sandbox.write("/boot/loader/entries/b.conf", entry.replace(" quiet", ""))
    guest.sandbox.write("/etc/kernel/cmdline", "root=/dev/sda1 quiet\n")
    guest.applied(arguments(add=("nosmt",), remove=("quiet",)))
    for name in ("a", "b"):
        text = guest.read(f"/boot/loader/entries/{name}.conf")
        assert text.splitlines()[-1] == "options root=/dev/sda1 ro nosmt"
        assert text.count("options") == 1
        assert "initrd /i" in text
    assert guest.read("/etc/kernel/cmdline") == "root=/dev/sda1 nosmt\n"


def test_grubby(guest: ApplyGuest) -> None:
    guest.sandbox.write("/usr/sbin/grubby", GRUBBY, mode=0o755)
    guest.sandbox.write("/grubby.args", "ro quiet\n")
    guest.applied(arguments(add=("nosmt", "console=ttyS0"), remove=("quiet",)))
    assert guest.read("/grubby.args").split() == ["ro", "nosmt", "console=ttyS0"]


def test_a_loader_that_does_not_take_the_arguments_is_an_error(guest: ApplyGuest) -> None:
    guest.sandbox.write("/usr/sbin/grubby", GRUBBY.replace("--args=*", "--no"), mode=0o755)
    result = guest.apply(arguments(add=("nosmt",)))
    assert result.code == 1
    assert "grubby did not take the kernel arguments" in result.err


def test_a_machine_without_a_known_loader_is_refused(guest: ApplyGuest) -> None:
    (finding,) = guest.refused(arguments(add=("certainly=not-there",)))
    assert finding.startswith(f"{AT}: no boot loader that is known is set up on this machine")


def test_a_machine_without_a_loader_whose_kernel_has_all_is_fine(guest: ApplyGuest) -> None:
    guest.applied(arguments(remove=("certainly=not-there",)))


@pytest.mark.parametrize(
    ("line", "argument", "expected"),
    [
        ("a b c", "b", True),
        ("a bb c", "b", False),
        ("a=b", "b", False),
        ("x a  b y", "a b", True),
        ("a x b", "a b", False),
    ],
)
def test_arguments_are_whole_tokens(line: str, argument: str, expected: bool) -> None:
    assert contains(line, argument) is expected


@pytest.mark.parametrize(
    ("line", "add", "remove", "expected"),
    [
        ("a b", ("c",), (), "a b c"),
        ("a b", ("b",), (), "a b"),
        ("a b a", (), ("a",), "b"),
        ("a a a", (), ("a",), ""),
        ("console=tty0", ("console=ttyS0",), (), "console=tty0 console=ttyS0"),
        ("", ("x y",), (), "x y"),
    ],
)
def test_a_line_is_changed_token_by_token(
    line: str, add: tuple[str, ...], remove: tuple[str, ...], expected: str
) -> None:
    assert changed(line, add, remove) == expected
