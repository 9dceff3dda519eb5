"""Configs that refer to others by ``data:`` URLs, and the settings that only count for fetching."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from typing import Any

from tests.differential.draws import Draws

Tree = dict[str, Any]
_SECTIONS = ("passwd", "storage", "systemd")


def refer(draws: Draws, tree: Tree) -> Tree:
    """``tree``, or a config that comes to the same by way of others."""
    _add_settings(draws, tree["ignition"])
    dice = draws.random.random()
    if dice < 0.7:
        return tree
    if dice < 0.78:
        unread = {
            "ignition": dict(tree["ignition"]),
            "systemd": {"units": [{"name": "no.service"}]},
        }
        unread["ignition"]["config"] = {"replace": _resource(draws, tree)}
        return unread
    children = [_moved(draws, tree) for _ in range(draws.random.choice((1, 1, 2)))]
    if draws.chance(0.4):
        children.append(_overrides(draws, tree))
    if draws.chance(0.3):
        children = [refer(draws, child) for child in children]
    references = [_resource(draws, child) for child in children]
    # Two references to the same place are an error.
    unique = list({reference["source"]: reference for reference in references}.values())
    tree["ignition"].setdefault("config", {})["merge"] = unique
    return tree


def _add_settings(draws: Draws, section: Tree) -> None:
    if draws.chance(0.1):
        section["timeouts"] = {"httpTotal": draws.random.choice([0, 5, 600])}
    if draws.minor >= 1 and draws.chance(0.1):
        section["proxy"] = {"httpProxy": "http://proxy.invalid:3128/", "noProxy": ["example.com"]}


def _moved(draws: Draws, tree: Tree) -> Tree:
    """A config with some items of ``tree``, which loses them."""
    child: Tree = {"ignition": {"version": draws.spec}}
    for name in _SECTIONS:
        for key, items in list(tree.get(name, {}).items()):
            kept: list[Any] = []
            for item in items:
                to = child.setdefault(name, {}).setdefault(key, []) if draws.chance(0.4) else kept
                to.append(item)
            tree[name][key] = kept
    return child


def _overrides(draws: Draws, tree: Tree) -> Tree:
    """A config that says something else of some items of ``tree``."""
    child: Tree = {"ignition": {"version": draws.spec}}
    changes: dict[str, dict[str, list[Any]]] = {
        "groups": {"gid": [61001], "passwordHash": ["$6$child$h", ""]},
        "users": {
            "gecos": ["from the child", ""],
            "groups": [["adm"], ["devs", "adm"], []],
            "sshAuthorizedKeys": [["ssh-ed25519 AAAAC3Nza one@host", "ssh-rsa CHILD"]],
            "passwordHash": ["*", ""],
        },
        "directories": {"mode": [0o711], "user": [{"id": 7}], "group": [{"name": "adm"}]},
        "files": {
            "mode": [0o604],
            "user": [{"id": 7}, {"name": "daemon"}],
            "append": [[{"source": "data:,from%20the%20child"}]],
            "contents": [{"source": "data:,over"}],
        },
        "links": {"target": ["/srv/by/the/child"], "group": [{"id": 8}]},
        "units": {
            "enabled": [True, False],
            "mask": [True, False],
            "dropins": [[{"name": "10-a.conf", "contents": "[Unit]\nAfter=child.service\n"}]],
        },
    }
    for name in _SECTIONS:
        for key, items in tree.get(name, {}).items():
            for item in items:
                if not draws.chance(0.4):
                    continue
                identity = "path" if "path" in item else "name"
                field = draws.random.choice(list(changes[key]))
                said = {identity: item[identity], field: draws.random.choice(changes[key][field])}
                if key == "links":
                    # Valid only with a target.
                    said = {**said, "target": said.get("target", item["target"])}
                child.setdefault(name, {}).setdefault(key, []).append(said)
    return child


def _resource(draws: Draws, tree: Tree) -> Tree:
    text = json.dumps(tree).encode()
    packed = draws.minor >= 1 and draws.chance(0.3)
    data = gzip.compress(text, mtime=0) if packed else text
    resource: Tree = {"source": "data:;base64," + base64.b64encode(data).decode()}
    if packed:
        resource["compression"] = "gzip"
    if draws.chance(0.2):
        resource["verification"] = {"hash": f"sha512-{hashlib.sha512(text).hexdigest()}"}
    return resource
