"""Resources: source, compression, hash and request headers."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.config import Resource
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.urls import parse_url
from datasource_hyperv_kvp.ignition.validation.sources import MISSING, source_fault

_COMPRESSIONS = (None, "", "gzip")
_HEX_DIGITS = {"sha512": 128, "sha256": 64}


def check_resource(resource: Resource, minor: int, path: Path, report: Report) -> None:
    if resource.source:
        fault = source_fault(resource.source, minor)
        if fault:
            report.error((*path, "source"), fault)
    if resource.compression not in _COMPRESSIONS:
        report.error(
            (*path, "compression"),
            f'the compression "{resource.compression}" is not known; write "gzip" or leave it out',
        )
    if resource.verification_hash is not None:
        if resource.source is None:
            report.error(
                (*path, "verification", "hash"),
                "there is a hash but nothing to check; add a source or remove the hash",
            )
        check_hash(resource, minor, path, report)
    if resource.http_headers:
        _check_headers(resource, path, report)


def check_config_reference(resource: Resource, minor: int, path: Path, report: Report) -> None:
    """Another config in specification 3.0: its hash may stand alone."""
    if resource.source:
        fault = source_fault(resource.source, minor)
        if fault:
            report.error((*path, "source"), fault)
    check_hash(resource, minor, path, report)


def check_required_source(resource: Resource, minor: int, path: Path, report: Report) -> None:
    """For resources that make no sense without a source; said at ``path`` itself."""
    fault = source_fault(resource.source, minor) if resource.source else MISSING
    if fault:
        report.error(path, fault)


def check_hash(resource: Resource, minor: int, path: Path, report: Report) -> None:
    value = resource.verification_hash
    if value is None:
        return
    path = (*path, "verification", "hash")
    function, dash, digits = value.partition("-")
    known = ["sha512"] if minor == 0 else ["sha512", "sha256"]
    forms = " or ".join(f"{name}-DIGEST" for name in known)
    if not dash:
        report.error(path, f"this is not a hash; write {forms}, the digest in hexadecimal")
    elif function not in known:
        report.error(path, f'the hash function "{function}" is not supported; write {forms}')
    elif len(digits.encode()) != _HEX_DIGITS[function]:
        report.error(
            path, f"a {function} digest has {_HEX_DIGITS[function]} hexadecimal digits; write them"
        )


def _check_headers(resource: Resource, path: Path, report: Report) -> None:
    path = (*path, "httpHeaders")
    fault = _header_scheme_fault(resource.source)
    if fault:
        report.error(path, fault)
    for index, header in enumerate(resource.http_headers):
        if not header.name:
            report.error((*path, index, "name"), "a header's name is missing; write it")
        if header.value == "":
            report.error(
                (*path, index, "value"),
                "a header's value is empty; write one, or leave it out to remove the header that "
                "a parent config sets",
            )


def _header_scheme_fault(source: str | None) -> str:
    if not source:
        return "headers need a source; write an http or https URL, or remove the headers"
    try:
        scheme = parse_url(source).scheme
    except ValueError as error:
        return f"headers need a source that is a valid URL: {error}"
    if scheme in ("http", "https"):
        return ""
    return "headers are only sent to http and https sources; remove them or change the source"
