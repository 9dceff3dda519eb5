"""Follow ``ignition.config.merge`` and ``replace``, and bring files' contents to this machine.

The order of fetching, merging and of taking over timeouts, proxies and authorities is that of
Ignition's ``internal/exec/config_fetcher.go`` and ``engine.go``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Set
from pathlib import Path

from datasource_hyperv_kvp.apply.frozen import dataclass, replace
from datasource_hyperv_kvp.errors import ConfigError

from . import merge, parse, validate_merged
from .config import Config, Resource
from .findings import Finding
from .resources import Fetcher, Job
from .resources.failure import safe_url

#: Ignition has no bound for either; a config that refers to itself would go on for ever.
MAX_DEPTH = 32
MAX_CONFIGS = 512


def resolve(config: Config, fetcher: Fetcher) -> Config:
    """The config with all that it refers to merged in, and with no reference left.

    ``fetcher`` ends up with the result's timeouts, proxy and authorities. A config whose
    references are all ``data:`` URLs is resolved without network. Raises ConfigError if a
    reference cannot be fetched, is empty or invalid, if references run in a circle, or if the
    result is invalid; NeedsNetworkError if ``fetcher`` is offline and a reference is not a
    ``data:`` URL.
    """
    fetcher.configure(config.ignition)
    resolved = _Resolver(fetcher).render(config, _Origin())
    fetcher.configure(resolved.ignition)
    findings = validate_merged(resolved)
    if findings:
        raise ConfigError(
            f"the configs are valid each, but not merged: {_listed(findings)}",
            advice="see which configs set these fields, and change one of them",
        )
    section = replace(resolved.ignition, merge=(), replace=Resource())
    return replace(resolved, ignition=section)


def stage(config: Config, fetcher: Fetcher, directory: Path) -> dict[Resource, str]:
    """Fetch the contents of all files into ``directory``, several at a time.

    Only what is not a ``data:`` URL is fetched: streamed, decompressed, verified, into files of
    mode 0600. ``directory`` is made with mode 0700 if it is not there. Equal resources are
    fetched once. Returns each resource's absolute path. Raises ConfigError, NeedsNetworkError.
    """
    directory = directory.absolute()
    jobs: dict[Resource, Job] = {}
    for resource, where in _contents(config):
        jobs.setdefault(resource, Job(resource, directory / _staged_name(resource), where))
    _drop_others(directory, {job.path for job in jobs.values()})
    if jobs:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        fetcher.stage_all(tuple(jobs.values()))
    return {resource: str(job.path) for resource, job in jobs.items()}


def _drop_others(directory: Path, wanted: Set[Path]) -> None:
    """Nobody else would remove what a config was to bring that is no longer the machine's."""
    for path in directory.iterdir() if directory.is_dir() else ():
        if path not in wanted:
            path.unlink()


def _staged_name(resource: Resource) -> str:
    """The same for the same resource only: by it a mended config is told from the one before."""
    headers = [[header.name, header.value] for header in resource.http_headers]
    parts = [resource.source, resource.compression, headers, resource.verification_hash]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _contents(config: Config) -> Iterator[tuple[Resource, str]]:
    """Every resource of files that must be fetched, with its JSON path."""
    for index, file in enumerate(config.storage.files):
        path = f"$.storage.files.{index}"
        found = [(file.contents, f"{path}.contents.source")]
        found += [(each, f"{path}.append.{n}.source") for n, each in enumerate(file.append)]
        for resource, where in found:
            if resource.source and resource.source.partition(":")[0].lower() != "data":
                yield resource, f"{where} ({file.path})"


@dataclass(frozen=True)
class _Origin:
    """Where a config came from.

    :param name: as errors name it; empty for the first config.
    :param sources: the URLs that led here.
    """

    name: str = ""
    sources: tuple[str, ...] = ()

    def path(self, path: str) -> str:
        return f"{self.name}: {path}" if self.name else path


class _Resolver:
    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self._configs = 0

    def render(self, config: Config, origin: _Origin) -> Config:
        """The config with its references merged in, children in their order, depth first."""
        if config.ignition.replace.source is not None:
            child, source = self._fetch(config.ignition.replace, origin, "replace")
            self._fetcher.configure(child.ignition, where=source.path("$"))
            return self.render(child, source)
        merged = config
        for index, reference in enumerate(config.ignition.merge):
            child, source = self._fetch(reference, origin, f"merge.{index}")
            # The child's settings count for what it refers to itself.
            settings = merge(merged, child).ignition
            self._fetcher.configure(settings, where=source.path("$"))
            merged = merge(merged, self.render(child, source))
        return merged

    def _fetch(self, reference: Resource, origin: _Origin, field: str) -> tuple[Config, _Origin]:
        where = origin.path(f"$.ignition.config.{field}.source")
        url = reference.source or ""
        self._check_bounds(url, origin, where)
        text = self._fetcher.read(reference, where=where)
        embedded = url.partition(":")[0].lower() == "data"
        reference_path = origin.path(f"$.ignition.config.{field}")
        name = f"the config of {reference_path}" if embedded else safe_url(url)
        if not text:
            raise ConfigError(
                f"{safe_url(url)} is empty",
                where=where,
                advice="Ignition takes that for an empty config and drops everything; "
                "refer to a config, or drop the reference",
            )
        result = parse(text)
        for warning in result.warnings:
            self._fetcher.log(f"{name}: {warning}")
        if result.config is None:
            raise ConfigError(f"the config is invalid: {_listed(result.errors)}", where=name)
        return result.config, _Origin(name, (*origin.sources, url))

    def _check_bounds(self, url: str, origin: _Origin, where: str) -> None:
        if url in origin.sources:
            raise ConfigError(
                f"{safe_url(url)} refers to itself, directly or by way of others",
                where=where,
                advice="break the circle",
            )
        self._configs += 1
        if len(origin.sources) >= MAX_DEPTH or self._configs > MAX_CONFIGS:
            raise ConfigError(
                f"too many references: at most {MAX_CONFIGS} configs, {MAX_DEPTH} deep",
                where=where,
                advice="look for configs that refer to each other",
            )


def _listed(findings: Iterable[Finding]) -> str:
    return "; ".join(map(str, findings))
