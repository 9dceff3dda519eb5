"""``make demo``: a host sends keys, a guest becomes what they say, and here is what was seen.

The host is emulated; the KVP daemon, cloud-init and everything that it does are real, in a guest
that is thrown away at the end.
"""

from __future__ import annotations

import email
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datasource_hyperv_kvp.errors import HyperVKVPError
from datasource_hyperv_kvp.kvp import AUTO_EXTERNAL, EXTERNAL
from datasource_hyperv_kvp.payload import IGNITION, USER_DATA, encode
from tests.hyperv.host import KvpHost, NoAnswerError
from tests.sandbox.hyperv import FACTS, HyperVGuest, install
from tests.sandbox.sandbox import STAGES, SandboxError
from tests.tools.steps import SetupError

RELEASE = "trixie"
EXAMPLES = Path(__file__).with_name("demo")

#: What each stage of cloud-init is there for, in the words of its documentation.
STAGE_TITLES = {
    "local": "before the network is up",
    "network": "with the network up",
    "config": "configuration",
    "final": "scripts and packages",
}


class DemoError(Exception):
    """The guest is not what the host asked for."""


@dataclass(frozen=True)
class Screen:
    """Plain lines, with bold headings where somebody looks at a terminal."""

    bold: bool

    def heading(self, text: str) -> None:
        """Begin a part."""
        print(f"\n\033[1m{text}\033[0m" if self.bold else f"\n{text}", flush=True)

    def line(self, text: str = "") -> None:
        """Print one line of a part."""
        print(f"  {text}".rstrip(), flush=True)

    def table(self, rows: Iterable[tuple[str, ...]]) -> None:
        """Print rows with their columns under each other."""
        lines = list(rows)
        widths = [max(map(len, column)) for column in zip(*lines)]
        for row in lines:
            self.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths)))

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Announce a step before it runs, and how long it took."""
        print(f"  {text} ".ljust(68, "."), end=" ", flush=True)
        start = time.monotonic()
        try:
            yield
        except BaseException:
            print("failed", flush=True)
            raise
        print(f"{time.monotonic() - start:5.2f} s", flush=True)


def main() -> int:
    """Run the demo; 0 if the guest is what the host asked for."""
    screen = Screen(bold=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    documents = {
        IGNITION: (EXAMPLES / "config.ign").read_text(encoding="utf-8"),
        USER_DATA: (EXAMPLES / "user-data.yaml").read_text(encoding="utf-8"),
    }
    try:
        with tempfile.TemporaryDirectory(prefix="kvp-demo-") as layer:
            show(screen, Path(layer), documents)
    except (DemoError, HyperVKVPError, NoAnswerError, SandboxError, SetupError) as error:
        print(f"\nThe demo has failed: {error}", file=sys.stderr)
        return 1
    return 0


def show(screen: Screen, layer: Path, documents: Mapping[str, str]) -> None:
    """Provision a guest and look at it.

    :raises DemoError: it is not what the host asked for.
    """
    start = time.monotonic()
    keys = encode(documents)
    screen.heading("A Hyper-V host provisions a virtual machine through key-value exchange")
    with screen.step("install this package into the guest, as `make install` does"):
        install(RELEASE, layer)
    with HyperVGuest(RELEASE, layer=layer) as guest, guest.host() as host:
        before = accounts(guest)
        provision(screen, guest, host, keys)
        show_result(screen, guest, keys, before)
        status = guest.status()
        screen.heading("What cloud-init status says")
        screen.line(status.data["status"])
        if not status.clean:
            raise DemoError(f"cloud-init status:\n{status.text}\n{guest.complaints()}")
    screen.heading(f"Done in {time.monotonic() - start:.1f} s; the guest is gone again.")


def provision(screen: Screen, guest: HyperVGuest, host: KvpHost, keys: Mapping[str, str]) -> None:
    """Send the keys to the guest's real KVP daemon and run its real cloud-init."""
    version = guest.run(["cloud-init", "--version"])
    name = (version.out + version.err).split()[-1]
    with screen.step("start the guest's own hv_kvp_daemon"):
        guest.start_daemon()
        host.wait_registered()
    with screen.step(f"the host sends {len(FACTS)} facts and {len(keys)} keys over its device"):
        host.set_keys(AUTO_EXTERNAL, FACTS)
        host.set_keys(EXTERNAL, keys)
    for stage in STAGES:
        with screen.step(f"cloud-init {name}, {stage} stage: {STAGE_TITLES[stage]}"):
            guest.boot(stages=[stage])


def show_result(
    screen: Screen, guest: HyperVGuest, keys: Mapping[str, str], before: Mapping[str, str]
) -> None:
    """Show what the guest has become."""
    screen.heading("Keys that came, pool 0")
    screen.table((key, f"{len(value):5} characters") for key, value in keys.items())

    screen.heading("Host name")
    screen.line(guest.run(["hostname"]).out.strip())

    screen.heading("Accounts that were made")
    made = {name: entry for name, entry in accounts(guest).items() if name not in before}
    screen.table(
        (
            name,
            f"uid {entry.split(':')[2]}",
            entry.split(":")[6],
            guest.run(["id", "-nG", name]).out.strip(),
        )
        for name, entry in made.items()
    )

    screen.heading("Files")
    for path in ("/etc/greeter", "/etc/greeter/greeting", "/usr/local/bin/greet", "/etc/motd"):
        screen.line(guest.run(["stat", "--format=%A %U:%G  %n", path]).out.strip())

    screen.heading("Units")
    for unit in ("greet.service", "greet.timer", "apt-daily.timer"):
        state = guest.run(["systemctl", "is-enabled", unit], check=False).out.strip()
        screen.line(f"{unit:16}  {state}")

    screen.heading("What cloud-init query says")
    data = json.loads(guest.query("--all"))
    reading = data["ds"]["hyperv_kvp"]
    parts = email.message_from_string(data["userdata"]).walk()
    rows = {
        "v1.cloud_id": data["v1"]["cloud_id"],
        "v1.subplatform": data["v1"]["subplatform"],
        "v1.instance_id": data["v1"]["instance_id"],
        "ds.hyperv_kvp.waited_seconds": str(reading["waited_seconds"]),
        "ds.hyperv_kvp.documents": ", ".join(reading["documents"]),
        "ds.meta_data.hyperv.host_name": data["ds"]["meta_data"]["hyperv"]["host_name"],
        "userdata, its parts": ", ".join(
            part.get_filename() or "user-data" for part in parts if not part.is_multipart()
        ),
        "userdata, if not root asks": guest.query("userdata", user="nobody").split(" file:")[0],
    }
    screen.table(rows.items())


def accounts(guest: HyperVGuest) -> dict[str, str]:
    """Return the guest's accounts: name to line of the account database."""
    lines = guest.run(["getent", "passwd"]).out.splitlines()
    return {line.split(":")[0]: line for line in lines}


if __name__ == "__main__":
    sys.exit(main())
