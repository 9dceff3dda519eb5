"""Why was this machine provisioned, or why not: evidence, and what follows from it.

:func:`gather` looks at the machine and changes nothing: the device is never opened, for whoever has
it needs it. :func:`conclude` is pure.
"""

from __future__ import annotations

from datasource_hyperv_kvp.diagnosis.cloudinit import CloudInit, read_cloud_init
from datasource_hyperv_kvp.diagnosis.conclusion import Conclusion, conclude
from datasource_hyperv_kvp.diagnosis.evidence import DocumentFact, Evidence, PoolFact, gather

__all__ = [
    "CloudInit",
    "Conclusion",
    "DocumentFact",
    "Evidence",
    "PoolFact",
    "conclude",
    "gather",
    "read_cloud_init",
]
