"""Disks of real Debian guests, with this project installed as its user would install it.

Three layers, each cached under the name of what went into it:

- a root file system with cloud-init (:mod:`tests.tools.rootfs`);
- beside it Debian's cloud kernel, and the lab's agent: a *tree*;
- the project's package installed by apt, with the KVP daemon or without: an *image*, a bare ext4
  file system, made anew for every change of the project and copied for every boot.

There is no boot loader and no initial RAM disk: QEMU starts the kernel, which has what it takes to
mount an NVMe disk; without KVM that is much of the time that a boot takes elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.boot.kernel import extract_vmlinux
from tests.tools.cache import cache_dir, locked, recipe_hash
from tests.tools.rootfs import make_rootfs
from tests.tools.steps import SetupError, run, step

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
GUEST_FILES = HERE / "guest"

#: The agent: its own modules and the emulated driver, at their places below ``/usr/lib/lab``.
GUEST_MODULES = (
    "tests/__init__.py",
    "tests/boot/__init__.py",
    "tests/boot/guest/__init__.py",
    "tests/boot/guest/channel.py",
    "tests/boot/guest/cuse.py",
    "tests/boot/guest/labd.py",
    "tests/hyperv/__init__.py",
    "tests/hyperv/engine.py",
)

#: What the lab needs on the machine itself.
MACHINE_PACKAGES = (
    *("dosfstools", "e2fsprogs", "lz4", "make", "mtools", "qemu-system-x86", "xz-utils", "zstd"),
)

#: Beyond cloud-init's own. ifupdown or netplan: what the release's cloud-init prefers is there.
GUEST_PACKAGES = ("linux-image-cloud-amd64", "kmod", "e2fsprogs", "grub2-common")

#: With these a guest has SELinux; its files are labelled when its disk is made.
SELINUX_PACKAGES = ("selinux-policy-default", "policycoreutils", "selinux-utils")
SELINUX_CONFIG = "SELINUX=enforcing\nSELINUXTYPE=default\n"
#: The policy confines the daemon under Fedora's name for it.
SELINUX_CONTEXTS = "/usr/sbin/hv_kvp_daemon -- system_u:object_r:hypervkvpd_exec_t:s0\n"

#: Units that only cost time in a guest that lives for half a minute.
MASKED = (
    *("apt-daily-upgrade.timer", "apt-daily.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("e2scrub_all.timer", "e2scrub_reap.service", "systemd-tmpfiles-clean.timer"),
    *("getty@tty1.service", "serial-getty@ttyS0.service", "sshd-unix-local.socket"),
    *("systemd-ask-password-console.path", "systemd-ask-password-wall.path"),
    *("proc-sys-fs-binfmt_misc.automount", "systemd-binfmt.service"),
    *("dev-hugepages.mount", "dev-mqueue.mount", "sys-fs-fuse-connections.mount"),
    *("sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("modprobe@configfs.service", "modprobe@drm.service", "modprobe@efi_pstore.service"),
    *("modprobe@fuse.service", "modprobe@loop.service", "modprobe@dm_mod.service"),
    *("systemd-journal-catalog-update.service", "systemd-pstore.service"),
    *("systemd-pcrmachine.service", "systemd-pcrphase-sysinit.service", "systemd-pcrphase.service"),
    *("systemd-random-seed.service", "systemd-timesyncd.service"),
    *("systemd-tpm2-setup-early.service", "systemd-tpm2-setup.service"),
    *("systemd-update-utmp-runlevel.service", "systemd-update-utmp.service"),
    *("run-lock.mount", "systemd-creds.socket", "systemd-sysext.socket", "systemd-initctl.socket"),
    *("systemd-hostnamed.socket", "systemd-udev-load-credentials.service"),
    *("systemd-tmpfiles-setup-dev-early.service", "kmod-static-nodes.service"),
    *(
        "systemd-userdbd.socket",
        "systemd-logind.service",
        "hv-fcopy-daemon.service",
        "hv-vss-daemon.service",
    ),
)

#: Generators of units that no guest here has; each is a process at every boot.
GENERATORS = (
    "systemd-bless-boot-generator",
    "systemd-cryptsetup-generator",
    "systemd-getty-generator",
    "systemd-gpt-auto-generator",
    "systemd-hibernate-resume-generator",
    "systemd-integritysetup-generator",
    "systemd-rc-local-generator",
    "systemd-ssh-generator",
    "systemd-system-update-generator",
    "systemd-sysv-generator",
    "systemd-tpm2-generator",
    "systemd-veritysetup-generator",
)

#: Modules that udev would load for hardware that no test looks at.
BLACKLISTED = (
    "aesni_intel",
    "ata_generic",
    "ata_piix",
    "bochs",
    "button",
    "crc32_pclmul",
    "crct10dif_pclmul",
    "evdev",
    "floppy",
    "ghash_clmulni_intel",
    "kvm_amd",
    "kvm_intel",
    "pcspkr",
    "powernow_k8",
    "psmouse",
    "serio_raw",
    "sha1_ssse3",
    "sha256_ssse3",
    "sha512_ssse3",
)

#: The lab's own defaults, before everything else. An RSA key takes an emulated processor
#: seconds, and the locales package is not there.
CLOUD_CONFIG = """\
ssh_genkeytypes: [ed25519]
growpart: {mode: 'off'}
resize_rootfs: false
apt: {preserve_sources_list: true}
locale: false
ssh: {emit_keys_to_console: false}
no_ssh_fingerprints: true
# Without those for which no guest here has a use, from apt's sources to chef: to import them takes
# an emulated processor seconds, in every boot.
cloud_config_modules: [set-passwords, runcmd]
cloud_final_modules: [write-files-deferred, scripts-vendor, scripts-per-once, scripts-per-boot,
  scripts-per-instance, scripts-user, install-hotplug, final-message, power-state-change]
"""

#: Nobody reads the journal of a guest that is gone.
JOURNAL = "[Journal]\nStorage=volatile\n"


IMAGE_SIZE = "2G"

#: Seconds since its last use for which what an older recipe has made is kept.
KEPT_FOR = 3 * 3600.0


@dataclass(frozen=True)
class Image:
    """A guest's disk, and the kernel that goes with it."""

    disk: Path
    kernel: Path


def boot_dir() -> Path:
    """Return where the lab keeps what it makes."""
    return cache_dir() / "boot"


def make_tree(release: str, *, selinux: bool = False) -> Path:
    """Make the root file system of ``release`` bootable, unless that is done, and return it.

    :param selinux: with SELinux and Debian's policy for it.
    :raises SetupError: apt failed, or the kernel is packed in an unknown way.
    """
    rootfs = make_rootfs(release)
    packages = (*GUEST_PACKAGES, *(SELINUX_PACKAGES if selinux else ()))
    recipe = [rootfs.name, packages, MASKED, GENERATORS, BLACKLISTED, CLOUD_CONFIG]
    recipe += [JOURNAL, SELINUX_CONFIG, SELINUX_CONTEXTS]
    recipe.append((HERE / "make-tree").read_text())
    recipe.append([(PROJECT / file).read_text() for file in GUEST_MODULES])
    recipe.append([file.read_text() for file in sorted(GUEST_FILES.glob("*.[crs]*"))])
    name = f"{release}-selinux" if selinux else release
    directory = boot_dir() / f"tree-{name}-{recipe_hash(recipe)}"
    with locked(f"boot-tree-{name}"):
        if directory.is_dir():
            os.utime(directory)
            return directory
        with step(f"Making Debian {name} bootable (once)"):
            _drop(_unused(f"tree-{name}-????????????"))
            build = directory.with_name(f".new-{name}")
            _drop([build])
            build.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", "--", str(rootfs), str(build)], check=True)
            _furnish(build)
            command = ["unshare", "--mount", str(HERE / "make-tree"), str(build)]
            run([*command, *packages], log=f"boot-tree-{name}.log", timeout=1800)
            if selinux:
                (build / "etc/selinux/config").write_text(SELINUX_CONFIG)
                contexts = build / "etc/selinux/default/contexts/files/file_contexts.local"
                contexts.write_text(SELINUX_CONTEXTS)
            (packed,) = (build / "boot").glob("vmlinuz-*")
            (build / "boot/vmlinux").write_bytes(extract_vmlinux(packed.read_bytes()))
            build.rename(directory)
    return directory


def make_image(release: str, *, daemon: bool, package: Path | None, selinux: bool = False) -> Image:
    """Make the disk of a guest, unless it is there.

    :param daemon: whether Hyper-V's KVP daemon is installed, as Debian packages it.
    :param package: the project's Debian package, ``None`` for a guest without it.
    :param selinux: with SELinux, every file labelled.
    :raises SetupError: it cannot be made.
    """
    tree = make_tree(release, selinux=selinux)
    flavour = f"{release}-{'daemon' if daemon else 'bare'}"
    flavour += ("" if package else "-plain") + ("-selinux" if selinux else "")
    recipe = [tree.name, daemon, package and package_hash(package), IMAGE_SIZE]
    recipe.append((HERE / "make-image").read_text())
    image = boot_dir() / f"image-{flavour}-{recipe_hash(recipe)}.raw"
    with locked(f"boot-image-{flavour}"):
        if not image.is_file():
            with step(f"Making the disk {flavour}"):
                _drop(_unused(f"image-{flavour}-????????????.raw"))
                work, build = boot_dir() / f".work-{flavour}", boot_dir() / f".new-{flavour}.raw"
                work.mkdir(exist_ok=True)
                command = ["unshare", "--mount", str(HERE / "make-image"), str(tree), str(work)]
                arguments = [str(package or ""), "yes" if daemon else "no", str(build), IMAGE_SIZE]
                run([*command, *arguments], log=f"boot-image-{flavour}.log", timeout=600)
                work.rmdir()
                build.rename(image)
    os.utime(image)
    return Image(image, tree / "boot/vmlinux")


def make_package() -> Path:
    """Build the project's Debian package.

    :raises SetupError: it cannot be built.
    """
    directory = boot_dir() / f"package-{os.getpid()}"
    with locked("boot-package"):
        _drop([directory, *_unused("package-*")])
        command = [str(PROJECT / "packaging/build-deb"), str(directory)]
        run(command, log="boot-package.log", timeout=120)
    (package,) = directory.glob("*.deb")
    return package


def package_hash(package: Path) -> str:
    """Name a package by what it holds, whatever the date of its files."""
    digest = hashlib.sha256()
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as files:
        assert files.stdout
        with tarfile.open(fileobj=files.stdout, mode="r|") as archive:
            for member in archive:
                digest.update(f"{member.name} {member.mode:o} {member.linkname}\n".encode())
                content = archive.extractfile(member)
                digest.update(content.read() if content else b"")
    for part in ("postinst", "prerm", "postrm", "control"):
        shown = subprocess.run(
            ["dpkg-deb", "--info", package, part], stdout=subprocess.PIPE, check=True
        )
        digest.update(shown.stdout)
    return digest.hexdigest()


def _furnish(root: Path) -> None:
    """Put the lab's own files into a tree."""
    units = root / "etc/systemd/system"
    for unit in MASKED:
        link = units / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    generators = root / "etc/systemd/system-generators"
    generators.mkdir(exist_ok=True)
    for generator in GENERATORS:
        (generators / generator).symlink_to("/dev/null")
    lab = root / "usr/lib/lab"
    for file in GUEST_MODULES:
        target = lab / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / file, target)
    shutil.copy(GUEST_FILES / "drivers.sh", lab)
    shutil.copy(GUEST_FILES / "lab.service", units)
    trigger = units / "systemd-udev-trigger.service.d"
    trigger.mkdir()
    shutil.copy(GUEST_FILES / "udev-trigger.conf", trigger / "lab.conf")
    shutil.copy(GUEST_FILES / "59-lab.rules", root / "etc/udev/rules.d")
    blacklist = "".join(f"blacklist {module}\n" for module in BLACKLISTED)
    (root / "etc/modprobe.d").mkdir(exist_ok=True)
    (root / "etc/modprobe.d/lab.conf").write_text(blacklist)
    (root / "etc/cloud/cloud.cfg.d/06_lab.cfg").write_text(CLOUD_CONFIG)
    (root / "etc/systemd/journald.conf.d").mkdir(exist_ok=True)
    (root / "etc/systemd/journald.conf.d/volatile.conf").write_text(JOURNAL)
    (root / "etc/fstab").write_text("/dev/nvme0n1 / ext4 defaults 0 0\n")


def _unused(pattern: str) -> list[Path]:
    """Name what an older recipe has made and nobody, not even another process, uses any more."""
    now = time.time()
    return [path for path in boot_dir().glob(pattern) if now - path.stat().st_mtime > KEPT_FOR]


def _drop(paths: Iterable[Path]) -> None:
    for path in list(paths):
        subprocess.run(["rm", "-rf", "--one-file-system", "--", str(path)], check=True)


__all__ = ["Image", "SetupError", "boot_dir", "make_image", "make_package", "make_tree"]
