"""``s3:`` and ``arn:`` URLs: Amazon S3 without credentials, over HTTPS.

Hosts and their choice are those of Ignition (``internal/resource/url.go``) and of the rules of
the AWS SDK that it uses: dual-stack for objects, the bucket in the host name where that makes a
valid one, an access point by its own host.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable
from urllib.parse import parse_qs, quote, unquote, urlsplit

from .failure import FetchFailure

#: The region that is asked where a bucket lives, by the ARN's partition.
_HINTS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_HEADER = "X-Amz-Bucket-Region"

#: Asks for the headers of a URL: status and headers.
Head = Callable[[str], tuple[int, Mapping[str, str]]]


@dataclass(frozen=True)
class Location:
    """Where an object lies.

    :param region: known for access points only, else None.
    :param hint: a region of the same partition.
    :param account: the owner of the access point ``bucket``; None if that is a bucket.
    """

    bucket: str
    key: str
    version: str | None = None
    region: str | None = None
    hint: str = _HINTS["aws"]
    account: str | None = None


def to_https(url: str, head: Head) -> str:
    """The URL of the object; asks by ``head`` for the bucket's region unless the ARN tells it."""
    location = locate(url)
    return object_url(location, location.region or _region(location, head))


def locate(url: str) -> Location:
    """``s3://bucket/key`` or ``arn:partition:s3:::bucket/key``, with ``?versionId=``."""
    version = parse_qs(url.partition("?")[2].partition("#")[0]).get("versionId", [None])[0]
    if url.partition(":")[0].lower() == "s3":
        parts = urlsplit(url)
        return Location(parts.netloc, unquote(parts.path).lstrip("/"), version)
    fields = url.partition("?")[0].partition("#")[0].split(":", 5)
    if len(fields) < 6 or fields[2] != "s3":
        raise FetchFailure("the ARN is not one of S3", advice=_ADVICE)
    _, partition, _, region, account, resource = fields
    hint = _HINTS.get(partition, _HINTS["aws"])
    if not resource.startswith("accesspoint/"):
        bucket, slash, key = resource.rpartition(":")[2].partition("/")
        if not slash:
            raise FetchFailure("the ARN names no object", advice=_ADVICE)
        return Location(bucket, key, version, hint=hint)
    pieces = resource.split("/", 3)
    if len(pieces) < 4 or pieces[2] != "object":
        raise FetchFailure("the ARN names no object of its access point", advice=_ADVICE)
    if not re.fullmatch(r"[a-z0-9-]+", region) or not re.fullmatch(r"[a-zA-Z0-9-]+", account):
        raise FetchFailure("the access point's ARN needs a region and an account", advice=_ADVICE)
    return Location(pieces[1], pieces[3], version, region, hint, account)


def object_url(location: Location, region: str) -> str:
    """Where GetObject of the AWS SDK goes."""
    suffix = _suffix(region)
    key = quote(location.key, safe="/")
    version = f"?versionId={quote(location.version, safe='')}" if location.version else ""
    if location.account is not None:
        host = f"{location.bucket}-{location.account}.s3-accesspoint.dualstack.{region}.{suffix}"
        return f"https://{host}/{key}{version}"
    return _bucket_url(location.bucket, f"s3.dualstack.{region}.{suffix}") + f"{key}{version}"


def _region(location: Location, head: Head) -> str:
    """Any answer names the region, also one that refuses or sends elsewhere."""
    hint = location.hint
    status, headers = head(_bucket_url(location.bucket, f"s3.{hint}.{_suffix(hint)}"))
    region = headers.get(_HEADER, "")
    if region:
        if not re.fullmatch(r"[a-z0-9-]+", region):
            raise FetchFailure(f"the bucket's region {region!r} is not the name of one")
        return region
    if status == 404:
        raise FetchFailure(f"there is no bucket {location.bucket!r}", advice="check its name")
    if status >= 300:
        raise FetchFailure(f"the region of bucket {location.bucket!r} cannot be found ({status})")
    return hint


def _bucket_url(bucket: str, host: str) -> str:
    # A dot would need a certificate for two levels of names, which there is none of.
    if re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket):
        return f"https://{bucket}.{host}/"
    return f"https://{host}/{quote(bucket, safe='')}/"


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


_ADVICE = "write arn:aws:s3:::bucket/key, or arn:aws:s3:region:account:accesspoint/name/object/key"
