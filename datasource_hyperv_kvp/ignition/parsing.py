"""The text of a config to its model, with everything that is wrong about it.

A config in which nothing calls for a remark takes the short way: Python's own JSON decoder, the
compiled shape, the model, the rules. Any other is read again, with care and with positions
(``diagnosis``). Both ways end in the same rules.
"""

from __future__ import annotations

from typing import Any

from datasource_hyperv_kvp.ignition.building import build
from datasource_hyperv_kvp.ignition.config import Config
from datasource_hyperv_kvp.ignition.findings import Report, Result
from datasource_hyperv_kvp.ignition.plain_json import plain_object
from datasource_hyperv_kvp.ignition.shape import shape_of
from datasource_hyperv_kvp.ignition.validation import check_config
from datasource_hyperv_kvp.ignition.versions import minor_of, translate


def parse(text: str | bytes) -> Result:
    """The config in ``text``, valid and translated to the newest specification, or what is wrong.

    The verdict is that of Ignition's own validator, except that it refuses experimental versions,
    units with a slash in their name, and ``append`` items without a source, too. Errors and
    warnings come all at once, in the order of the text.

    :param text: JSON; bytes as they came, or a str.
    """
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    config = _flawless(plain_object(data))
    if config is not None:
        return Result(config)
    from datasource_hyperv_kvp.ignition.diagnosis import diagnose  # most configs never need it

    return diagnose(data)


def _flawless(values: dict[str, Any] | None) -> Config | None:
    """The config, if it is valid and does not even call for a warning."""
    section = values.get("ignition") if values else None
    version = section.get("version") if isinstance(section, dict) else None
    if values is None or not isinstance(version, str):
        return None
    try:
        minor = minor_of(version)
    except ValueError:
        return None
    if not shape_of(minor).fits(values):
        return None
    report = Report()
    config = build(values, minor)
    check_config(config, minor, report)
    return None if report.problems else translate(config, minor)
