"""Units and drop-ins at random: new ones, vendor's, local, linked and masked ones."""

from __future__ import annotations

from typing import Any

from tests.differential.draws import Draws, present

_EXEC = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
_INSTALLS = [
    "",
    "[Install]\nWantedBy=multi-user.target\n",
    "[Install]\nWantedBy=multi-user.target sysinit.target\n",
    "[Install]\nRequiredBy=basic.target\nAlias=second.service\n",
    "[Install]\nWantedBy=default.target\nAlso=vendor-off.service\n",
    "[Install]\r\nWantedBy=multi-user.target\r\n",
    "[Install]\nWantedBy=multi-user.target \\\n  basic.target\n",
    "[Install]\nWantedBy=a.target\nWantedBy=\nWantedBy=b.target\n",
    "[Install]\nUpheldBy=multi-user.target\n",
]
_TEMPLATE_INSTALLS = ["[Install]\nWantedBy=multi-user.target\nDefaultInstance=one\n"]
_EXISTING = [
    *("vendor-on", "vendor-off", "vendor-alias", "static", "masked", "masked-missing"),
    *("masked-relative", "local", "also", "linked", "tmpl@", "tmpl@on", "tmpl@x", "dflt@"),
    *("dflt@one", "missing", "missing@", "missing@m"),
]
_NEW = ["alpha", "beta-2", "gam\\x2dma", "inst@", "inst@a", "inst@b", "inst@a-b_c", "inst@a\\x20b"]
_OTHERS = [
    *("tick.timer", "box.container.service", "a.path", "own.target", "tick@.timer", "tick@a.timer"),
    *("listen.socket", "srv-data.mount", "srv-data.automount", "srv-page.swap", "own-sub.slice"),
]
_BODIES = {
    "service": _EXEC,
    "timer": "[Timer]\nOnBootSec=1h\n",
    "path": "[Path]\nPathExists=/no/such\n",
    "target": "",
    "socket": "[Socket]\nListenStream=/run/own.sock\nAccept=no\n",
    "mount": "[Mount]\nWhat=/dev/disk/by-label/none\nWhere=/srv/data\n",
    "automount": "[Automount]\nWhere=/srv/data\n",
    "swap": "[Swap]\nWhat=/srv/page\n",
    "slice": "[Slice]\nMemoryMax=1G\n",
}


def draw_units(draws: Draws) -> list[dict[str, Any]]:
    """The units of one config."""
    if draws.chance(0.2):
        return []
    names = [f"{name}.service" for name in draws.some(_EXISTING, 4) + draws.some(_NEW, 4)]
    names += draws.some(_OTHERS, 3)
    if draws.chance(0.15):
        names.append("byfile.service")  # the nodes may have it
    draws.random.shuffle(names)
    return [_unit(draws, name) for name in names]


def _unit(draws: Draws, name: str) -> dict[str, Any]:
    stem, suffix = name.rsplit(".", 1)
    unit: dict[str, Any] = {"name": name}
    is_new = stem not in ("masked-missing", "missing", "missing@", "missing@m", "byfile")
    if draws.chance(0.5) and is_new:
        installs = _INSTALLS + (_TEMPLATE_INSTALLS if stem.endswith("@") else [])
        unit["contents"] = (
            "[Unit]\nDescription=from the config\n"
            + _BODIES[suffix]
            + draws.random.choice(installs)
        )
    elif draws.chance(0.05):
        unit["contents"] = draws.random.choice(["", "# nothing\n", "[Unit]\n"])
    if draws.chance(0.6):
        unit["enabled"] = draws.chance(0.7)
    if draws.chance(0.25):
        unit["mask"] = draws.chance(0.5)
    if draws.chance(0.25):
        contents = ["[Service]\nEnvironment=A=b\n", "", "[Unit]\nAfter=local-fs.target\n", None]
        contents += ["[Install]\nWantedBy=graphical.target\n"]
        unit["dropins"] = [
            {"name": dropin, **present({"contents": draws.random.choice(contents)})}
            for dropin in draws.some(["10-a.conf", "20 b.conf", "zz.conf"], 2)
        ]
    return unit
