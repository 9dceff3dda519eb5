"""The same config through everything: the host's keys, the datasource, real cloud-init."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasource_hyperv_kvp.kvp import EXTERNAL, write_pool_files
from datasource_hyperv_kvp.payload import encode
from tests.differential.oracle import Outcome
from tests.differential.snapshot import Copy
from tests.sandbox.hyperv import POOL_DIR, install
from tests.sandbox.sandbox import Sandbox

#: ``core`` is given more than Ignition gives it unless this is said: a difference that is meant.
CONFIGURATION = "datasource: {HyperVKVP: {core_account: false}}\n"


class Guests:
    """Guests with the package and what the configs expect; each boots once.

    :param release: whose cloud-init.
    :param furnished: a copy of that release's root.
    """

    def __init__(self, release: str, furnished: Copy, work: Path) -> None:
        self._release = release
        package = install(release, work / "package")
        self._layers = [package, furnished.upper]
        #: What the package brings, and what cloud-init changes for a config that wants nothing.
        self.ignore = _new(package, furnished.merged)
        with self.booted('{"ignition": {"version": "3.3.0"}}') as (copy, _outcome):
            self.ignore += _new(copy.upper, furnished.merged)

    @contextmanager
    def apply(self, config: str, work: Path) -> Iterator[tuple[Copy, Outcome]]:
        """As :func:`tests.differential.ours.applied`; the guest has a place of its own."""
        with self.booted(config) as result:
            yield result

    @contextmanager
    def booted(self, config: str) -> Iterator[tuple[Copy, Outcome]]:
        """A guest after its first boot with this config."""
        with Sandbox(self._release, layers=self._layers) as guest:
            guest.write("/etc/cloud/cloud.cfg.d/96_differential.cfg", CONFIGURATION)
            guest.run(["python3", "-m", "datasource_hyperv_kvp.kvp.empty_pools"])
            keys = encode({"ignition.config": config})
            write_pool_files(guest.root / POOL_DIR, {EXTERNAL: keys})
            boot = guest.boot()
            clean = guest.status().clean
            yield Copy(guest.root, guest.changes), Outcome(not clean, boot.output)


def _new(layer: Path, root: Path) -> tuple[str, ...]:
    """What a layer puts over a root, directories that the root has aside."""
    paths = (path.relative_to(layer) for path in layer.rglob("*"))
    return tuple(f"/{path}" for path in paths if not (root / path).is_dir())
