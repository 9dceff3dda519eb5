"""Keys that take more than one field to tell."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.config import Partition


def partition_key(partition: Partition) -> str:
    """A partition goes by its number, or by its label where the number is left to the program."""
    if partition.number != 0:
        return f"number:{partition.number}"
    return "" if partition.label is None else f"label:{partition.label}"
