"""The plan: what an Ignition config wants of a machine, as a list of steps in Ignition's order.

A plan is made anywhere (``cloudconfig.plan``), travels as indented JSON inside cloud-config, and is
carried out by this package in the guest. One dataclass a kind of step; the handler of a kind stands
in :mod:`.kinds`. A new kind: a frozen dataclass that derives from :class:`Step`, decorated with
``@kind("its-name")``, and a line in :mod:`.kinds`.

JSON: ``{"version": 1, "steps": [{"do": KIND, "at": JSON path in the config, ...}]}``. A field that
has its default value is left out. Modes are octal strings; an owner is a number or a name; text is
a string or a list of lines, anything else base64.

No class has a repr: password hashes and keys have no business in a traceback.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, Callable, ClassVar, Optional, TypeVar, Union

from .errors import PlanError
from .frozen import MISSING, dataclass, field, fields

#: The version of the format; a program refuses plans of another one.
VERSION = 1

#: An owner: a number, a name, or None for "as the spec's default says".
Owner = Optional[Union[int, str]]

KINDS: dict[str, type[Step]] = {}

_StepType = TypeVar("_StepType", bound="type[Step]")


def kind(name: str) -> Callable[[_StepType], _StepType]:
    """Class decorator: registers a kind of step under the name that it has in JSON (``do``)."""

    def register(cls: _StepType) -> _StepType:
        cls.KIND = name
        cls.LAYOUT = tuple(
            (item.name, item.default, item.metadata.get("codec"))
            for item in fields(cls)
            if item.name != "at"
        )
        KINDS[name] = cls
        return cls

    return register


@dataclass(frozen=True, repr=False)
class Contents:
    """Bytes to write: in the plan itself, or in a private file of the guest (``staged``)."""

    data: bytes = b""
    #: Absolute path of a file fetched and verified beforehand; ``data`` is empty then.
    staged: str | None = None

    def to_json(self) -> dict[str, Any]:
        if self.staged is not None:
            return {"staged": self.staged}
        text = _readable(self.data)
        if text is None:
            return {"base64": base64.b64encode(self.data).decode("ascii")}
        lines = text.splitlines(keepends=True)
        return {"text": lines if len(lines) > 1 else text}

    @classmethod
    def from_json(cls, value: Any) -> Contents:
        if isinstance(value, dict) and len(value) == 1:
            if isinstance(value.get("staged"), str):
                return cls(staged=value["staged"])
            text = value.get("text")
            if isinstance(text, list) and all(isinstance(line, str) for line in text):
                text = "".join(text)
            if isinstance(text, str):
                return cls(data=text.encode("utf-8"))
            if isinstance(value.get("base64"), str):
                try:
                    return cls(data=base64.b64decode(value["base64"], validate=True))
                except binascii.Error as error:
                    raise PlanError(f"contents are not base64: {error}") from error
        raise PlanError("contents are neither text nor base64 nor a staged file")


#: Control characters, and line ends other than \n: they would read as something that they are not.
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")


def _readable(data: bytes) -> str | None:
    """The text that ``data`` is, or None if a person could not read it as such."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _UNREADABLE.search(text) else text


@dataclass(frozen=True, repr=False)
class Codec:
    """How a field's value is written to JSON and read from it."""

    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def _decode_mode(value: Any) -> int:
    try:
        return int(value, 8)
    except (TypeError, ValueError) as error:
        raise PlanError(f"a mode is an octal string, not {value!r}") from error


MODE = {"codec": Codec(lambda mode: f"{mode:04o}", _decode_mode)}
STRINGS = {"codec": Codec(list, tuple)}
CONTENTS = {"codec": Codec(Contents.to_json, Contents.from_json)}
MANY_CONTENTS = {
    "codec": Codec(
        lambda items: [item.to_json() for item in items],
        lambda items: tuple(Contents.from_json(item) for item in items),
    )
}


@dataclass(frozen=True, repr=False)
class Step:
    """One thing to do. ``at`` is the JSON path of the entry in the (merged) config."""

    KIND: ClassVar[str] = ""
    #: Name, default and codec of each field but ``at``.
    LAYOUT: ClassVar[tuple[tuple[str, Any, Codec | None], ...]] = ()
    at: str

    @property
    def key(self) -> str:
        """What the step is about, in few words; unique in a plan, without secrets: for the log."""
        return f"{self.KIND} {self.at}"

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"do": self.KIND, "at": self.at}
        for name, default, codec in self.LAYOUT:
            value = getattr(self, name)
            if value != default:
                document[name] = codec.encode(value) if codec else value
        return document

    def digest(self) -> str:
        """SHA-256 of the step as JSON: a step that was changed is another step."""
        return _sha256(json.dumps(self.to_json(), sort_keys=True))


def _sha256(text: str) -> str:
    # Only a guest needs it; a workstation that renders is quicker without.
    import hashlib

    return hashlib.sha256(text.encode("ascii")).hexdigest()


def step_from_json(document: Mapping[str, Any]) -> Step:
    """A step of its kind. Raises PlanError for an unknown kind or field, or a wrong value."""
    cls = KINDS.get(str(document.get("do")))
    if cls is None:
        raise PlanError(
            f"no such kind of step: {document.get('do')!r}",
            advice="the plan was made by a newer version; use the same version in the guest",
        )
    known = {item.name: item for item in fields(cls)}
    values: dict[str, Any] = {}
    for name, value in document.items():
        if name == "do":
            continue
        if name not in known:
            raise PlanError(f"step {cls.KIND!r} has no field {name!r}")
        codec: Codec | None = known[name].metadata.get("codec")
        values[name] = codec.decode(value) if codec else value
    missing = [
        name for name, item in known.items() if name not in values and item.default is MISSING
    ]
    if missing:
        raise PlanError(f"step {cls.KIND!r} lacks {', '.join(missing)}")
    return cls(**values)


@kind("group")
@dataclass(frozen=True, repr=False)
class Group(Step):
    """A group to make, change or remove."""

    name: str
    gid: int | None = None
    password_hash: str | None = None
    should_exist: bool = True
    system: bool = False

    @property
    def key(self) -> str:
        return f"group {self.name}"


@kind("user")
@dataclass(frozen=True, repr=False)
class User(Step):
    """A user to make, change or remove."""

    name: str
    uid: int | None = None
    gecos: str | None = None
    primary_group: str | None = None
    groups: tuple[str, ...] = field(default=(), metadata=STRINGS)
    home_dir: str | None = None
    shell: str | None = None
    password_hash: str | None = None
    ssh_authorized_keys: tuple[str, ...] = field(default=(), metadata=STRINGS)
    should_exist: bool = True
    system: bool = False
    no_create_home: bool = False
    no_user_group: bool = False
    no_log_init: bool = False
    #: If the account is made here: give it what the distribution's default user has (``core``).
    default_user_rights: bool = False

    @property
    def key(self) -> str:
        return f"user {self.name}"


@dataclass(frozen=True, repr=False)
class Node(Step):
    """What directories, files and links have in common."""

    path: str
    user: Owner = None
    group: Owner = None
    overwrite: bool = False

    @property
    def key(self) -> str:
        return f"{self.KIND} {self.path}"


@kind("directory")
@dataclass(frozen=True, repr=False)
class Directory(Node):
    """A directory to make, or to give its mode and owner."""

    mode: int | None = field(default=None, metadata=MODE)


@kind("file")
@dataclass(frozen=True, repr=False)
class File(Node):
    """A regular file to write, append to, or give its mode and owner."""

    mode: int | None = field(default=None, metadata=MODE)
    contents: Contents | None = field(default=None, metadata=CONTENTS)
    append: tuple[Contents, ...] = field(default=(), metadata=MANY_CONTENTS)


@kind("link")
@dataclass(frozen=True, repr=False)
class Link(Node):
    """A symbolic or hard link to make."""

    target: str = ""
    hard: bool = False


@kind("hostname")
@dataclass(frozen=True, repr=False)
class HostName(Step):
    """Give the running machine the name that /etc/hostname now holds."""


@dataclass(frozen=True, repr=False)
class Plan:
    """Steps in the order in which they are carried out.

    Nodes stand in the order of their paths' depth as written; the guest sorts them again by the
    depth of what they resolve to there.
    """

    steps: tuple[Step, ...] = ()

    def to_text(self) -> str:
        """Indented JSON, ASCII, ends with a newline; no line of it begins with a letter."""
        # A plan can have megabytes, so what stands around the steps is written out here: nested
        # once more, their text would be copied at every level.
        steps = ",\n  ".join([_indented(step.to_json(), "\n  ") for step in self.steps])
        inner = f"\n  {steps}\n " if steps else ""
        return f'{{\n "version": {VERSION},\n "steps": [{inner}]\n}}\n'

    def digest(self) -> str:
        """SHA-256 of the text."""
        return _sha256(self.to_text())

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """Raises PlanError for anything that is not a plan of this version."""
        try:
            document = json.loads(text)
        except ValueError as error:
            raise PlanError(f"the plan is not JSON: {error}") from error
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise PlanError(f"this is not a plan of version {VERSION}")
        steps: Sequence[Mapping[str, Any]] = document.get("steps", [])
        return cls(tuple(step_from_json(step) for step in steps))


def _indented(value: Any, line: str = "\n") -> str:
    """JSON exactly as ``json.dumps(value, indent=1)`` writes it, in a fraction of the time."""
    inner = line + " "
    if isinstance(value, dict) and value:
        items = [
            f"{_quoted(key)}: {_quoted(item) if item.__class__ is str else _indented(item, inner)}"
            for key, item in value.items()
        ]
        return f"{{{inner}{f',{inner}'.join(items)}{line}}}"
    if isinstance(value, list) and value:
        items = [
            _quoted(item) if item.__class__ is str else _indented(item, inner) for item in value
        ]
        return f"[{inner}{f',{inner}'.join(items)}{line}]"
    return str(value) if value.__class__ is int else json.dumps(value)
