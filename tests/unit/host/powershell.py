"""An interpreter for the part of PowerShell that the host's script is written in.

What is not known here is an error, never a guess, so the script
cannot grow beyond what is checked. Strict mode: a variable or property that is not there throws.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.unit.host import dotnet
from tests.unit.host.syntax import (
    Node,
    child_of,
    descendants,
    is_increment,
    only,
    type_name,
    variable_name,
)
from tests.unit.host.values import (
    Char,
    Custom,
    Dictionary,
    NetList,
    Properties,
    ScriptError,
    collapsed,
    enumerated,
    net,
    text,
    truth,
)

Cmdlet = Callable[["Interpreter", list[Any], dict[str, Any]], list[Any]]

_SWITCHES = {"clientonly", "completed"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}


class _Return(Exception):
    pass


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class Interpreter:
    """Runs one script; ``cmdlets`` are what it may call beside its own functions."""

    def __init__(self, cmdlets: dict[str, Cmdlet]) -> None:
        self._cmdlets = {name.lower(): cmdlet for name, cmdlet in cmdlets.items()}
        self._functions: dict[str, Node] = {}
        self._scopes: list[dict[str, Any]] = [{"true": True, "false": False, "null": None}]

    def run(self, root: Node, variables: dict[str, Any]) -> list[Any]:
        """Run a script with parameters; those not given get their defaults."""
        self._scopes.append({name.lower(): value for name, value in variables.items()})
        block = next((node for node in root.children if node.type == "param_block"), None)
        for name, _, default in self._parameters(block):
            if name not in self._scopes[-1]:
                self._set(name, default)
        outputs: list[Any] = []
        try:
            for node in root.children:
                if node.type not in ("param_block", "comment"):
                    self._statement(node, outputs)
        except _Return:
            pass
        return outputs

    def call(self, name: str, *arguments: Any) -> Any:
        """Call one of the script's functions."""
        return collapsed(self._invoke(name, list(arguments), {}))

    # Variables

    def _get(self, name: str) -> Any:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        raise ScriptError(f"the variable ${name} has not been set")

    def _set(self, name: str, value: Any) -> None:
        self._scopes[-1][name] = value

    # Statements

    def _statement(self, node: Node, outputs: list[Any]) -> None:
        handler = getattr(self, f"_do_{node.type}", None)
        if handler is not None:
            handler(node, outputs)
        elif node.type in ("comment", "empty_statement"):
            return
        else:
            outputs.extend(enumerated(self._value(node)))

    def _block(self, node: Node, outputs: list[Any]) -> None:
        for child in node.children:
            if child.is_named:
                self._statement(child, outputs)

    _do_statement_list = _block
    _do_statement_block = _block
    _do_script_block = _block
    _do_script_block_body = _block

    def _do_param_block(self, node: Node, outputs: list[Any]) -> None:
        """Its parameters are bound already."""

    def _do_pipeline(self, node: Node, outputs: list[Any]) -> None:
        inner = only(node)
        if inner.type == "assignment_expression":
            self._assign(inner)
        else:
            self._do_pipeline_chain(inner, outputs)

    def _do_pipeline_chain(self, node: Node, outputs: list[Any]) -> None:
        inner = only(node) if node.type == "pipeline_chain" else node
        if inner.type == "command":
            outputs.extend(self._command(inner))
            return
        value = self._value(inner)
        if not is_increment(inner):
            outputs.extend(enumerated(value))

    def _do_function_statement(self, node: Node, outputs: list[Any]) -> None:
        name = child_of(node, "function_name").source
        self._functions[name.lower()] = node

    def _do_if_statement(self, node: Node, outputs: list[Any]) -> None:
        branches = [node]
        for child in node.children:
            if child.type == "elseif_clauses":
                branches += [clause for clause in child.children if clause.is_named]
        for branch in branches:
            condition = next(child for child in branch.children if child.type == "pipeline")
            if truth(self._value(condition)):
                self._block(child_of(branch, "statement_block"), outputs)
                return
        otherwise = [child for child in node.children if child.type == "else_clause"]
        if otherwise:
            self._block(child_of(otherwise[0], "statement_block"), outputs)

    def _do_while_statement(self, node: Node, outputs: list[Any]) -> None:
        while truth(self._value(child_of(node, "while_condition"))):
            if not self._round(child_of(node, "statement_block"), outputs):
                return

    def _do_for_statement(self, node: Node, outputs: list[Any]) -> None:
        self._value(child_of(node, "for_initializer"))
        while truth(self._value(child_of(node, "for_condition"))):
            if not self._round(child_of(node, "statement_block"), outputs):
                return
            self._value(child_of(node, "for_iterator"))

    def _do_foreach_statement(self, node: Node, outputs: list[Any]) -> None:
        variable = variable_name(child_of(node, "variable"))
        for item in enumerated(self._value(child_of(node, "pipeline"))):
            self._set(variable, item)
            if not self._round(child_of(node, "statement_block"), outputs):
                return

    def _round(self, block: Node, outputs: list[Any]) -> bool:
        try:
            self._block(block, outputs)
        except _Continue:
            return True
        except _Break:
            return False
        return True

    def _do_try_statement(self, node: Node, outputs: list[Any]) -> None:
        try:
            self._block(child_of(node, "statement_block"), outputs)
        except ScriptError as error:
            self._set("_", Custom(Exception=Custom(Message=net(str(error)))))
            clause = child_of(child_of(node, "catch_clauses"), "catch_clause")
            self._block(child_of(clause, "statement_block"), outputs)

    def _do_flow_control_statement(self, node: Node, outputs: list[Any]) -> None:
        word = node.children[0].source.lower()
        pipeline = next((child for child in node.children if child.type == "pipeline"), None)
        if word == "throw" and pipeline is not None:
            raise ScriptError(text(self._value(pipeline)))
        if word == "break":
            raise _Break
        if word == "continue":
            raise _Continue
        if pipeline is not None:
            self._do_pipeline(pipeline, outputs)
        raise _Return

    def _assign(self, node: Node) -> None:
        target, operator, source = (child for child in node.children if child.is_named)
        place = target.inner
        value = self._value(source)
        if operator.source == "+=":
            value = self._binary("+", self._value(place), value)
        if place.type == "variable":
            self._set(variable_name(place), value)
        elif place.type == "element_access":
            self._value(place.named[0]).set(self._value(place.named[1]), value)
        elif place.type == "member_access":
            dotnet.set_property(self._value(place.named[0]), place.named[1].source, value)
        else:
            raise NotImplementedError(node.source)

    # Expressions

    def _value(self, node: Node) -> Any:
        node = node.inner
        handler = getattr(self, f"_eval_{node.type}", None)
        if handler is None:
            raise NotImplementedError(f"{node.type}: {node.source!r}")
        return handler(node)

    def _eval_command(self, node: Node) -> Any:
        return collapsed(self._command(node))

    def _eval_command_name(self, node: Node) -> Any:
        return collapsed(self._invoke(node.source, [], {}))

    def _eval_assignment_expression(self, node: Node) -> None:
        self._assign(node)

    def _eval_variable(self, node: Node) -> Any:
        return self._get(variable_name(node))

    def _eval_verbatim_string_characters(self, node: Node) -> str:
        return net(node.source[1:-1].replace("''", "'"))

    def _eval_decimal_integer_literal(self, node: Node) -> int:
        return int(node.source)

    def _eval_hexadecimal_integer_literal(self, node: Node) -> int:
        return int(node.source, 16)

    def _eval_simple_name(self, node: Node) -> str:
        return node.source

    _eval_generic_token = _eval_simple_name

    def _eval_expandable_string_literal(self, node: Node) -> str:
        source = node.data
        base = node.start
        parts = []
        at = 1
        for child in node.children:
            if child.type not in ("variable", "sub_expression"):
                continue
            parts.append(_unescaped(source[at : child.start - base].decode()))
            parts.append(text(self._value(child)))
            at = child.end - base
        parts.append(_unescaped(source[at:-1].decode()))
        return "".join(net(part) if part.isascii() else part for part in parts)

    def _eval_sub_expression(self, node: Node) -> Any:
        return collapsed(self._outputs(node))

    def _eval_array_expression(self, node: Node) -> list[Any]:
        return self._outputs(node)

    def _outputs(self, node: Node) -> list[Any]:
        outputs: list[Any] = []
        self._block(node, outputs)
        return outputs

    def _eval_parenthesized_expression(self, node: Node) -> Any:
        return self._value(node.named[0])

    def _eval_hash_literal_expression(self, node: Node) -> Dictionary:
        result = Dictionary(fold=True)
        for body in node.named:
            for entry in body.named:
                if entry.type == "hash_entry":
                    key, value = entry.named
                    result.set(self._value(key), self._value(value))
        return result

    def _eval_array_literal_expression(self, node: Node) -> list[Any]:
        return [self._value(child) for child in node.named]

    def _eval_argument_expression_list(self, node: Node) -> list[Any]:
        return [self._value(child) for child in node.named]

    def _eval_expression_with_unary_operator(self, node: Node) -> Any:
        if node.children[0].is_named:
            return self._value(node.children[0])
        operator = node.children[0].source.lower()
        value = self._value(node.named[0])
        if operator in ("-not", "!"):
            return not truth(value)
        if operator == ",":
            return [value]
        raise NotImplementedError(node.source)

    def _eval_post_increment_expression(self, node: Node) -> int:
        place = variable_name(node.named[0])
        value: int = self._get(place)
        self._set(place, value + 1)
        return value

    def _eval_logical_expression(self, node: Node) -> bool:
        operator = node.children[1].source.lower()
        left = truth(self._value(node.children[0]))
        if operator not in ("-and", "-or"):
            raise NotImplementedError(operator)
        if left is (operator == "-or"):
            return left
        return truth(self._value(node.children[2]))

    def _operation(self, node: Node) -> Any:
        left, operator, right = node.children
        return self._binary(operator.source.lower(), self._value(left), self._value(right))

    _eval_comparison_expression = _operation
    _eval_additive_expression = _operation
    _eval_multiplicative_expression = _operation
    _eval_range_expression = _operation
    _eval_format_expression = _operation
    _eval_additive_argument_expression = _operation
    _eval_multiplicative_argument_expression = _operation
    _eval_comparison_argument_expression = _operation

    def _binary(self, operator: str, left: Any, right: Any) -> Any:
        if operator in ("-match", "-cmatch", "-notmatch"):
            flags = re.IGNORECASE if operator != "-cmatch" else 0
            found = re.search(dotnet.regex(right), left, flags)
            if found and operator != "-notmatch":
                matches = Dictionary()
                for number, group in enumerate((found.group(), *found.groups())):
                    matches.set(number, group)
                self._set("matches", matches)
            return bool(found) is not (operator == "-notmatch")
        return dotnet.operate(operator, left, right)

    def _eval_cast_expression(self, node: Node) -> Any:
        kind, value = node.named
        return dotnet.cast(type_name(kind), self._value(value))

    def _eval_element_access(self, node: Node) -> Any:
        holder, index = (self._value(child) for child in node.named)
        if isinstance(holder, (Dictionary, Properties)):
            return holder.get(index)
        if isinstance(holder, NetList):
            holder = holder.items
        if isinstance(index, list):
            return [holder[at] for at in index]
        item = holder[index]
        return Char(item) if isinstance(holder, str) else item

    def _eval_member_access(self, node: Node) -> Any:
        holder, member = node.named
        if holder.inner.type == "type_literal":
            return dotnet.static(type_name(holder.inner), member.source)
        return dotnet.get_property(self._value(holder), member.source)

    def _eval_invokation_expression(self, node: Node) -> Any:
        holder, member, arguments = node.named
        values = self._arguments(arguments)
        if holder.inner.type == "type_literal":
            return dotnet.static(type_name(holder.inner), member.source)(*values)
        return dotnet.method(self._value(holder), member.source)(*values)

    def _arguments(self, node: Node) -> list[Any]:
        inner = node.named
        if not inner:
            return []
        if inner[0].type == "argument_expression_list":
            return [self._value(child) for child in inner[0].named]
        return [self._value(inner[0])]

    # Commands and functions

    def _command(self, node: Node) -> list[Any]:
        name = node.children[0].source
        positional: list[Any] = []
        named: dict[str, Any] = {}
        pending = ""
        elements = [element for child in node.children[1:] for element in child.children]
        for element in elements:
            if element.type == "command_argument_sep":
                continue
            if element.type == "command_parameter":
                if pending:
                    named[pending] = True
                pending = element.source[1:].lower()
                if pending in _SWITCHES:
                    named[pending], pending = True, ""
                continue
            if element.type == "argument_list":
                # For PowerShell that is an expression in parentheses: one value, or a list.
                values = self._arguments(element)
                value: Any = values[0] if len(values) == 1 else values
            else:
                value = self._value(element)
            if pending:
                named[pending], pending = value, ""
            else:
                positional.append(value)
        if pending:
            named[pending] = True
        return self._invoke(name, positional, named)

    def _invoke(self, name: str, positional: list[Any], named: dict[str, Any]) -> list[Any]:
        if name.lower() in self._functions:
            return self._function(self._functions[name.lower()], positional, named)
        if name.lower() in self._cmdlets:
            return self._cmdlets[name.lower()](self, positional, named)
        raise NotImplementedError(f"the command {name}")

    def _function(self, node: Node, positional: list[Any], named: dict[str, Any]) -> list[Any]:
        body = child_of(node, "script_block")
        block = next((child for child in body.children if child.type == "param_block"), None)
        scope = {}
        waiting = list(positional)
        for name, kind, default in self._parameters(block):
            given = named[name] if name in named else waiting.pop(0) if waiting else default
            scope[name] = dotnet.cast(kind, given) if kind else given
        if waiting:
            raise ScriptError(f"{node.source[:40]}: too many arguments")
        self._scopes.append(scope)
        outputs: list[Any] = []
        try:
            self._block(body, outputs)
        except _Return:
            pass
        finally:
            self._scopes.pop()
        return outputs

    def _parameters(self, block: Node | None) -> list[tuple[str, str, Any]]:
        """Name, type and default of each parameter."""
        found = []
        for parameter in child_of(block, "parameter_list").named if block else []:
            attributes = [child for child in parameter.children if child.type == "attribute_list"]
            types = [
                literal for each in attributes for literal in descendants(each, "type_literal")
            ]
            kind = type_name(types[-1]) if types else ""
            default = [c for c in parameter.children if c.type == "script_parameter_default"]
            value = self._value(default[0].named[0]) if default else dotnet.default(kind)
            found.append((variable_name(child_of(parameter, "variable")), kind, value))
        return found


def _unescaped(source: str) -> str:
    return re.sub(r"`(.)", lambda found: _ESCAPES.get(found[1], found[1]), source).replace(
        '""', '"'
    )
