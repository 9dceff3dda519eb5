"""Meta-data and network-config: from a document's text to what cloud-init expects of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from datasource_hyperv_kvp.errors import DocumentError

#: The values of meta-data's ``dsmode`` that cloud-init knows (``cloudinit.sources.VALID_DSMODES``).
DSMODES = ("local", "net", "disabled")

#: Keys of meta-data that everybody on the machine may read, as on other clouds. The rest is the
#: administrator's own and may hold a password: it is redacted for users other than root.
PUBLIC_KEYS = frozenset(
    {
        "availability-zone",
        "availability_zone",
        "cloud-name",
        "dsmode",
        "hyperv",
        "instance-id",
        "launch-index",
        "local-hostname",
        "public-keys",
        "region",
    }
)


def parse_meta_data(text: str) -> dict[str, Any]:
    """Return meta-data, which is YAML or JSON, as a mapping.

    :raises DocumentError: it is not YAML, not a mapping, or a key that cloud-init reads has a value
        of the wrong type.
    """
    where = "cloud-init.meta-data"
    data = _load_yaml(text, where)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise DocumentError(
            f"expected a mapping of keys to values, found {_kind(data)}",
            where=where,
            advice="write for example `instance-id: web-1`",
        )
    for key in ("instance-id", "local-hostname"):
        if key in data and (isinstance(data[key], bool) or not isinstance(data[key], (str, int))):
            raise DocumentError(f"{key}: expected text, found {_kind(data[key])}", where=where)
        if key in data:
            data[key] = str(data[key])
    if "/" in data.get("instance-id", ""):
        raise DocumentError(
            "instance-id: expected a name without a slash, since it becomes a directory's name",
            where=where,
        )
    if "dsmode" in data and data["dsmode"] not in DSMODES:
        raise DocumentError(
            f"dsmode: expected one of {', '.join(DSMODES)}, found {data['dsmode']!r}", where=where
        )
    if "public-keys" in data and not _are_keys(data["public-keys"]):
        raise DocumentError(
            "public-keys: expected SSH public keys as text, a list or a mapping of names to keys",
            where=where,
        )
    return data


def parse_network_config(text: str) -> dict[str, Any]:
    """Return network-config, version 1 or 2, as cloud-init's network modules take it.

    The top-level key ``network``, which netplan's files have, may be there or not.

    :raises DocumentError: it is not YAML or not a network-config of version 1 or 2.
    """
    where = "cloud-init.network-config"
    data = _load_yaml(text, where)
    if isinstance(data, dict) and isinstance(data.get("network"), dict):
        data = data["network"]
    if isinstance(data, dict) and data.get("config") == "disabled":
        return {"config": "disabled"}
    if not isinstance(data, dict) or data.get("version") not in (1, 2):
        raise DocumentError(
            "expected a network-config with `version: 1` or `version: 2`, found "
            + (f"version {data.get('version')!r}" if isinstance(data, dict) else _kind(data)),
            where=where,
            advice="see cloud-init's documentation of network configuration",
        )
    if data["version"] == 1 and not isinstance(data.get("config"), list):
        raise DocumentError("version 1: expected a list under `config`", where=where)
    return data


def private_paths(meta_data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the instance-data paths that cloud-init must redact, in its spelling (lower case)."""
    return tuple(
        f"ds/meta_data/{str(key).lower()}" for key in meta_data if str(key) not in PUBLIC_KEYS
    )


def _load_yaml(text: str, where: str) -> Any:
    import yaml

    if text.lstrip().startswith("{"):
        # Not all JSON is YAML to PyYAML: tabs between tokens, escaped surrogate pairs.
        try:
            return json.loads(text)
        except ValueError:
            pass  # a flow mapping of YAML begins with a brace too
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        # The exception's own text quotes the document, which may hold secrets.
        raise DocumentError(f"not valid YAML or JSON{at}: {error.problem}", where=where) from None
    except (yaml.YAMLError, ValueError) as error:
        raise DocumentError(
            f"not valid YAML or JSON ({type(error).__name__})", where=where
        ) from None


def _are_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_are_keys(keys) and not isinstance(keys, dict) for keys in value.values())
    if isinstance(value, list):
        return all(isinstance(key, str) for key in value)
    return value is None or isinstance(value, str)


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value), f"{type(value).__name__} {value!r}")
