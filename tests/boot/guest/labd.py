"""The lab's agent in the guest: serves the KVP device, runs commands, reports what happens.

It talks to the lab through a virtio port, in lines of JSON. Its first line says that it is up; the
lab answers with what this boot is about (see ``tests/boot/world.py``). Then:

- to the guest: ``{"run": ID, "argv": […], "stdin": BASE64}``, ``{"requests": […]}`` for what the
  host does now, ``{"watch": [PATH, …]}`` to be told when a path comes into being;
- from the guest: ``{"done": ID, "code": N, "out": BASE64, "err": BASE64}``, ``{"seen": PATH}`` and
  ``{"event": NAME, …}`` for what happens at the device.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.boot.guest.channel import Channel, Planned
from tests.boot.guest.cuse import Server
from tests.hyperv.engine import Request

PORT = "lab.control"
MODULES = ("virtio_pci", "virtio_console", "cuse", "overlay")
KVP_CLASS = "{a9a0f4e7-5a45-4d96-b827-8a841e8c03e6}"
#: The VMBus devices of a guest of the second generation: network, disk, heartbeat.
OTHER_CLASSES = (
    "{f8615163-df3e-46c5-913f-f2d2f965ed0e}",
    "{ba6163d9-04a1-4d29-b605-72e2ffb1dc7f}",
    "{57164f39-9115-4e78-ab55-382f3bd5422d}",
)
WATCH_INTERVAL = 0.02


class Agent:
    """Both ends of the port, and the device between them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self._input = b""
        self._watched: list[str] = []
        self._channel = Channel()
        self._server: Server | None = None
        self._device_at: float | None = None

    def send(self, **message: object) -> None:
        """Send one line."""
        data = json.dumps(message).encode() + b"\n"
        with self._lock:
            while data:
                data = data[os.write(self._port, data) :]

    def receive(self) -> list[dict[str, object]]:
        """Give the lines that are there; waits for at least some bytes."""
        self._input += os.read(self._port, 1 << 16)
        *lines, self._input = self._input.split(b"\n")
        return [json.loads(line) for line in lines]

    def start(self) -> None:
        """Say that we are up, and set up the world as the lab wants it."""
        os.write(self._port, b"\n")  # ends what the last boot may have left of a line
        self.send(event="up", uptime=time.monotonic())
        messages: list[dict[str, object]] = []
        while not messages:
            messages = self.receive()
        world, *rest = messages
        if world["vmbus"]:
            show_vmbus(offers_kvp=bool(world["offers_kvp"]))
        self._add_requests(world["requests"])
        if world["device_after"] is not None:
            self._device_at = time.monotonic() + float(str(world["device_after"]))
        for message in rest:
            self._obey(message)
        self._appear()

    def serve(self) -> None:
        """Serve until the machine goes down."""
        while True:
            ready, _, _ = select.select(self._descriptors(), [], [], self._timeout())
            if self._server and self._server.fd in ready:
                self._server.serve_one()
            if self._port in ready:
                for message in self.receive():
                    self._obey(message)
            self._appear()
            if self._server:
                self._server.pump()
            for path in [path for path in self._watched if os.path.lexists(path)]:
                self._watched.remove(path)
                self.send(seen=path)

    def _descriptors(self) -> list[int]:
        return [self._port, self._server.fd] if self._server else [self._port]

    def _timeout(self) -> float | None:
        now = time.monotonic()
        times = []
        if self._watched:
            times.append(WATCH_INTERVAL)
        if self._device_at is not None:
            times.append(self._device_at - now)
        wait = self._channel.next_due(now)
        if wait is not None:
            times.append(wait)
        return max(0.0, min(times)) if times else None

    def _appear(self) -> None:
        if self._device_at is not None and self._device_at <= time.monotonic():
            self._device_at = None
            self._server = Server("vmbus/hv_kvp", self._channel, time.monotonic, self._report)

    def _report(self, event: str, **details: object) -> None:
        self.send(event=event, uptime=time.monotonic(), **details)

    def _obey(self, message: dict[str, object]) -> None:
        if "run" in message:
            threading.Thread(target=self._run, args=(message,), daemon=True).start()
        elif "requests" in message:
            self._add_requests(message["requests"])
        elif "watch" in message:
            watch = message["watch"]
            assert isinstance(watch, list)
            self._watched = list(watch)
        elif "ask" in message:
            answers = [
                [each.request.operation, each.request.pool, each.request.key, each.status]
                for each in self._channel.answered
            ]
            self.send(
                done=message["ask"],
                answered=answers,
                left=len(self._channel.plan) + self._channel.engine.pending,
                guest_pools=self._channel.guest_pools,
            )

    def _add_requests(self, requests: object) -> None:
        assert isinstance(requests, list)
        for request in requests:
            at = request.pop("at")
            self._channel.plan.append(Planned(Request(**request), at))

    def _run(self, message: dict[str, object]) -> None:
        argv = message["argv"]
        assert isinstance(argv, list)
        done = subprocess.run(
            argv,
            input=base64.b64decode(str(message.get("stdin", ""))),
            capture_output=True,
            check=False,
            cwd="/",
        )
        self.send(
            done=message["run"],
            code=done.returncode,
            out=base64.b64encode(done.stdout).decode(),
            err=base64.b64encode(done.stderr).decode(),
        )


def show_vmbus(*, offers_kvp: bool) -> None:
    """Let sysfs show VMBus with its devices: an overlay on ``/sys/bus`` that adds ``vmbus``.

    Nothing can be made in sysfs itself, and no driver of VMBus binds off Hyper-V.
    """
    layer = Path("/run/lab/bus")
    classes = (*OTHER_CLASSES, KVP_CLASS) if offers_kvp else OTHER_CLASSES
    for number, class_id in enumerate(classes):
        device = layer / "vmbus/devices" / f"00000000-0000-8899-0000-{number:012d}"
        device.mkdir(parents=True)
        (device / "class_id").write_text(class_id + "\n")
    (layer / "vmbus/drivers/hv_utils").mkdir(parents=True)
    options = f"lowerdir={layer}:/sys/bus"
    subprocess.run(["mount", "-t", "overlay", "-o", options, "lab", "/sys/bus"], check=True)


def open_port() -> int:
    """Open the lab's port.

    :raises OSError: it is not there.
    """
    subprocess.run(["modprobe", "-a", *MODULES], check=True)
    for _ in range(500):
        for port in Path("/sys/class/virtio-ports").glob("*"):
            if (port / "name").read_text().strip() == PORT:
                return os.open(f"/dev/{port.name}", os.O_RDWR | os.O_CLOEXEC)
        time.sleep(0.02)
    raise OSError(f"no virtio port {PORT}")


def notify_ready() -> None:
    """Tell systemd that what comes after us may start."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])


def main() -> None:
    """Run the agent."""
    agent = Agent(open_port())
    agent.start()
    notify_ready()
    agent.serve()


if __name__ == "__main__":
    main()
