"""The section ``ignition``: other configs, certificate authorities and proxies."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.config import IgnitionSection, Proxy
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.urls import parse_url
from datasource_hyperv_kvp.ignition.validation.resources import (
    check_config_reference,
    check_hash,
    check_required_source,
    check_resource,
)
from datasource_hyperv_kvp.ignition.validation.sources import MISSING, source_fault


def check_ignition(section: IgnitionSection, minor: int, report: Report) -> None:
    config: Path = ("ignition", "config")
    check = check_config_reference if minor == 0 else check_resource
    for index, resource in enumerate(section.merge):
        path = (*config, "merge", index)
        if minor > 0:
            check_required_source(resource, minor, path, report)
        check(resource, minor, path, report)
    check(section.replace, minor, (*config, "replace"), report)
    for index, resource in enumerate(section.certificate_authorities):
        path = ("ignition", "security", "tls", "certificateAuthorities", index)
        if minor == 0:
            fault = source_fault(resource.source, minor) if resource.source else MISSING
            if fault:
                report.error((*path, "source"), fault)
            check_hash(resource, minor, path, report)
        else:
            check_required_source(resource, minor, path, report)
            check_resource(resource, minor, path, report)
    _check_proxy(section.proxy, report)


def _check_proxy(proxy: Proxy, report: Report) -> None:
    path: Path = ("ignition", "proxy")
    _check_proxy_url(proxy.http_proxy, (*path, "httpProxy"), report, may_be_http=True)
    _check_proxy_url(proxy.https_proxy, (*path, "httpsProxy"), report, may_be_http=False)


def _check_proxy_url(value: str | None, path: Path, report: Report, *, may_be_http: bool) -> None:
    if value is None:
        return
    try:
        scheme = parse_url(value).scheme
    except ValueError as error:
        report.error(path, f"this is not a valid URL: {error}")
        return
    if scheme not in ("http", "https"):
        report.error(path, "a proxy is reached by http or https; write http://HOST:PORT")
    elif scheme == "http" and not may_be_http:
        report.warning(
            path, "this proxy for https is asked in plain text; write https://HOST:PORT if it can"
        )
