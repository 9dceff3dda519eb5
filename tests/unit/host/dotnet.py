"""The types, members and operators of .NET and PowerShell that the host's script uses."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from tests.unit.host.values import (
    Char,
    Custom,
    Dictionary,
    NetList,
    Pair,
    Properties,
    ScriptError,
    enumerated,
    net,
    python,
    text,
)


class Utf8:
    def __init__(self, mark: bool = False, strict: bool = False) -> None:
        self._strict = strict

    def GetBytes(self, value: str) -> bytes:
        return python(value).encode("utf-8", "strict" if self._strict else "replace")

    def GetByteCount(self, value: str) -> int:
        # A half of a surrogate pair becomes U+FFFD: three bytes.
        return len(re.sub("[\ud800-\udfff]", "\ufffd", python(value)).encode())

    def GetString(self, data: bytes, start: int = 0, length: int | None = None) -> str:
        return _decoded(_part(data, start, length), "utf-8", self._strict)


class Utf16:
    def __init__(self, big: bool = False, mark: bool = False, strict: bool = False) -> None:
        self._name = "utf-16-be" if big else "utf-16-le"

    def GetString(self, data: bytes, start: int = 0, length: int | None = None) -> str:
        return _decoded(_part(data, start, length), self._name, strict=True)


def _part(data: bytes, start: int, length: int | None) -> bytes:
    return data[start:] if length is None else data[start : start + length]


def _decoded(data: bytes, encoding: str, strict: bool) -> str:
    try:
        return net(data.decode(encoding, "strict" if strict else "replace"))
    except UnicodeDecodeError as error:
        raise ScriptError(f"Unable to translate bytes: {error}") from None


class MemoryStream:
    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)

    def ToArray(self) -> bytes:
        return bytes(self.data)


class GZipStream:
    """Compresses differently from Python's own default, as .NET does."""

    def __init__(self, stream: MemoryStream, mode: str, leave_open: bool = False) -> None:
        self._stream = stream
        self._mode = mode
        self._pending = bytearray()

    def Write(self, data: bytes, start: int, length: int) -> None:
        self._pending += data[start : start + length]

    def CopyTo(self, target: MemoryStream) -> None:
        try:
            target.data += gzip.decompress(bytes(self._stream.data))
        except (OSError, EOFError, zlib.error) as error:
            raise ScriptError(f"The archive entry was compressed badly: {error}") from None

    def Dispose(self) -> None:
        if self._mode != "Decompress":
            self._stream.data += gzip.compress(bytes(self._pending), compresslevel=6, mtime=0)


class XmlDocument:
    def __init__(self) -> None:
        self.PreserveWhitespace = False
        self._root = ElementTree.Element("none")

    def Load(self, xml: str) -> None:
        self._root = ElementTree.fromstring(xml)

    def SelectSingleNode(self, path: str) -> Custom | None:
        found = re.fullmatch(r"/INSTANCE/PROPERTY\[@NAME='(\w+)'\]/VALUE", path)
        if found is None:
            raise NotImplementedError(path)
        for node in self._root.findall("PROPERTY"):
            value = node.find("VALUE")
            if node.get("NAME") == found[1] and value is not None:
                content = value.text or ""
                if not self.PreserveWhitespace and not content.strip():
                    content = ""
                return Custom(InnerText=net(content))
        return None


class XmlReaderSettings:
    def __init__(self) -> None:
        self.CheckCharacters = True


def xml_reader(source: str, options: XmlReaderSettings) -> str:
    """``XmlReader.Create``: the text, with a stand-in for what Python's parser never accepts."""
    xml = python(source)
    return xml if options.CheckCharacters else re.sub(r"&#(?:[0-8]|1[0-9]);", "\ufffd", xml)


class Principal:
    def __init__(self, identity: set[str]) -> None:
        self._groups = identity

    def IsInRole(self, group: str) -> bool:
        return group in self._groups


@dataclass(order=True)
class Clock:
    """``[DateTime]``: seconds that pass when the script sleeps."""

    seconds: float = 0.0

    def AddSeconds(self, seconds: float) -> Clock:
        return Clock(self.seconds + seconds)


#: Changed by the emulated host: the groups of who runs the script, and the time.
ENVIRONMENT: dict[str, Any] = {"groups": set(), "clock": Clock()}


def serialize(instance: Custom) -> bytes:
    """``CimSerializer.Serialize``."""
    root = ElementTree.Element("INSTANCE", CLASSNAME="Msvm_KvpExchangeDataItem")
    for name, value in instance.fields.items():
        node = ElementTree.SubElement(root, "PROPERTY", NAME=name, TYPE="string")
        ElementTree.SubElement(node, "VALUE").text = python(text(value))
    return ElementTree.tostring(root, "unicode").encode("utf-16-le")


def file_bytes(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - as .NET's File.ReadAllBytes
        return file.read()


def file_exists(path: str) -> bool:
    try:
        file_bytes(path)
    except OSError:
        return False
    return True


def from_base64(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


def _sha256() -> Custom:
    return Custom(ComputeHash=lambda data: hashlib.sha256(data).digest())


_GZIP = "io.compression."
_CIM = "microsoft.management.infrastructure.serialization."
_STATICS: dict[str, Callable[[], Any]] = {
    "math::min": lambda: min,
    "char::convertfromutf32": lambda: lambda code: net(chr(code)),
    "stringcomparison::ordinal": lambda: "Ordinal",
    "security.cryptography.sha256::create": lambda: _sha256,
    "bitconverter::tostring": lambda: lambda data: "-".join(f"{byte:02X}" for byte in data),
    "convert::tobase64string": lambda: lambda data: base64.b64encode(data).decode(),
    "convert::frombase64string": lambda: from_base64,
    "io.file::exists": lambda: file_exists,
    "xml.xmlreader::create": lambda: xml_reader,
    "io.file::readallbytes": lambda: file_bytes,
    f"{_GZIP}compressionlevel::optimal": lambda: "Optimal",
    f"{_GZIP}compressionmode::decompress": lambda: "Decompress",
    "datetime::utcnow": lambda: Clock(ENVIRONMENT["clock"].seconds),
    "security.principal.windowsidentity::getcurrent": lambda: lambda: ENVIRONMENT["groups"],
    f"{_CIM}cimserializer::create": lambda: (
        lambda: Custom(Serialize=lambda item, _: serialize(item))
    ),
    f"{_CIM}instanceserializationoptions::none": lambda: "None",
    "text.encoding::unicode": lambda: Utf16(),
    "text.encoding::utf8": lambda: Utf8(),
}

_CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "system.text.utf8encoding": Utf8,
    "system.text.unicodeencoding": Utf16,
    "system.collections.generic.list[string]": NetList,
    "system.collections.generic.list[object]": NetList,
    "system.collections.specialized.ordereddictionary": Dictionary,
    "system.io.memorystream": MemoryStream,
    "system.io.compression.gzipstream": GZipStream,
    "system.xml.xmldocument": XmlDocument,
    "system.xml.xmlreadersettings": XmlReaderSettings,
    "system.io.stringreader": str,
    "system.security.principal.windowsprincipal": Principal,
    "system.security.principal.securityidentifier": str,
}


def static(kind: str, member: str) -> Any:
    """``[kind]::member``."""
    name = f"{kind}::{member}".lower()
    return _STATICS[name.removeprefix("system.")]()


def new_object(kind: str, arguments: list[Any]) -> Any:
    """``New-Object kind(arguments)``."""
    return _CONSTRUCTORS[kind.lower()](*arguments)


def default(kind: str) -> Any:
    """What a typed parameter is that nobody gave."""
    return {"string": "", "int": 0, "switch": False, "bool": False}.get(kind)


def cast(kind: str, value: Any) -> Any:
    """``[kind] value``, as parameters and casts convert."""
    if kind == "string":
        return text(value)
    if kind in ("int", "uint16"):
        return ord(value) if isinstance(value, Char) else round(float(value))
    if kind == "char":
        return Char(chr(value))
    if kind == "string[]":
        return [text(item) for item in enumerated(value)]
    if kind == "byte[]":
        return _cast_bytes(value)
    if kind == "pscustomobject":
        return Custom(**{str(key): value.get(key) for key in value.keys()})  # noqa: SIM118
    if kind in ("system.collections.idictionary", "ordered"):
        if not isinstance(value, Dictionary):
            raise ScriptError(f"cannot convert {value!r} to IDictionary")
        return value
    if kind in ("bool", "switch"):
        if not isinstance(value, bool):
            raise ScriptError(f"cannot convert {value!r} to {kind}")
        return value
    raise NotImplementedError(kind)


def _cast_bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    return bytes(enumerated(value))


def get_property(holder: Any, name: str) -> Any:
    """``$holder.name``; a dictionary's own keys come first, as in PowerShell."""
    lower = name.lower()
    if isinstance(holder, Dictionary):
        if holder.contains(name):
            return holder.get(name)
        if lower in ("keys", "count"):
            return holder.keys() if lower == "keys" else len(holder)
    if isinstance(holder, Custom):
        for field, value in holder.fields.items():
            if field.lower() == lower:
                return value
    if lower == "psobject":  # every value has one
        return Custom(Properties=Properties(holder.fields if isinstance(holder, Custom) else {}))
    if lower == "length" and isinstance(holder, (str, bytes, list)):
        return len(holder)
    if lower == "count" and isinstance(holder, (list, NetList)):
        return len(list(enumerated(holder)))
    if isinstance(holder, (Pair, XmlDocument)) and hasattr(holder, name):
        return getattr(holder, name)
    raise ScriptError(f"The property '{name}' cannot be found on {type(holder).__name__}")


def set_property(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, Dictionary):
        holder.set(name, value)
    elif isinstance(holder, (XmlDocument, XmlReaderSettings)) and hasattr(holder, name):
        setattr(holder, name, value)
    else:
        raise NotImplementedError(f"{type(holder).__name__}.{name} = ")


def method(holder: Any, name: str) -> Callable[..., Any]:
    """``$holder.name(...)``."""
    table: dict[str, Callable[..., Any]]
    if isinstance(holder, str):
        table = {
            "indexof": lambda part: holder.find(part),
            "startswith": lambda part, _: holder.startswith(part),
            "substring": lambda start, length=None: (
                holder[start:] if length is None else _substring(holder, start, length)
            ),
            "tolowerinvariant": lambda: holder.lower(),
            "replace": lambda old, new: holder.replace(old, new),
            "trim": lambda characters: holder.strip("".join(characters)),
            "split": lambda separator: holder.split(separator),
            "tochararray": lambda: list(holder),
        }
        return table[name.lower()]
    if isinstance(holder, Dictionary):
        table = {
            "contains": holder.contains,
            "containskey": holder.contains,
            "getenumerator": holder.pairs,
        }
        return table[name.lower()]
    if isinstance(holder, NetList):
        table = {"add": holder.items.append, "toarray": lambda: list(holder.items)}
        return table[name.lower()]
    if isinstance(holder, Custom):
        found: Callable[..., Any] = holder.fields[name]
        return found
    bound: Callable[..., Any] = getattr(holder, name)
    return bound


def _substring(value: str, start: int, length: int) -> str:
    if start < 0 or length < 0 or start + length > len(value):
        raise ScriptError("Index and length must refer to a location within the string.")
    return value[start : start + length]


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def operate(operator: str, left: Any, right: Any) -> Any:
    """A binary operator, with PowerShell's rule that the left side decides the type."""
    if operator == "+":
        if isinstance(left, str):
            return left + text(right)
        if isinstance(left, list):
            return left + list(enumerated(right))
        return left + right
    if operator == "*":
        return left * right
    if operator == "-":
        return left - right
    if operator == "/":
        return left // right if left % right == 0 else left / right
    if operator == "..":
        return list(range(left, right + 1)) if left <= right else list(range(left, right - 1, -1))
    if operator == "-join":
        return text(right).join(text(item) for item in enumerated(left))
    if operator == "-f":
        arguments = [text(item) for item in right]
        pieces = re.sub(r"\{(\d+)\}", r"\\0\1\\0", left.replace("{{", "\1").replace("}}", "\2"))
        filled = re.sub(r"\\0(\d+)\\0", lambda found: arguments[int(found[1])], pieces)
        return filled.replace("\1", "{").replace("\2", "}")
    if operator in ("-ccontains", "-cnotcontains"):
        return (right in enumerated(left)) is (operator == "-ccontains")
    return _compare(operator, left, right)


def _compare(operator: str, left: Any, right: Any) -> bool:
    if isinstance(left, (list, NetList)):
        raise NotImplementedError("a comparison that filters a list")
    if isinstance(left, str) and right is not None:
        right = text(right)
    if operator in ("-eq", "-ne"):
        return (_folded(left) == _folded(right)) is (operator == "-eq")
    if operator in ("-ceq", "-cne"):
        return (left == right) is (operator == "-ceq")
    if operator == "-lt":
        return bool(left < right)
    if operator == "-le":
        return bool(left <= right)
    if operator == "-gt":
        return bool(left > right)
    if operator == "-ge":
        return bool(left >= right)
    raise NotImplementedError(operator)


def regex(pattern: str) -> str:
    r"""A .NET pattern for Python: the end of the text is ``\Z`` there."""
    return pattern.replace(r"\z", r"\Z")
