"""What is wrong with the text of a config, each with its line and column.

Slower than the way that ``parsing`` takes for a config in which nothing calls for a remark: the
text is scanned with positions and decoded by the rules of Go. The rules for the values are the
same.
"""

from __future__ import annotations

from datasource_hyperv_kvp.ignition.building import build
from datasource_hyperv_kvp.ignition.config import Config
from datasource_hyperv_kvp.ignition.decoding import Decoder, Misfit, locate
from datasource_hyperv_kvp.ignition.findings import (
    Finding,
    Path,
    Problem,
    Report,
    Result,
    path_text,
)
from datasource_hyperv_kvp.ignition.scanner import JSONSyntaxError, Lines, Node, has_overflow, scan
from datasource_hyperv_kvp.ignition.shape import compile_shape, shape_of
from datasource_hyperv_kvp.ignition.shape_findings import report_misfits, report_unused
from datasource_hyperv_kvp.ignition.validation import check_config
from datasource_hyperv_kvp.ignition.versions import minor_of, translate

#: What decides about the version is decoded first; everything else depends on it.
_VERSION_SHAPE = compile_shape(
    {
        "type": ["object", "null"],
        "properties": {
            "ignition": {
                "type": ["object", "null"],
                "properties": {"version": {"type": ["string", "null"], "default": ""}},
            }
        },
    },
    {},
)


def diagnose(data: bytes) -> Result:
    """As ``parse``, for any bytes."""
    try:
        root = scan(data)
    except JSONSyntaxError as error:
        return _syntax_error(error, data)
    report = Report()
    minor = _version(root, report)
    if minor is None:
        return _result(None, 0, report, root, data)
    shape = shape_of(minor)
    decoder = Decoder()
    values = decoder.decode(root, shape)
    config = build(values or {}, minor)
    check_config(config, minor, report)
    if decoder.misfits:
        report.problems = _without_echoes(report.problems, decoder.misfits)
        report_misfits(decoder.misfits, shape.schema["definitions"], report)
    # Ignition's search for unused keys gives up when it meets such a number anywhere.
    if not has_overflow(root):
        report_unused(root, shape, values, report)
    return _result(config, minor, report, root, data)


def _version(root: Node, report: Report) -> int | None:
    """The minor version; None, and why in the report, if there is no supported one."""
    decoder = Decoder()
    values = decoder.decode(root, _VERSION_SHAPE) or {}
    if decoder.misfits:
        report_misfits(decoder.misfits, {}, report)
        return None
    try:
        return minor_of((values.get("ignition") or {}).get("version") or "")
    except ValueError as error:
        report.error(("ignition", "version"), str(error))
        return None


def _without_echoes(problems: list[Problem], misfits: list[Misfit]) -> list[Problem]:
    """Only what cannot come from a value of a wrong type being left out.

    Such a value makes everything unreliable in the list item or section that it belongs to.
    """
    scopes = {_scope(misfit) for misfit in misfits}
    return [
        problem
        for problem in problems
        if not any(problem.path[:length] in scopes for length in range(len(problem.path) + 1))
    ]


def _scope(misfit: Misfit) -> Path:
    path = misfit.path
    for length in range(len(path), 0, -1):
        if isinstance(path[length - 1], int):
            return path[:length]
    return path if misfit.shape.type in ("object", "array") else path[:-1]


def _syntax_error(error: JSONSyntaxError, data: bytes) -> Result:
    if not data.strip():
        message = 'the config is empty; write at least {"ignition": {"version": "3.6.0"}}'
    elif data.startswith(b"\xef\xbb\xbf"):
        message = "the text begins with a byte order mark; save it as UTF-8 without one"
    else:
        message = f"this is not JSON: {error}"
    line, column = Lines(data).position(error.offset)
    return Result(None, errors=(Finding(path_text(()), message, line, column),))


def _result(config: Config | None, minor: int, report: Report, root: Node, data: bytes) -> Result:
    lines = Lines(data)
    placed: dict[bool, list[tuple[int, Finding]]] = {True: [], False: []}
    for problem in report.problems:
        path = problem.path
        offset = locate(root, path).start if problem.offset is None else problem.offset
        finding = Finding(path_text(path), problem.message, *lines.position(offset))
        placed[problem.is_error].append((offset, finding))
    errors, warnings = (
        tuple(finding for _, finding in sorted(placed[kind], key=lambda entry: entry[0]))
        for kind in (True, False)
    )
    if errors or config is None:
        return Result(None, errors, warnings)
    return Result(translate(config, minor), errors, warnings)
