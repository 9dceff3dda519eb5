"""s3:, arn: and gs:, without credentials: which URL stands for which, and that it is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import pytest

from datasource_hyperv_kvp.errors import ConfigError
from datasource_hyperv_kvp.ignition.config import Resource
from datasource_hyperv_kvp.ignition.resources import Fetcher, Limits, gs, s3
from tests.servers import web

PATIENT = Limits(answer=30, first_pause=0.01)


def https(url: str, *, region: str = "eu-west-1", asked: list[str] | None = None) -> str:
    def head(target: str) -> tuple[int, Mapping[str, str]]:
        (asked if asked is not None else []).append(target)
        return 403, {"X-Amz-Bucket-Region": region}

    return s3.to_https(url, head)


@pytest.mark.parametrize(
    ("url", "asked", "target"),
    [
        (
            "s3://bucket/dir/a%20b?versionId=v%2F1",
            "https://bucket.s3.us-east-1.amazonaws.com/",
            "https://bucket.s3.dualstack.eu-west-1.amazonaws.com/dir/a%20b?versionId=v%2F1",
        ),
        (
            "s3://dotted.bucket//key",
            "https://s3.us-east-1.amazonaws.com/dotted.bucket/",
            "https://s3.dualstack.eu-west-1.amazonaws.com/dotted.bucket/key",
        ),
        (
            "arn:aws:s3:::bucket/dir/key?versionId=1",
            "https://bucket.s3.us-east-1.amazonaws.com/",
            "https://bucket.s3.dualstack.eu-west-1.amazonaws.com/dir/key?versionId=1",
        ),
        (
            # An ARN is not a URL path: what looks like an escape is part of the key.
            "arn:aws:s3:::bucket/a%20b",
            "https://bucket.s3.us-east-1.amazonaws.com/",
            "https://bucket.s3.dualstack.eu-west-1.amazonaws.com/a%2520b",
        ),
        (
            "arn:aws-us-gov:s3:::bucket/key",
            "https://bucket.s3.us-gov-west-1.amazonaws.com/",
            "https://bucket.s3.dualstack.eu-west-1.amazonaws.com/key",
        ),
        (
            "arn:other:s3:::bucket/key",
            "https://bucket.s3.us-east-1.amazonaws.com/",
            "https://bucket.s3.dualstack.eu-west-1.amazonaws.com/key",
        ),
    ],
)
def test_objects_are_asked_for_in_their_buckets_region(url: str, asked: str, target: str) -> None:
    seen: list[str] = []
    assert https(url, asked=seen) == target
    assert seen == [asked]


def test_china_has_its_own_domain() -> None:
    seen: list[str] = []
    target = https("arn:aws-cn:s3:::bucket/key", region="cn-northwest-1", asked=seen)
    assert seen == ["https://bucket.s3.cn-north-1.amazonaws.com.cn/"]
    assert target == "https://bucket.s3.dualstack.cn-northwest-1.amazonaws.com.cn/key"


def test_an_access_point_names_its_region_itself() -> None:
    seen: list[str] = []
    arn = "arn:aws:s3:eu-west-2:123456789012:accesspoint/point/object/dir/key"
    assert https(arn, asked=seen) == (
        "https://point-123456789012.s3-accesspoint.dualstack.eu-west-2.amazonaws.com/dir/key"
    )
    assert seen == []


@pytest.mark.parametrize(
    "url",
    [
        "arn:aws:ec2:::bucket/key",
        "arn:aws:s3:::bucket",
        "arn:aws:s3",
        "arn:aws:s3:eu-west-2:1234:accesspoint/point/key",
        "arn:aws:s3:::accesspoint/point/object/key",
    ],
)
def test_an_arn_that_names_no_object_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="ARN"):
        Fetcher().read(Resource(source=url))


def test_google_objects_are_asked_for_by_the_json_api() -> None:
    assert gs.to_https("gs://bucket/dir/a%20b+c") == (
        "https://storage.googleapis.com/storage/v1/b/bucket/o/dir%2Fa%20b+c?alt=media"
    )


def to_loopback(server: web.Web) -> Fetcher:
    """A fetcher that asks ``server`` for /HOST/PATH instead of asking HOST for /PATH."""

    def endpoint(url: str) -> str:
        parts = urlsplit(url)
        return f"{server.url}/{parts.netloc}{parts.path}" + (f"?{parts.query}" * bool(parts.query))

    return Fetcher(limits=PATIENT, endpoint=endpoint)


def test_an_object_of_amazon_is_fetched() -> None:
    where = "/bucket.s3.us-east-1.amazonaws.com/"
    there = "/bucket.s3.dualstack.eu-west-1.amazonaws.com/key"
    routes = {
        where: web.answer(301, b"", {"x-amz-bucket-region": "eu-west-1"}),
        there: web.answer(200, b"object"),
    }
    with web.web_server(routes) as server:
        assert to_loopback(server).read(Resource(source="s3://bucket/key?versionId=7")) == b"object"
        assert [request[:2] for request in server.requests] == [
            ("HEAD", where),
            ("GET", f"{there}?versionId=7"),
        ]


def test_a_bucket_that_is_not_there_is_named() -> None:
    with web.web_server() as server, pytest.raises(ConfigError, match="there is no bucket 'gone'"):
        to_loopback(server).read(Resource(source="s3://gone/key"))


def test_an_object_of_google_is_fetched() -> None:
    there = "/storage.googleapis.com/storage/v1/b/bucket/o/dir%2Fkey"
    with web.web_server({there: web.answer(200, b"object")}) as server:
        assert to_loopback(server).read(Resource(source="gs://bucket/dir/key")) == b"object"


@pytest.mark.parametrize("url", ["s3://bucket/key", "arn:aws:s3:::bucket/key"])
def test_amazon_and_compression_exclude_each_other(url: str) -> None:
    with pytest.raises(ConfigError, match="compression is not supported with"):
        Fetcher().read(Resource(source=url, compression="gzip"))
