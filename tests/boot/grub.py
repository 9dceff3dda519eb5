"""GRUB between the firmware and the kernel, for what only a boot loader can show.

The lab's QEMU starts a kernel itself. Here it starts GRUB instead, as if that were a kernel, and
GRUB does the rest: it reads the menu that Debian's ``update-grub`` writes in the guest.
"""

from __future__ import annotations

from pathlib import Path

from tests.boot.image import boot_dir, make_tree
from tests.boot.machine import KERNEL_ARGUMENTS
from tests.tools import debian
from tests.tools.cache import locked, recipe_hash
from tests.tools.steps import run

#: Where GRUB for a PC's firmware comes from; the guest has only the programs that write the menu.
PACKAGES = ("grub-common", "grub-pc-bin")
_PARTS = Path("/usr/lib/grub/i386-pc")
MODULES = (
    *("biosdisk", "ext2", "search", "search_fs_file", "search_fs_uuid", "search_label"),
    *("normal", "configfile", "linux", "gzio", "xzio", "zstd", "test", "echo", "loadenv"),
    *("regexp", "minicmd", "sleep", "true"),
)
_EARLY = """\
set root=(hd0)
set prefix=(hd0)/boot/grub
configfile (hd0)/boot/grub/grub.cfg
"""


def make_loader() -> Path:
    """Make the image that QEMU starts as a kernel, unless it is there.

    :raises SetupError: GRUB's package cannot be installed, or its tools fail.
    """
    image = boot_dir() / f"grub-{recipe_hash([MODULES, _EARLY])}.lnx"
    with locked("boot-grub"):
        if not image.exists():
            debian.install(PACKAGES)
            early, core = image.with_suffix(".cfg"), image.with_suffix(".img")
            early.write_text(_EARLY)
            command = ["grub-mkimage", "-O", "i386-pc", "-p", "(hd0)/boot/grub"]
            command += ["-c", str(early), "-o", str(core), *MODULES]
            run(command, log="boot-grub.log", timeout=120)
            new = image.with_suffix(".new")
            new.write_bytes((_PARTS / "lnxboot.img").read_bytes() + core.read_bytes())
            new.rename(image)
    return image


def files(release: str) -> dict[str, str | bytes]:
    """Give what makes a disk bootable by GRUB, by path: its kernel, a first menu, the settings.

    ``update-grub`` makes a menu of its own from the settings.
    """
    (kernel,) = (make_tree(release) / "boot").glob("vmlinuz-*")
    root, _, others = KERNEL_ARGUMENTS.partition(" ")
    return {
        f"/boot/{kernel.name}": kernel.read_bytes(),
        "/boot/grub/grub.cfg": (
            "set timeout=0\nmenuentry 'Debian' {\n"
            f"\tlinux /boot/{kernel.name} {root} {others}\n}}\n"
        ),
        "/etc/default/grub": (
            "GRUB_DEFAULT=0\nGRUB_TIMEOUT=0\nGRUB_DISTRIBUTOR=Debian\nGRUB_TERMINAL=console\n"
            'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
            f'GRUB_CMDLINE_LINUX="{others.replace(" quiet", "")}"\n'
        ),
    }
