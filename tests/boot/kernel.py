"""Unpack a kernel: an emulated processor takes seconds for what this machine does in no time.

A bzImage is a small program that unpacks the kernel proper, an ELF file, which QEMU can start by
itself (by its PVH entry). Offsets: ``Documentation/arch/x86/boot.rst`` of the kernel.
"""

from __future__ import annotations

import struct
import subprocess

from tests.tools.steps import SetupError

_SETUP_SECTORS = 0x1F1
_PAYLOAD = 0x248  # offset from the protected-mode code, and length
_SECTOR = 512

#: First bytes of the payload, and what unpacks it from standard input.
_PACKERS = {
    b"\x28\xb5\x2f\xfd": ("zstd", "-dcq"),
    b"\xfd7zXZ\x00": ("xz", "-dcq"),
    b"\x02\x21\x4c\x18": ("lz4", "-dcq"),
    b"\x1f\x8b\x08": ("gzip", "-dcq"),
}


def extract_vmlinux(image: bytes) -> bytes:
    """Return the ELF file that a bzImage carries.

    :raises SetupError: it is packed in a way that is not known here.
    """
    start = ((image[_SETUP_SECTORS] or 4) + 1) * _SECTOR
    offset, length = struct.unpack_from("<II", image, _PAYLOAD)
    payload = image[start + offset : start + offset + length]
    for magic, command in _PACKERS.items():
        if payload.startswith(magic):
            # The unpacked length stands behind the stream: packers complain and still deliver.
            done = subprocess.run(
                command,
                input=payload,
                stdout=subprocess.PIPE,
                check=False,
                stderr=subprocess.DEVNULL,
            )
            if done.stdout.startswith(b"\x7fELF"):
                return done.stdout
    raise SetupError(f"the kernel is packed in an unknown way: {payload[:6].hex()}")
