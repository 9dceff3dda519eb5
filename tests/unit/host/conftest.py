"""The parser of these tests is a binary wheel, which not every guest's Python has."""

from __future__ import annotations

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("tree_sitter_powershell") else ["test_*.py"]
