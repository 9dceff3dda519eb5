"""Meta-data and network-config: from a document's text to what cloud-init expects of them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
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


#: Keys that cloud-init takes for text, and fails where they are something else.
_TEXT_KEYS = frozenset(
    {"availability-zone", "availability_zone", "instance-id", "local-hostname", "region"}
)

#: Where cloud-init's instance-data has meta-data.
_PATH = "ds/meta_data"


def parse_meta_data(text: str) -> dict[str, Any]:
    """Return meta-data, which is YAML or JSON, as a mapping.

    :raises DocumentError: it is not YAML, not a mapping, not what JSON can hold as well (cloud-init
        keeps it as that), or a key that cloud-init reads has a value of the wrong type.
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
    _require_json(data, where)
    for key in _TEXT_KEYS & data.keys():
        if isinstance(data[key], bool) or not isinstance(data[key], (str, int)):
            raise DocumentError(f"{key}: expected text, found {_kind(data[key])}", where=where)
        data[key] = str(data[key])
    if "instance-id" in data and not _is_file_name(data["instance-id"]):
        raise DocumentError(
            "instance-id: expected a name without a slash, of 255 bytes at most, since it becomes a"
            " directory's name",
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
    """Return the instance-data paths that cloud-init must redact.

    Each in its own spelling, by which cloud-init 22.4 compares, and in lower case, by which later
    versions do.
    """
    paths = (f"{_PATH}/{key}" for key in map(str, meta_data) if key not in PUBLIC_KEYS)
    return tuple(dict.fromkeys(name for path in paths for name in (path, path.lower())))


def redactable(meta_data: Mapping[str, Any], sensitive: Collection[str]) -> dict[str, Any]:
    """Return meta-data without what cloud-init cannot redact: it would show it, or fail over it.

    cloud-init finds what it redacts by a path with slashes, so a key must hold none, nor be called
    like what stands before it in the path. And it fails (22.4) where a name that it always redacts
    stands inside of something that has been redacted as a whole.

    :param sensitive: the names that cloud-init redacts wherever they stand.
    """
    above = _PATH.split("/")
    return {
        key: value
        for key, value in meta_data.items()
        if str(key) in PUBLIC_KEYS
        or not ("/" in str(key) or str(key) in above or _names(value) & set(sensitive))
    }


def _names(value: Any) -> set[str]:
    """Return the keys of a mapping and of all mappings in it, in lower case."""
    if not isinstance(value, dict):
        return set()
    inner = (_names(item) for item in value.values())
    return {str(key).lower() for key in value}.union(*inner)


def _load_yaml(text: str, where: str) -> Any:
    import yaml

    if text.lstrip().startswith("{"):
        # Not all JSON is YAML to PyYAML: tabs between tokens, escaped surrogate pairs.
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass  # a flow mapping of YAML begins with a brace too
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = _without_words(str(error.problem))
        raise DocumentError(f"not valid YAML or JSON{at}: {problem}", where=where) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(
            f"not valid YAML or JSON ({type(error).__name__})", where=where
        ) from None


def _without_words(problem: str) -> str:
    """Return a YAML parser's complaint without words of the document, which may be secrets.

    ``password: !secret`` is a tag to YAML and ``password: *secret`` an alias: both are quoted.
    Single characters and the parser's own ``<scalar>`` stay.
    """
    return re.sub(
        r"""(['"])(.*?)\1""",
        lambda quoted: quoted[0] if re.fullmatch(r".|<[a-z ]+>", quoted[2]) else "'…'",
        problem,
        flags=re.DOTALL,
    )


def _require_json(data: Any, where: str) -> None:
    try:
        json.dumps(data, default=str, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as error:
        raise DocumentError(
            f"expected what JSON can hold as well ({type(error).__name__})",
            where=where,
            advice="every key must be text, and nothing may contain itself",
        ) from None


def _is_file_name(name: str) -> bool:
    return (
        name.strip() == name
        and name not in ("", ".", "..")
        and "/" not in name
        and name.isprintable()
        and len(name.encode()) <= 255
    )


def _are_keys(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_are_keys(keys) and not isinstance(keys, dict) for keys in value.values())
    if isinstance(value, list):
        return all(isinstance(key, str) for key in value)
    return value is None or isinstance(value, str)


def _kind(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value), f"{type(value).__name__} {value!r}")
