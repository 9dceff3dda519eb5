"""Where resources come from: URLs, and which schemes each specification has."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition import data_url
from datasource_hyperv_kvp.ignition.urls import URL, parse_url, query_values

#: Since which minor version of the specification a scheme may be used.
_SCHEMES = {"data": 0, "http": 0, "https": 0, "tftp": 0, "s3": 0, "gs": 2, "arn": 4}

MISSING = "a source is required; write a URL such as https://example.com/file or data:,text"


def source_fault(source: str, minor: int) -> str:
    """What is wrong with the URL of a resource; "" if nothing."""
    try:
        if source.startswith("data:"):
            data_url.check(source)
            return ""
        url = parse_url(source)
        if url.scheme == "data":
            data_url.check(source)
    except ValueError as error:
        return f"this is not a valid URL: {error}"
    if _SCHEMES.get(url.scheme, minor + 1) > minor:
        return _scheme_fault(url.scheme, minor)
    if url.scheme == "arn":
        fault = _arn_fault(url)
        if fault:
            return fault
    if url.scheme in ("s3", "arn") and query_values(url.query, "versionId")[:1] == [""]:
        return "versionId is empty; write the version's ID, or remove it from the URL"
    return ""


def _scheme_fault(scheme: str, minor: int) -> str:
    known = ", ".join(name for name, since in _SCHEMES.items() if since <= minor)
    if not scheme:
        return f"the URL has no scheme; begin it with one of {known}"
    if scheme in _SCHEMES:
        return (
            f"the scheme {scheme} needs version 3.{_SCHEMES[scheme]}.0; "
            f"raise the version or use one of {known}"
        )
    return f"the scheme {scheme} is not supported; use one of {known}"


def _arn_fault(url: URL) -> str:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-arn-format.html"""
    name = f"arn:{url.opaque}"
    sections = name.split(":", 5)
    least = 1
    if len(sections) == 6 and sections[2] == "s3":
        least = 2 if sections[5].startswith("accesspoint/") else 1
        if name.count("/") >= least:
            return ""
    return "this names no object in S3; write arn:PARTITION:s3:::BUCKET/KEY"
