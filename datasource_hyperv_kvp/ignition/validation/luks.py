"""LUKS volumes, and Clevis, Tang and CryptoExpress which unlock them."""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.config import Clevis, ClevisCustom, Luks, Tang
from datasource_hyperv_kvp.ignition.findings import Path, Report
from datasource_hyperv_kvp.ignition.urls import parse_url
from datasource_hyperv_kvp.ignition.validation.paths import path_fault
from datasource_hyperv_kvp.ignition.validation.resources import check_resource
from datasource_hyperv_kvp.ignition.validation.sources import source_fault

#: LUKS2_LABEL_L of cryptsetup is 48, with the terminating NUL.
_LONGEST_LABEL = 47
_PINS = ("tpm2", "tang", "sss")
_ANY_PIN_SINCE = 6


def check_luks(luks: Luks, minor: int, path: Path, report: Report) -> None:
    if "/" in luks.name:
        report.error((*path, "name"), "a name cannot contain a slash; write it without")
    if luks.label and len(luks.label.encode()) > _LONGEST_LABEL:
        report.error((*path, "label"), "the label is longer than 47 bytes; shorten it")
    fault = path_fault(luks.device) if luks.device else "a device is missing; write its path"
    if fault:
        report.error((*path, "device"), fault)
    if luks.key_file.source and source_fault(luks.key_file.source, minor):
        # There is no field "keys"; Ignition's validator writes it so.
        report.error((*path, "keys"), "the source of the key file is not valid; correct it")
    check_resource(luks.key_file, minor, (*path, "keyFile"), report)
    _check_clevis(luks.clevis, minor, (*path, "clevis"), report)
    if luks.cex.enabled:
        if _is_present(luks.clevis):
            report.error((*path, "cex"), "cex and clevis exclude each other; remove one")
        if luks.key_file.source:
            report.error((*path, "cex"), "cex and keyFile exclude each other; remove one")


def _is_present(clevis: Clevis) -> bool:
    return bool(clevis.custom.pin or _uses_fixed_pins(clevis))


def _uses_fixed_pins(clevis: Clevis) -> bool:
    return bool(clevis.tang or clevis.tpm2 or clevis.threshold)


def _check_clevis(clevis: Clevis, minor: int, path: Path, report: Report) -> None:
    # In 3.2 an empty object counts, too: its pin is "" there and not unset.
    has_custom = clevis.custom.pin is not None if minor == 2 else bool(clevis.custom.pin)
    if has_custom and _uses_fixed_pins(clevis):
        report.error(
            path, "custom excludes tang, tpm2 and threshold; remove it, or put all into its config"
        )
    _check_custom(clevis.custom, minor, (*path, "custom"), report)
    for index, tang in enumerate(clevis.tang):
        _check_tang(tang, (*path, "tang", index), report)


def _check_custom(custom: ClevisCustom, minor: int, path: Path, report: Report) -> None:
    if not custom.pin and not custom.config and not (custom.needs_network and minor > 2):
        return
    if not custom.pin:
        report.error((*path, "pin"), "a pin is missing; write its name, such as tpm2")
    elif custom.pin not in _PINS and minor < _ANY_PIN_SINCE:
        report.error(
            (*path, "pin"), f'the pin "{custom.pin}" is not supported; write tpm2, tang or sss'
        )
    if not custom.config:
        report.error((*path, "config"), "the pin's config is missing; write its JSON text")


def _check_tang(tang: Tang, path: Path, report: Report) -> None:
    try:
        scheme = parse_url(tang.url).scheme
    except ValueError as error:
        report.error((*path, "url"), f"this is not a valid URL: {error}")
    else:
        if scheme not in ("http", "https"):
            report.error((*path, "url"), "a Tang server is reached by http or https; write its URL")
    if not tang.thumbprint:
        report.error((*path, "thumbprint"), "the thumbprint of the server's key is missing")
    fault = _json_fault(tang.advertisement) if tang.advertisement else ""
    if fault:
        report.error(
            (*path, "advertisement"),
            f"the advertisement is not JSON: {fault}; write what the server sends",
        )


def _json_fault(text: str) -> str:
    from datasource_hyperv_kvp.ignition.scanner import JSONSyntaxError, has_overflow, scan

    try:
        root = scan(text.encode())
    except JSONSyntaxError as error:
        return str(error)
    return "a number is out of range" if has_overflow(root) else ""
