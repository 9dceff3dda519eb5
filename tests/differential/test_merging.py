"""Random configs that refer to each other, resolved by the real Ignition and by ours.

Ignition's fetch stage leaves the merged config in its cache; that is what ours is compared with.
``MERGE_CONFIGS`` says how many configs, ``MERGE_SEED`` which; both are printed.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

from datasource_hyperv_kvp.apply.frozen import replace
from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition import parse
from datasource_hyperv_kvp.ignition.config import Config, Resource
from datasource_hyperv_kvp.ignition.resolve import resolve
from datasource_hyperv_kvp.ignition.resources import Fetcher
from tests.differential.config_texts import Odds, config_text
from tests.differential.oracle import packaged

SEED = os.environ.get("MERGE_SEED") or str(random.SystemRandom().randrange(1 << 32))
COUNT = int(os.environ.get("MERGE_CONFIGS", "60"))
#: Valid mostly: what is invalid is compared with the reference validator elsewhere.
ODDS = Odds(bad=0, wrong=0, null=0, unknown=0, case=0, double=0, field=0.5, syntax=0)


#: What 2.14 says about partition 0 beside one that should not exist; the newest accepts it.
_OLD_RULE = b"shouldExist is false for a partition and other partition(s) has start or size 0"


class _OldRuleError(Exception):
    """The config breaks a rule that the newest program has no more."""


def test_random_references_are_merged_as_the_reference_does(tmp_path: Path) -> None:
    print(f"seed {SEED}, {COUNT} configs")
    invalid = 0
    for number in range(COUNT):
        rng = random.Random(f"{SEED}/{number}")
        text = json.dumps(_referring(rng, depth=0)).encode()
        try:
            theirs = _reference(text, tmp_path)
        except _OldRuleError:
            continue
        ours = _ours(text)
        assert ours == theirs, f"seed {SEED}, config {number}: {text.decode()}"
        invalid += theirs is None
    print(f"{invalid} invalid when merged")
    assert invalid < COUNT


def _referring(rng: random.Random, *, depth: int) -> dict[str, Any]:
    """A valid config with references to others, as data: URLs."""
    tree = _valid(rng)
    section = tree["ignition"]
    for key in ("config", "security", "timeouts"):
        section.pop(key, None)
    if depth < rng.choice((1, 1, 2)):
        children = [_referring(rng, depth=depth + 1) for _ in range(rng.choice((1, 1, 2)))]
        references = [{"source": _embedded(child)} for child in children]
        if depth and rng.random() < 0.1:
            section["config"] = {"replace": references[0]}
        else:
            section["config"] = {"merge": references}
    return tree


def _valid(rng: random.Random) -> dict[str, Any]:
    # The larger a random config, the less likely it is valid, and the more there is to merge.
    size = rng.choice((0, 400, 800))
    while True:
        text = config_text(rng, rng.randrange(4), ODDS)
        if len(text) >= size and parse(text).config is not None:
            tree: dict[str, Any] = json.loads(text)
            return tree


def _embedded(tree: dict[str, Any]) -> str:
    return f"data:;base64,{base64.b64encode(json.dumps(tree).encode()).decode()}"


def _ours(text: bytes) -> Config | None:
    config = parse(text).config
    if config is None:
        # By chance, a config can refer twice to the same one.
        return None
    try:
        return _comparable(resolve(config, Fetcher(offline=True)))
    except ConfigError:
        return None


def _reference(text: bytes, work: Path) -> Config | None:
    """The merged config, or None if Ignition refuses it."""
    (work / "config.ign").write_bytes(text)
    cache = work / "cache"
    cache.unlink(missing_ok=True)
    result = subprocess.run(
        [
            str(packaged().program),
            "--platform=file",
            "--stage=fetch",
            f"--root={work}",
            f"--config-cache={cache}",
            f"--neednet={work / 'neednet'}",
            f"--state-file={work / 'state'}",
        ],
        env={**os.environ, "IGNITION_CONFIG_FILE": str(work / "config.ign")},
        capture_output=True,
        check=False,
    )
    if _OLD_RULE in result.stdout + result.stderr:
        raise _OldRuleError
    if result.returncode != 0:
        return None
    tree = json.loads(cache.read_bytes())
    # An experimental version of the program's own, which is as good as this one.
    tree["ignition"]["version"] = "3.3.0"
    parsed = parse(json.dumps(tree))
    if parsed.config is None:
        # Only the newest program refuses that.
        assert all("also written by a unit" in error.message for error in parsed.errors)
        return None
    return _comparable(parsed.config)


def _comparable(config: Config) -> Config:
    section = replace(config.ignition, version="", merge=(), replace=Resource())
    return replace(config, ignition=section)
