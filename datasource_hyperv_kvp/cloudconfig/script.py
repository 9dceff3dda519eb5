"""The shell script in bootcmd that hands a plan to the program that applies it.

cloud-init writes the strings of bootcmd into one private file and runs that with ``/bin/sh``. The
plan, and the program if it is not installed, stand in here-documents: nothing secret ever is on a
command line, and who reads the user-data sees what will be done.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Ends every here-document; no line of a plan or of the program is this text.
DELIMITER = "END_OF_IGNITION_FILE"

#: The program's package when its sources travel with the plan.
PACKAGE = "ignition_apply"

_HEAD = """\
# Applies an Ignition config once an instance, in Ignition's order; the plan says what is done.
ignition_dir=$(mktemp -d /run/ignition-apply.XXXXXXXX) || exit 1
ignition_umask=$(umask)
umask 077
# Names of files and accounts are UTF-8, whatever the locale of this boot.
PYTHONUTF8=1
export PYTHONUTF8
"""

_TAIL = """\
rm -rf "$ignition_dir"
umask "$ignition_umask"
unset PYTHONUTF8
# Commands that follow in bootcmd must not hide the failure: cloud-init sees the last status only.
if [ "$ignition_status" -ne 0 ]; then
  echo "ignition: the config was not applied, see the messages above" >&2
  trap 'exit 1' EXIT
fi
"""

#: cloud-init's own interpreter is the first choice: on old systems python3 is older than it.
_FIND_PYTHON = """\
ignition_own=$(command -v cloud-init)
ignition_own=$(sed -n '1s/^#! *\\([^ ]*python[^ ]*\\).*/\\1/p' "$ignition_own" 2> /dev/null)
ignition_python=
for candidate in "$ignition_own" python3 python3.13 python3.12 python3.11 python3.10 python3.9; do
  [ -n "$candidate" ] || continue
  "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2> /dev/null || continue
  ignition_python=$candidate
  break
done
"""

_RUN_EMBEDDED = f"""\
if [ -n "$ignition_python" ]; then
  PYTHONPATH=$ignition_dir "$ignition_python" -B -m {PACKAGE} "$ignition_dir/plan.json"
  ignition_status=$?
else
  echo "ignition: applying a config needs Python 3.9 or later, and there is none" >&2
  ignition_status=1
fi
"""


def script(plan: str, *, program: Sequence[str] | None) -> str:
    """One string of bootcmd.

    :param plan: the plan's JSON text.
    :param program: the command of an installed program; None to embed the program's sources.
    """
    parts = [_HEAD, *_here_document("plan.json", plan)]
    if program is None:
        parts.append(f'mkdir "$ignition_dir/{PACKAGE}"\n')
        for name, text in sources().items():
            parts += _here_document(f"{PACKAGE}/{name}", text)
        parts += [_FIND_PYTHON, _RUN_EMBEDDED]
    else:
        command = " ".join(shlex.quote(word) for word in program)
        parts.append(f'{command} "$ignition_dir/plan.json"\nignition_status=$?\n')
    return "".join([*parts, _TAIL])


def _here_document(name: str, text: str) -> tuple[str, str, str]:
    """The lines before, the text as it is, and the line behind it."""
    if DELIMITER in text and DELIMITER in text.split("\n"):
        raise ValueError(f"{name} holds the line {DELIMITER}")
    end = "" if text.endswith("\n") or not text else "\n"
    return f"cat > \"$ignition_dir/{name}\" <<'{DELIMITER}'\n", text, f"{end}{DELIMITER}\n"


def sources() -> Mapping[str, str]:
    """The program's files, name -> text, in the order of their names."""
    directory = Path(__file__).parent.parent / "apply"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.py"))}
