"""Fetching of what a config refers to: one module a transport, and the fetcher over them."""

from datasource_hyperv_kvp.errors import NeedsNetworkError

from .fetcher import Fetcher, Job
from .limits import Limits

__all__ = ["Fetcher", "Job", "Limits", "NeedsNetworkError"]
