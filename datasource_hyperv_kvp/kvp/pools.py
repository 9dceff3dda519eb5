"""What pools are made of: records, and pools as ordered mappings from key to value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Pool numbers, named as in the kernel's user API (``linux/hyperv.h``, ``enum hv_kvp_exchg_pool``).
EXTERNAL = 0  #: host to guest: what an administrator pushes, and so our documents
GUEST = 1  #: guest to host
AUTO = 2  #: guest intrinsics, answered by the daemon on the fly
AUTO_EXTERNAL = 3  #: host to guest: facts about the host and this VM, always sent
AUTO_INTERNAL = 4  #: undocumented; the daemon creates an empty file all the same
POOL_NUMBERS = (EXTERNAL, GUEST, AUTO, AUTO_EXTERNAL, AUTO_INTERNAL)

#: Keys to values in the order in which they stand in the pool.
Pool = Mapping[str, str]
#: Pool number to pool. A pool that is missing and one that is empty mean the same.
Pools = Mapping[int, Pool]


@dataclass(frozen=True)
class Record:
    """One key with its value.

    Text that is not UTF-8 is kept as Python keeps undecodable bytes (``surrogateescape``): a
    foreign key cannot spoil a pool, and a document that holds such bytes is refused where it is
    joined.
    """

    key: str
    value: str = field(repr=False)  # may be secret: it must not get into a log by accident
