"""``gs:`` URLs: Google Cloud Storage without credentials, by its JSON API over HTTPS."""

from __future__ import annotations

from urllib.parse import quote, unquote, urlsplit

_HOST = "storage.googleapis.com"


def to_https(url: str) -> str:
    """``gs://bucket/object`` as the URL that Ignition asks for (``internal/resource/url.go``)."""
    parts = urlsplit(url)
    name = unquote(parts.path).lstrip("/")
    # Go's url.PathEscape: a slash is escaped too.
    return f"https://{_HOST}/storage/v1/b/{parts.netloc}/o/{quote(name, safe='$&+=:@')}?alt=media"
