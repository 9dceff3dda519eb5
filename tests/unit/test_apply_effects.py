"""Which files concern whom, once a boot has begun."""

from __future__ import annotations

import pytest

from datasource_hyperv_kvp.apply.effects import Effects, effects

LINK = "/etc/systemd/network/10-lan.link"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/systemd/system/a.service", Effects(units=True)),
        ("/usr/local/lib/systemd/system-generators/gen", Effects(units=True)),
        ("/etc/containers/systemd/web.container", Effects(units=True)),
        ("/etc/fstab", Effects(units=True)),
        ("/etc/crypttab", Effects(units=True)),
        ("/etc/sysctl.d/90-x.conf", Effects(sysctl=True)),
        ("/etc/sysctl.conf", Effects(sysctl=True)),
        ("/etc/modules-load.d/x.conf", Effects(modules=True)),
        ("/etc/modules", Effects(modules=True)),
        ("/etc/binfmt.d/x.conf", Effects(binfmt=True)),
        ("/etc/udev/rules.d/90-x.rules", Effects(udev=True)),
        ("/etc/tmpfiles.d/x.conf", Effects(tmpfiles=("/etc/tmpfiles.d/x.conf",))),
        ("/usr/lib/sysusers.d/x.conf", Effects(sysusers=("/usr/lib/sysusers.d/x.conf",))),
        ("/etc/systemd/journald.conf.d/x.conf", Effects(services=("systemd-journald.service",))),
        ("/etc/systemd/resolved.conf", Effects(services=("systemd-resolved.service",))),
        ("/etc/systemd/network/x.network", Effects(services=("systemd-networkd.service",))),
        (LINK, Effects(reboot=(LINK,))),
        (
            "/etc/netplan/60-lan.yaml",
            Effects(netplan=True, services=("systemd-networkd.service", "NetworkManager.service")),
        ),
        (
            "/etc/NetworkManager/system-connections/lan.nmconnection",
            Effects(services=("NetworkManager.service",)),
        ),
        ("/etc/network/interfaces.d/lan", Effects(services=("networking.service",))),
        ("/etc/sysconfig/network/ifcfg-eth0", Effects(services=("wicked.service",))),
        (f"{LINK}.d/x.conf", Effects(reboot=(f"{LINK}.d/x.conf",))),
        ("/etc/systemd/system.conf", Effects(reboot=("/etc/systemd/system.conf",))),
        ("/etc/modprobe.d/x.conf", Effects(reboot=("/etc/modprobe.d/x.conf",))),
        ("/etc/systemd/user/x.service", Effects()),
        ("/etc/sysctl.d.backup/x.conf", Effects()),
        ("/etc/tmpfiles.d/README", Effects()),
        ("/srv/etc/fstab", Effects()),
    ],
)
def test_a_file_concerns(path: str, expected: Effects) -> None:
    assert effects([path]) == expected


def test_each_is_told_once() -> None:
    both = effects(["/etc/systemd/logind.conf", "/etc/systemd/logind.conf.d/a.conf"] * 2)
    assert both.services == ("systemd-logind.service",)
