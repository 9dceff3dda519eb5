"""An emulated Hyper-V host: virtual machines, their key-value pairs, and the cmdlets for WMI."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.unit.host import dotnet
from tests.unit.host.powershell import Cmdlet, Interpreter
from tests.unit.host.syntax import parse
from tests.unit.host.values import Custom, Dictionary, ScriptError, net, python, text

SCRIPT = Path(__file__).parents[3] / "docs" / "host" / "Set-VMProvisioningData.ps1"
ADMINISTRATORS = "S-1-5-32-544"

OFF = 3
RUNNING = 2


@dataclass
class Machine:
    """One virtual machine as WMI shows it."""

    name: str
    guid: str = "0F4A8A2E-9F1C-4C39-9E5A-4C2D7E1B6A01"
    state: int = OFF
    exchange: int = 2  # Data Exchange: 2 enabled, 3 disabled
    items: dict[str, str] = field(default_factory=dict)
    guest: dict[str, str] = field(default_factory=dict)


@dataclass
class Host:
    """What the script talks to, and what it did."""

    machines: list[Machine]
    groups: set[str] = field(default_factory=lambda: {ADMINISTRATORS})
    confirms: bool = True
    #: How many pairs a machine may have; the real limit is undocumented.
    limit: int = 1000
    #: A method that never ends, and one that loses what it was given.
    hanging: str = ""
    lossy: str = ""
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def run(self, **parameters: Any) -> list[Any]:
        """Run the script with parameters, as PowerShell binds them.

        :return: what it puts out; an object as a dictionary.
        :raises ScriptError: what it throws.
        """
        dotnet.ENVIRONMENT.update(groups=self.groups, clock=dotnet.Clock())
        root = parse(SCRIPT.read_text("ascii"))
        shell = Custom(
            ParameterSetName=_parameter_set(parameters),
            ShouldProcess=self._should_process,
            GetUnresolvedProviderPathFromPSPath=lambda path: path,
        )
        variables: dict[str, Any] = {"PSCmdlet": shell}
        for name, value in parameters.items():
            variables[name] = _bound(value)
        outputs = Interpreter(self._cmdlets()).run(root, variables)
        return [_shown(output) for output in outputs]

    def _should_process(self, target: str, action: str) -> bool:
        self.asked.append(f"{action}: {target}")
        return self.confirms

    def _cmdlets(self) -> dict[str, Cmdlet]:
        return {
            "Set-StrictMode": lambda shell, given, named: [],
            "New-Object": lambda shell, given, named: [
                dotnet.new_object(given[0], _flat(given[1:]))
            ],
            "Write-Progress": lambda shell, given, named: [],
            "Write-Output": lambda shell, given, named: given,
            "Write-Warning": self._warn,
            "Start-Sleep": _sleep,
            "ConvertFrom-Json": _from_json,
            "Get-CimInstance": self._instance,
            "Get-CimAssociatedInstance": self._associated,
            "Get-CimClass": lambda shell, given, named: [named["classname"]],
            "New-CimInstance": lambda shell, given, named: [
                Custom(**{str(pair.Key): pair.Value for pair in named["property"].pairs()})
            ],
            "Invoke-CimMethod": self._method,
        }

    def _warn(self, shell: Interpreter, given: list[Any], named: dict[str, Any]) -> list[Any]:
        self.warnings.append(python(given[0]))
        return []

    def _machine(self, instance: Custom) -> Machine:
        return next(each for each in self.machines if each.guid == instance.fields["Name"])

    def _instance(self, shell: Interpreter, given: list[Any], named: dict[str, Any]) -> list[Any]:
        if "inputobject" in named:
            return [named["inputobject"]]
        if named["classname"] == "Msvm_VirtualSystemManagementService":
            return [Custom(Name="vmms")]
        elevated = self.machines if self.groups else []
        systems = [Custom(Name="HOST", ElementName="HOST", EnabledState=2)]
        return systems + [
            Custom(Name=each.guid, ElementName=net(each.name), EnabledState=each.state)
            for each in elevated
        ]

    def _associated(self, shell: Interpreter, given: list[Any], named: dict[str, Any]) -> list[Any]:
        instance = named["inputobject"]
        machine = self._machine(instance)
        kind = named["resultclassname"]
        if kind == "Msvm_VirtualSystemSettingData":
            system = "Microsoft:Hyper-V:System:Realized"
            snapshot = "Microsoft:Hyper-V:Snapshot:Realized"
            return [
                Custom(Name="checkpoint", VirtualSystemType=snapshot),
                Custom(Name=instance.fields["Name"], VirtualSystemType=system),
            ]
        if kind == "Msvm_KvpExchangeComponentSettingData":
            items = _items(machine.items) if machine.items else None
            return [Custom(EnabledState=machine.exchange, HostExchangeItems=items)]
        if kind == "Msvm_KvpExchangeComponent" and machine.state == RUNNING:
            items = _items(machine.guest)
            return [Custom(GuestExchangeItems=items, GuestIntrinsicExchangeItems=None)]
        return []

    def _method(self, shell: Interpreter, given: list[Any], named: dict[str, Any]) -> list[Any]:
        method = named["methodname"]
        arguments: Dictionary = named["arguments"]
        machine = self._machine(arguments.get("TargetSystem"))
        pairs = dict(_pair(item) for item in arguments.get("DataItems"))
        self.calls.append((method, tuple(pairs)))
        error = self._apply(method, machine, pairs)
        if error:
            return [Custom(ReturnValue=error, Job=None)]
        state = 4 if method == self.hanging else 7
        return [
            Custom(ReturnValue=4096, Job=Custom(JobState=state, ErrorCode=0, ErrorDescription=""))
        ]

    def _apply(self, method: str, machine: Machine, pairs: dict[str, str]) -> int:
        """The error code of Hyper-V, or 0."""
        there = [key in machine.items for key in pairs]
        wrong = any(there) if method == "AddKvpItems" else not all(there)
        if len(pairs) > 128 or wrong:
            return 32773
        if any(len(net(value)) > 1023 or "\0" in value for value in pairs.values()):
            return 32773
        if method == "RemoveKvpItems":
            for key in pairs:
                del machine.items[key]
            return 0
        if len({*machine.items, *pairs}) > self.limit:
            return 32778
        kept = dict(list(pairs.items())[:-1]) if method == self.lossy else pairs
        machine.items.update(kept)
        return 0


def _parameter_set(parameters: dict[str, Any]) -> str:
    for name in ("SelfTest", "Get", "Remove", "KeyFile", "Keys"):
        if name in parameters:
            return name
    return "Files"


def _bound(value: Any) -> Any:
    if isinstance(value, dict):
        return Dictionary.of(value)
    return net(str(value)) if isinstance(value, (str, Path)) else value


def _shown(output: Any) -> Any:
    if isinstance(output, Custom):
        return {k: python(v) if isinstance(v, str) else v for k, v in output.fields.items()}
    return python(text(output))


def _flat(arguments: list[Any]) -> list[Any]:
    return arguments[0] if arguments and isinstance(arguments[0], list) else arguments


def _items(pairs: dict[str, str]) -> list[str]:
    """Items as Hyper-V gives them: characters that XML does not have stand there as references."""
    return [
        net(dotnet.serialize(Custom(Name=net(key), Data=net(value))).decode("utf-16-le")).replace(
            "\x01", "&#1;"
        )
        for key, value in pairs.items()
    ]


def _pair(item: str) -> tuple[str, str]:
    """Read an item as Hyper-V does: XML, which turns a carriage return into a line feed."""
    root = ElementTree.fromstring(python(item))
    values = {node.get("NAME"): node.findtext("VALUE") or "" for node in root.findall("PROPERTY")}
    return values["Name"], values["Data"]


def _sleep(shell: Interpreter, given: list[Any], named: dict[str, Any]) -> list[Any]:
    dotnet.ENVIRONMENT["clock"].seconds += (
        named.get("seconds", 0) + named.get("milliseconds", 0) / 1000
    )
    return []


def _from_json(shell: Interpreter, given: list[Any], named: dict[str, Any]) -> list[Any]:
    try:
        value = json.loads(python(named["inputobject"]))
    except ValueError as error:
        raise ScriptError(f"Invalid JSON primitive: {error}") from None
    return [_object(value)]


def _object(value: Any) -> Any:
    if isinstance(value, dict):
        result = Custom()
        result.fields.update({net(key): _object(item) for key, item in value.items()})
        return result
    return net(value) if isinstance(value, str) else value
