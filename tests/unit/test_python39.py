"""The oldest Python that the package promises to run on understands every module.

This is the syntax; `make lint` looks for what the standard library did not have then.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "datasource_hyperv_kvp"
MODULES = sorted(PACKAGE.rglob("*.py"))
OLDEST = (3, 9)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_python_3_9_can_parse_it(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=OLDEST)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_annotations_are_never_evaluated(path: Path) -> None:
    """``X | None`` in an annotation is fine on 3.9 as long as nobody evaluates it."""
    tree = ast.parse(path.read_text())
    evaluated = [
        node for node in ast.walk(tree) if isinstance(node, (ast.AnnAssign, ast.FunctionDef))
    ]
    futures = {
        alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
        for alias in node.names
    }
    assert "annotations" in futures or not evaluated


def test_the_check_would_notice() -> None:
    with pytest.raises(SyntaxError):
        ast.parse("match 1:\n    case 1: pass\n", feature_version=OLDEST)
