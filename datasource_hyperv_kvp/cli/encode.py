"""Cut documents into keys as they go to the host, or straight into the pool files of a directory.

The keys of one call are a whole: documents, chunks and the manifest that makes them certain.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from datasource_hyperv_kvp.cli import powershell
from datasource_hyperv_kvp.cli.inputs import InputError, display_name, read_document
from datasource_hyperv_kvp.cli.messages import complain

#: Option and document, in the order in which their keys are set.
_DOCUMENTS = {
    "ignition": "ignition.config",
    "user-data": "cloud-init.user-data",
    "meta-data": "cloud-init.meta-data",
    "vendor-data": "cloud-init.vendor-data",
    "network-config": "cloud-init.network-config",
}


def configure(parser: argparse.ArgumentParser) -> None:
    for option, document in _DOCUMENTS.items():
        parser.add_argument(
            f"--{option}",
            metavar="FILE",
            dest=document,
            help=f"the document {document}; - is standard input",
        )
    parser.add_argument(
        "--encoding",
        metavar="[DOCUMENT=]ENCODING",
        action="append",
        default=[],
        type=_encoding,
        help="none, base64 or gzip+base64, for one document or for all of cloud-init's. Default: "
        "what fits one key stays readable, the rest becomes gzip+base64. An Ignition config stays "
        "as it is, since Ignition itself knows no encoding, unless it is named here",
    )
    parser.add_argument(
        "--remove",
        metavar="DOCUMENT",
        action="append",
        default=[],
        choices=tuple(_DOCUMENTS),
        help="with --pool-dir: a document that is to go",
    )
    target = parser.add_mutually_exclusive_group()
    target.add_argument(
        "--pool-dir",
        metavar="DIR",
        type=Path,
        help="set the keys in the pool files there; other keys and other documents stay",
    )
    target.add_argument(
        "--format",
        choices=("json", "powershell"),
        help="print the keys, for Set-VMProvisioningData.ps1 -KeyFile or -Keys (default: json)",
    )
    parser.set_defaults(usage_error=parser.error)


def _encoding(text: str) -> tuple[str, str]:
    """``DOCUMENT=ENCODING`` to the document's name and the encoding; the name is "" for all."""
    from datasource_hyperv_kvp.errors import DocumentError
    from datasource_hyperv_kvp.payload.encoding import canonical

    option, found, spelling = text.rpartition("=")
    if found and option not in _DOCUMENTS:
        raise argparse.ArgumentTypeError(f"{option!r} is none of {', '.join(_DOCUMENTS)}")
    try:
        encoding = "" if spelling == "none" else canonical(spelling)
    except DocumentError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return _DOCUMENTS[option] if found else "", encoding


def run(arguments: argparse.Namespace) -> int:
    files = {
        document: getattr(arguments, document)
        for document in _DOCUMENTS.values()
        if getattr(arguments, document) is not None
    }
    _check_call(arguments, files)
    documents = {document: read_document(file) for document, file in files.items()}
    for document, data in documents.items():
        _warn_of_line_ends(document, display_name(files[document]), data)
    encodings = _encodings(arguments.encoding)
    if arguments.pool_dir is not None:
        _into_pool_files(arguments.pool_dir, documents, encodings, arguments.remove)
        return 0

    from datasource_hyperv_kvp.payload import encode

    keys = encode(documents, encoding=encodings)
    print(
        powershell.literal(keys) if arguments.format == "powershell" else json.dumps(keys, indent=2)
    )
    return 0


def _as_json(keys: dict[str, str]) -> str:
    return json.dumps(keys, indent=2)


def _check_call(arguments: argparse.Namespace, files: dict[str, str]) -> None:
    if not files and not arguments.remove:
        options = ", ".join(f"--{option}" for option in _DOCUMENTS)
        arguments.usage_error(f"at least one document is needed: {options}")
    if list(files.values()).count("-") > 1:
        arguments.usage_error("only one document can be standard input")
    if arguments.remove and arguments.pool_dir is None:
        arguments.usage_error("--remove needs --pool-dir")
    both = [option for option in arguments.remove if _DOCUMENTS[option] in files]
    if both:
        arguments.usage_error(f"{both[0]} cannot be set and removed at once")


def _encodings(wanted: list[tuple[str, str]]) -> dict[str, str]:
    encodings: dict[str, str] = {}
    for document, encoding in wanted:
        cloud_init = [name for name in _DOCUMENTS.values() if name != _DOCUMENTS["ignition"]]
        encodings.update(dict.fromkeys([document] if document else cloud_init, encoding))
    return encodings


def _into_pool_files(
    directory: Path, documents: dict[str, bytes], encodings: dict[str, str], remove: list[str]
) -> None:
    from datasource_hyperv_kvp.kvp import EXTERNAL
    from datasource_hyperv_kvp.kvp.poolfile import pool_path, read_pool_dir, write_pool_files
    from datasource_hyperv_kvp.payload import replace

    if directory.exists() and not directory.is_dir():
        raise InputError("is no directory", where=str(directory))
    pools = dict(read_pool_dir(directory)) if directory.exists() else {}
    pools[EXTERNAL] = replace(
        pools.get(EXTERNAL, {}),
        documents,
        encoding=encodings,
        remove=[_DOCUMENTS[option] for option in remove],
    )
    write_pool_files(directory, pools)
    print(f"{pool_path(directory, EXTERNAL)}: {len(pools[EXTERNAL])} keys")


def _warn_of_line_ends(document: str, file: str, data: bytes) -> None:
    if data.startswith(b"#!") and b"\r\n" in data:
        complain(
            "encode",
            f"{file}: a script with Windows line ends (CR LF); Linux will not find its "
            f"interpreter; save {document} with LF",
        )
