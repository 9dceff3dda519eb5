"""Provision Linux machines on Hyper-V through key-value exchange (KVP).

The package is the cloud-init datasource ``HyperVKVP`` and the command ``hyperv-kvp``. Nothing is
imported here: cloud-init imports this package on every boot of every machine that lists the
datasource, Hyper-V or not.
"""

__version__ = "0.1.0"
