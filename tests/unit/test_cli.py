"""The command as a person calls it: what it prints where, and how it ends."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasource_hyperv_kvp.cli import COMMANDS, main, powershell
from datasource_hyperv_kvp.kvp.poolfile import pool_path, read_pool_dir, write_pool_files
from datasource_hyperv_kvp.payload import IGNITION, MANIFEST_KEY, USER_DATA, assemble, encode

ROOT = Path(__file__).parents[2]
CONFIG = '{"ignition": {"version": "3.4.0"}}'
SECRET = "hunter2-größe"
CLOUD_CONFIG = f"#cloud-config\npassword: {SECRET}\n"


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


class Command:
    """Runs the command in this process, as its script does."""

    def __init__(self, captured: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._captured = captured
        self._patch = patch

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Outcome:
        self._patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        captured = self._captured.readouterr()
        return Outcome(code, captured.out, captured.err)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


@pytest.fixture
def pools(tmp_path: Path) -> Path:
    directory = tmp_path / "hyperv"
    keys = encode({IGNITION: CONFIG + " " * 2000, USER_DATA: CLOUD_CONFIG})
    write_pool_files(directory, {0: keys, 1: {"report": SECRET}, 3: {"VirtualMachineName": "web1"}})
    return directory


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def process(arguments: Sequence[object]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUTF8": "0"}
    return subprocess.run(
        [sys.executable, "-m", "datasource_hyperv_kvp", *map(str, arguments)],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


class TestDump:
    def test_shows_every_key_and_its_size_and_no_value(self, command: Command, pools: Path) -> None:
        outcome = command("dump", "--pool-dir", pools)
        lines = [line.split() for line in outcome.out.splitlines()]
        assert ["0", "external", f"{IGNITION}.0", "1023", "<redacted>"] in lines
        assert ["3", "auto-external", "VirtualMachineName", "4", "<redacted>"] in lines
        assert len(lines) == 1 + 6
        assert SECRET not in outcome.out
        assert outcome.code == 0

    def test_shows_values_when_asked_one_record_a_line(self, command: Command, pools: Path) -> None:
        outcome = command("dump", "--pool-dir", pools, "--unredacted")
        assert f"#cloud-config\\npassword: {SECRET}\\n" in outcome.out
        assert len(outcome.out.splitlines()) == 1 + 6

    def test_as_json_for_scripts(self, command: Command, pools: Path) -> None:
        redacted = json.loads(command("dump", "--pool-dir", pools, "--format", "json").out)
        assert {
            "pool": 3,
            "name": "auto-external",
            "key": "VirtualMachineName",
            "size": 4,
        } in redacted
        assert not any("value" in record for record in redacted)
        shown = command("dump", "--pool-dir", pools, "--format", "json", "--unredacted")
        values = {record["key"]: record["value"] for record in json.loads(shown.out)}
        assert values[f"{USER_DATA}.0"] == CLOUD_CONFIG

    def test_doubles_are_both_shown(self, command: Command, pools: Path) -> None:
        path = pool_path(pools, 3)
        path.write_bytes(path.read_bytes() * 2)
        assert command("dump", "--pool-dir", pools).out.count("VirtualMachineName") == 2

    def test_what_could_harm_a_terminal_is_escaped(self, command: Command, tmp_path: Path) -> None:
        write_pool_files(tmp_path, {0: {"k": "a\x1b[2J\\\udcff\u202e"}})
        outcome = command("dump", "--pool-dir", tmp_path, "--unredacted")
        assert outcome.out.endswith("a\\x1b[2J\\\\\\xff\\u202e\n")

    def test_a_torn_pool_does_not_hide_the_others(self, command: Command, pools: Path) -> None:
        write(pool_path(pools, 1), b"torn")
        outcome = command("dump", "--pool-dir", pools)
        assert outcome.code == 1
        assert ".kvp_pool_1: expected whole records" in outcome.err
        assert "VirtualMachineName" in outcome.out

    def test_no_directory_is_an_error_in_one_line(self, command: Command, tmp_path: Path) -> None:
        outcome = command("dump", "--pool-dir", tmp_path / "none")
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err.startswith(
            f"hyperv-kvp dump: {tmp_path}/none: there is no such directory"
        )
        assert len(outcome.err.splitlines()) == 1

    def test_an_empty_directory_is_no_error(self, command: Command, tmp_path: Path) -> None:
        outcome = command("dump", "--pool-dir", tmp_path)
        assert (outcome.code, outcome.out) == (0, "")
        assert "no keys in" in outcome.err


class TestShow:
    def test_tells_all_but_the_text(self, command: Command, pools: Path) -> None:
        outcome = command("show", "--pool-dir", pools, "ignition")
        assert "keys:     2 (ignition.config.0 to .1)" in outcome.out
        assert "manifest: lists it, hash right" in outcome.out
        assert f"size:     {len(CONFIG) + 2000} bytes, 1 lines" in outcome.out
        assert '"version"' not in outcome.out

    def test_unredacted_is_the_text_and_nothing_else(self, command: Command, pools: Path) -> None:
        assert command("show", "--pool-dir", pools, "user-data", "--unredacted").out == CLOUD_CONFIG

    @pytest.mark.parametrize("key", [IGNITION, USER_DATA])
    def test_the_key_is_a_name_too(self, command: Command, pools: Path, key: str) -> None:
        assert f"document: {key}\n" in command("show", "--pool-dir", pools, key).out

    def test_a_document_that_is_not_there(self, command: Command, pools: Path) -> None:
        outcome = command("show", "--pool-dir", pools, "meta-data")
        assert (outcome.code, outcome.out) == (1, "")
        assert "no meta-data in it; there is ignition, user-data" in outcome.err

    def test_a_damaged_document_shows_nothing_of_it(self, command: Command, pools: Path) -> None:
        keys = encode({IGNITION: CONFIG + " " * 2000})
        del keys[f"{IGNITION}.1"]
        write_pool_files(pools, {0: keys})
        outcome = command("show", "--pool-dir", pools, "ignition", "--unredacted")
        assert (outcome.code, outcome.out) == (1, "")
        assert "missing: ignition.config.1" in outcome.err

    def test_a_damaged_manifest_is_said_first(self, command: Command, tmp_path: Path) -> None:
        write_pool_files(tmp_path, {0: {USER_DATA: "x", MANIFEST_KEY: "{"}})
        assert (
            "cloud-init.manifest: not JSON"
            in command("show", "--pool-dir", tmp_path, "user-data").err
        )

    def test_no_pool_file(self, command: Command, tmp_path: Path) -> None:
        outcome = command("show", "--pool-dir", tmp_path, "user-data")
        assert outcome.code == 1
        assert "No such file or directory" in outcome.err

    def test_an_unknown_document_is_a_wrong_call(self, command: Command) -> None:
        assert command("show", "userdata").code == 2


class TestValidate:
    def test_a_valid_config(self, command: Command, tmp_path: Path) -> None:
        outcome = command("validate", write(tmp_path / "a.ign", CONFIG))
        assert (outcome.code, outcome.out) == (0, "")

    def test_findings_have_file_line_column_and_path(self, command: Command) -> None:
        config = b'{"ignition": {"version": "3.4.0"},\n "storage": {"files": [{"path": "a"}]}}'
        outcome = command("validate", "-", stdin=config)
        assert outcome.code == 1
        assert outcome.out.startswith("standard input:2:")
        assert ": error: $.storage.files.0.path: " in outcome.out

    def test_a_warning_alone_is_no_error(self, command: Command) -> None:
        outcome = command("validate", "-", stdin=b'{"ignition": {"version": "3.4.0"}, "foo": 1}')
        assert outcome.code == 0
        assert ": warning: $.foo: " in outcome.out

    def test_as_json_for_editors(self, command: Command) -> None:
        outcome = command("validate", "--format", "json", "-", stdin=b'{"ignition": {}}')
        assert outcome.code == 1
        assert {"severity", "path", "line", "column", "message"} == set(json.loads(outcome.out)[0])

    @pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b"[]"])
    def test_what_is_no_config_at_all(self, command: Command, data: bytes) -> None:
        outcome = command("validate", "-", stdin=data)
        assert outcome.code == 1
        assert "error" in outcome.out

    def test_a_missing_file(self, command: Command, tmp_path: Path) -> None:
        outcome = command("validate", tmp_path / "none")
        assert outcome.code == 1
        assert outcome.err == f"hyperv-kvp validate: {tmp_path}/none: No such file or directory\n"


class TestRender:
    def test_cloud_config_comes_out(self, command: Command) -> None:
        config = '{"ignition": {"version": "3.4.0"}, "passwd": {"users": [{"name": "core"}]}}'
        outcome = command("render", "-", stdin=config.encode())
        assert outcome.code == 0
        assert outcome.out.startswith("#cloud-config\n")
        assert "core" in outcome.out

    def test_an_invalid_config_gives_nothing_but_its_findings(self, command: Command) -> None:
        outcome = command("render", "-", stdin=b'{"ignition": {"version": "9.9.9"}}')
        assert (outcome.code, outcome.out) == (1, "")
        assert ": error: $.ignition.version: " in outcome.err

    def test_what_cannot_be_applied_is_refused_with_its_path(self, command: Command) -> None:
        config = (
            '{"ignition": {"version": "3.4.0"}, "storage": {"files": '
            '[{"path": "/a", "contents": {"source": "http://127.0.0.1:9/"}}]}}'
        )
        outcome = command("render", "-", stdin=config.encode())
        assert (outcome.code, outcome.out) == (1, "")
        assert "standard input: error: $.storage.files.0.contents.source: " in outcome.err

    def test_configs_that_it_refers_to_are_merged_in(self, command: Command) -> None:
        child = '{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"name":"fromchild"}]}}'
        url = "data:," + quote(child)
        config = {"ignition": {"version": "3.4.0", "config": {"merge": [{"source": url}]}}}
        outcome = command("render", "-", stdin=json.dumps(config).encode())
        assert outcome.code == 0
        assert "fromchild" in outcome.out


class TestEncode:
    def test_keys_as_json_in_the_order_of_setting(self, command: Command, tmp_path: Path) -> None:
        config = write(tmp_path / "a.ign", CONFIG)
        data = write(tmp_path / "user-data", CLOUD_CONFIG)
        outcome = command("encode", "--user-data", data, "--ignition", config)
        assert json.loads(outcome.out) == encode({IGNITION: CONFIG, USER_DATA: CLOUD_CONFIG})
        assert list(json.loads(outcome.out))[-1] == MANIFEST_KEY
        assert outcome.out.isascii()

    def test_every_document_comes_through_the_pool_files(
        self, command: Command, tmp_path: Path
    ) -> None:
        pools = tmp_path / "new" / "hyperv"
        call: list[object] = ["encode", "--pool-dir", pools]
        for option in ("ignition", "user-data", "meta-data", "vendor-data", "network-config"):
            text = CONFIG if option == "ignition" else f"{option}: größe\n" * 400
            call += [f"--{option}", write(tmp_path / option, text)]
        assert command(*call).code == 0
        payload = assemble(read_pool_dir(pools))
        assert payload.ignition == CONFIG
        assert payload.network_config == "network-config: größe\n" * 400
        assert (len(payload.documents), payload.faults, payload.stale) == (5, (), ())
        assert {path.stat().st_mode & 0o777 for path in pools.iterdir()} == {0o600}

    def test_a_document_from_standard_input(self, command: Command) -> None:
        outcome = command("encode", "--user-data", "-", stdin=CLOUD_CONFIG.encode())
        assert assemble({0: json.loads(outcome.out)}).user_data == CLOUD_CONFIG

    def test_a_shorter_document_leaves_no_chunk_of_the_longer_one(
        self, command: Command, pools: Path, tmp_path: Path
    ) -> None:
        assert (
            command("encode", "--pool-dir", pools, "--ignition", write(tmp_path / "c", CONFIG)).code
            == 0
        )
        everything = read_pool_dir(pools)
        payload = assemble(everything)
        assert (payload.ignition, payload.user_data) == (CONFIG, CLOUD_CONFIG)
        assert payload.stale == ()
        assert everything[3] == {"VirtualMachineName": "web1"}

    def test_a_document_is_removed(self, command: Command, pools: Path) -> None:
        assert command("encode", "--pool-dir", pools, "--remove", "user-data").code == 0
        payload = assemble(read_pool_dir(pools))
        assert list(payload.documents) == [IGNITION]

    def test_encodings_are_for_all_of_cloud_init_or_for_one(
        self, command: Command, tmp_path: Path
    ) -> None:
        data = write(tmp_path / "d", "a: b\n")
        call = [
            "--user-data",
            data,
            "--meta-data",
            data,
            "--ignition",
            write(tmp_path / "i", CONFIG),
        ]
        outcome = command("encode", *call, "--encoding", "gz+b64", "--encoding", "meta-data=none")
        documents = json.loads(json.loads(outcome.out)[MANIFEST_KEY])["documents"]
        assert {name: entry["encoding"] for name, entry in documents.items()} == {
            IGNITION: "",
            USER_DATA: "gzip+base64",
            "cloud-init.meta-data": "",
        }
        outcome = command("encode", *call, "--encoding", "ignition=base64")
        assert json.loads(json.loads(outcome.out)[MANIFEST_KEY])["documents"][IGNITION]["encoding"]

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
    def test_files_that_windows_marked_become_utf_8(
        self, command: Command, tmp_path: Path, encoding: str
    ) -> None:
        data = write(tmp_path / "d", CLOUD_CONFIG.encode(encoding))
        outcome = command("encode", "--user-data", data)
        assert assemble({0: json.loads(outcome.out)}).user_data == CLOUD_CONFIG

    def test_a_mark_that_lies_is_an_error(self, command: Command, tmp_path: Path) -> None:
        outcome = command("encode", "--user-data", write(tmp_path / "d", b"\xff\xfea"))
        assert outcome.code == 1
        assert "begins with the mark of utf-16, but is not that" in outcome.err

    def test_windows_line_ends_in_a_script_are_pointed_out(
        self, command: Command, tmp_path: Path
    ) -> None:
        outcome = command("encode", "--user-data", write(tmp_path / "d", "#!/bin/sh\r\nid\r\n"))
        assert outcome.code == 0
        assert "Windows line ends" in outcome.err

    def test_a_document_that_cannot_be_one_is_an_error(self, command: Command) -> None:
        outcome = command("encode", "--user-data", "-", stdin=b"\xe4")
        assert outcome.code == 1
        assert outcome.err.startswith("hyperv-kvp encode: cloud-init.user-data: not UTF-8")

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--user-data", "-", "--meta-data", "-"],
            ["--remove", "ignition"],
            ["--user-data", "-", "--pool-dir", "x", "--format", "json"],
            ["--user-data", "-", "--pool-dir", "x", "--remove", "user-data"],
            ["--user-data", "-", "--encoding", "rot13"],
            ["--user-data", "-", "--encoding", "userdata=base64"],
        ],
    )
    def test_wrong_calls(self, command: Command, arguments: list[str]) -> None:
        outcome = command("encode", *arguments)
        assert outcome.code == 2
        assert "usage: hyperv-kvp encode" in outcome.err

    def test_a_pool_directory_that_is_a_file(self, command: Command, tmp_path: Path) -> None:
        outcome = command(
            "encode", "--user-data", "-", "--pool-dir", write(tmp_path / "f", ""), stdin=b"x"
        )
        assert outcome.code == 1
        assert "is no directory" in outcome.err


class TestPowerShell:
    def test_what_can_be_read_stays_readable(self) -> None:
        assert powershell.literal({"a.0": "it's\n$x `n\n"}) == (
            "[ordered]@{\n"
            "    'a.0' = @(\n"
            "        'it''s',\n"
            "        '$x `n',\n"
            "        ''\n"
            '    ) -join "`n"\n'
            "}"
        )

    @given(
        st.dictionaries(
            st.text("ab.0", min_size=1), st.text(st.characters(exclude_categories=["Cs"]))
        )
    )
    @settings(suppress_health_check=[HealthCheck.too_slow])
    def test_it_is_printable_ascii_whatever_the_values(self, keys: dict[str, str]) -> None:
        text = powershell.literal(keys)
        assert all(character == "\n" or " " <= character <= "~" for character in text)


class TestProcess:
    """What only a process of its own shows."""

    def test_a_reader_that_has_seen_enough_is_no_error(self, pools: Path) -> None:
        write_pool_files(pools, {0: {f"key{number}": "x" * 900 for number in range(900)}})
        call = f"{sys.executable} -m datasource_hyperv_kvp dump --unredacted --pool-dir {pools}"
        shell = subprocess.run(
            ["bash", "-c", f"{call} | head -1; echo ${{PIPESTATUS[0]}}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert shell.stdout.splitlines()[1] == "0"
        assert shell.stderr == ""

    def test_documents_are_utf_8_whatever_the_locale(self, pools: Path) -> None:
        shown = process(["show", "--unredacted", "--pool-dir", pools, "user-data"])
        assert (shown.returncode, shown.stdout, shown.stderr) == (0, CLOUD_CONFIG, "")

    @pytest.mark.parametrize(
        "call", [["encode", "--ignition"], ["validate"], ["render"], ["dump", "--pool-dir"]]
    )
    def test_it_works_on_workstations_that_are_not_unix(
        self, call: list[str], tmp_path: Path
    ) -> None:
        argument = tmp_path if call[0] == "dump" else write(tmp_path / "config", CONFIG)
        program = (
            "import sys\n"
            "for name in ('fcntl', 'grp', 'pwd', 'resource', 'syslog', 'termios'):\n"
            "    sys.modules[name] = None\n"
            "from datasource_hyperv_kvp.cli import main\n"
            "sys.exit(main(sys.argv[1:]))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program, *call, str(argument)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        ("call", "code"),
        [
            ("encode --user-data - <&-", 1),
            ("encode --user-data /dev/null <&- >&-", 1),
            ("dump >&-", 0),
        ],
    )
    def test_closed_standard_streams_are_no_traceback(
        self, call: str, code: int, pools: Path
    ) -> None:
        command = call.replace("dump", f"dump --pool-dir {pools}")
        done = subprocess.run(
            ["sh", "-c", f"exec {sys.executable} -m datasource_hyperv_kvp {command}"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code
        assert len(done.stderr.splitlines()) == code

    def test_a_full_disk_is_one_line(self, pools: Path) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "datasource_hyperv_kvp", "dump", "--pool-dir", str(pools)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 1
        assert done.stderr == "hyperv-kvp dump: No space left on device\n"

    def test_a_wrong_call_ends_with_2(self) -> None:
        assert process([]).returncode == 2
        assert process(["dumb"]).returncode == 2

    def test_help_names_every_subcommand(self) -> None:
        shown = process(["--help"])
        assert shown.returncode == 0
        assert all(f"\n    {name} " in shown.stdout for name in COMMANDS)

    @pytest.mark.parametrize(
        "call", [["dump"], ["show", "user-data"], ["encode", "--user-data", "/dev/null"]]
    )
    def test_nothing_heavy_is_imported_where_it_is_not_needed(
        self, call: list[str], tmp_path: Path
    ) -> None:
        program = (
            "import sys\nfrom datasource_hyperv_kvp.cli import main\n"
            f"try:\n    main({[*call, '--pool-dir', str(tmp_path)]!r})\n"
            "finally:\n    print(sorted(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        modules = set(ast.literal_eval(done.stdout.splitlines()[-1]))
        assert "datasource_hyperv_kvp.cli" in modules
        assert not modules & {
            "yaml",
            "jsonschema",
            "requests",
            "cloudinit",
            "datasource_hyperv_kvp.ignition",
        }
        others = set(COMMANDS) - {call[0]}
        assert not modules & {f"datasource_hyperv_kvp.cli.{name}" for name in others}
