"""One document of pool 0, joined and decoded; its text only with --unredacted."""

from __future__ import annotations

import argparse

from datasource_hyperv_kvp.cli.inputs import InputError, add_pool_dir, add_unredacted

_NAMES = ("ignition", "user-data", "meta-data", "vendor-data", "network-config")


def configure(parser: argparse.ArgumentParser) -> None:
    add_pool_dir(parser)
    add_unredacted(parser)
    parser.add_argument(
        "document",
        metavar="DOCUMENT",
        type=_short_name,
        choices=_NAMES,
        help=f"{', '.join(_NAMES)}; the name of its key will do as well",
    )


def _short_name(text: str) -> str:
    return "ignition" if text == "ignition.config" else text.replace("cloud-init.", "", 1)


def run(arguments: argparse.Namespace) -> int:
    from datasource_hyperv_kvp.kvp import EXTERNAL
    from datasource_hyperv_kvp.kvp.poolfile import as_pool, pool_path, read_pool_file
    from datasource_hyperv_kvp.payload import assemble, short_name

    path = pool_path(arguments.pool_dir, EXTERNAL)
    payload = assemble({EXTERNAL: as_pool(read_pool_file(path))})
    documents = {short_name(name): document for name, document in payload.documents.items()}
    document = documents.get(arguments.document)
    if document is None:
        if payload.faults:
            raise payload.faults[0]  # a damaged manifest, and so nobody knows of any document
        found = f"there is {', '.join(documents)}" if documents else "there is none at all"
        raise InputError(f"no {arguments.document} in it; {found}", where=str(path))
    if document.fault:
        raise document.fault
    text = document.text or ""
    if arguments.unredacted:
        print(text, end="")
        return 0
    first = document.keys[0]
    keys = first if document.chunks == 1 else f"{first} to .{document.chunks - 1}"
    print(f"document: {document.name}")
    print(f"keys:     {document.chunks} ({keys})")
    print(f"manifest: {'lists it, hash right' if document.in_manifest else 'none'}")
    print(f"encoding: {document.encoding or 'none'}")
    print(f"sha256:   {document.sha256} (joined, before decoding)")
    print(f"size:     {document.size} bytes, {len(text.splitlines())} lines")
    print("text:     redacted; --unredacted shows it and nothing else")
    return 0
