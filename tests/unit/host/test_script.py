"""The script for the Hyper-V host: the keys of ``encode``, set, replaced, removed, read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasource_hyperv_kvp.cli import powershell as expression
from datasource_hyperv_kvp.payload import (
    DOCUMENT_NAMES,
    IGNITION,
    MANIFEST_KEY,
    USER_DATA,
    assemble,
    encode,
)
from datasource_hyperv_kvp.payload.chunks import split
from tests.unit.host.hyperv import RUNNING, SCRIPT, Host, Machine
from tests.unit.host.powershell import Interpreter
from tests.unit.host.syntax import parse
from tests.unit.host.values import Dictionary, ScriptError, net, python

CONFIG = '{"ignition": {"version": "3.4.0"}}'
CLOUD_CONFIG = "#cloud-config\nhostname: größe\n"
LONG = st.lists(
    st.tuples(st.sampled_from("aé€\U0001f600\n\t\r'"), st.integers(1, 800)), min_size=1, max_size=4
).map(lambda runs: "".join(character * count for character, count in runs))


@pytest.fixture
def machine() -> Machine:
    return Machine("web1")


@pytest.fixture
def host(machine: Machine) -> Host:
    return Host([machine])


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def functions() -> Interpreter:
    """The script's functions, without the part that acts."""
    host = Host([])
    shell = Interpreter(host._cmdlets())
    shell.run(parse(SCRIPT.read_text("ascii")), {"SelfTest": True})
    return shell


class TestTheFile:
    def test_the_grammar_of_powershell_knows_all_of_it(self) -> None:
        parse(SCRIPT.read_text())

    def test_a_broken_script_would_be_noticed(self) -> None:
        with pytest.raises(SyntaxError):
            parse(SCRIPT.read_text().replace("param(", "param((", 1))

    def test_it_is_ascii_which_windows_powershell_reads_without_a_mark(self) -> None:
        assert SCRIPT.read_bytes().isascii()

    def test_its_self_test_passes(self) -> None:
        assert Host([]).run(SelfTest=True) == [
            "Self-test passed: 9 texts, a manifest, gzip+base64."
        ]


class TestSameAsEncode:
    shell = functions()

    def keys(self, made: Dictionary) -> dict[str, str]:
        """What the script would set, as Python's strings."""
        keys = {key: python(value) for key, value in made.get("Chunks").to_python().items()}
        keys[MANIFEST_KEY] = python(self.shell.call("ConvertTo-Manifest", made.get("Entries")))
        return keys

    @settings(deadline=None, max_examples=15)
    @given(LONG)
    def test_the_chunks(self, text: str) -> None:
        chunks = self.shell.call("Split-DocumentText", net(text))
        assert [python(chunk) for chunk in chunks] == split(text)

    @settings(deadline=None, max_examples=15)
    @given(st.one_of(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), LONG))
    def test_the_encoding_and_what_comes_out(self, text: str) -> None:
        documents = Dictionary.of({USER_DATA: text.encode()})
        made = self.shell.call("ConvertFrom-Documents", documents, "auto")
        keys = self.keys(made)
        expected = encode({USER_DATA: text})
        if json.loads(expected[MANIFEST_KEY])["documents"][USER_DATA]["encoding"]:
            # Compressors differ; what comes out does not.
            entry = json.loads(keys[MANIFEST_KEY])["documents"][USER_DATA]
            assert entry["encoding"] == "gzip+base64"
            assert assemble({0: keys}).user_data == text
        else:
            assert keys == expected

    @settings(deadline=None, max_examples=10)
    @given(LONG, st.sampled_from(["none", "base64"]))
    def test_every_key_where_nothing_is_compressed(self, text: str, encoding: str) -> None:
        documents = Dictionary.of({USER_DATA: text.encode(), IGNITION: text.encode()})
        made = self.shell.call("ConvertFrom-Documents", documents, encoding)
        keys = self.keys(made)
        plain = "" if encoding == "none" else encoding
        assert keys == encode({USER_DATA: text, IGNITION: text}, encoding=plain)
        assert list(keys) == list(encode({USER_DATA: text, IGNITION: text}, encoding=plain))


class TestSetting:
    def test_a_machine_gets_every_document(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        texts = {name: f"{name}: größe\n" * 90 for name in DOCUMENT_NAMES}
        parameters = ("Ignition", "UserData", "MetaData", "VendorData", "NetworkConfig")
        files = {
            parameter: write(tmp_path / parameter, texts[name])
            for parameter, name in zip(parameters, DOCUMENT_NAMES)
        }
        shown = host.run(VMName="web1", **files)
        payload = assemble({0: machine.items})
        assert {name: document.text for name, document in payload.documents.items()} == texts
        assert (payload.faults, payload.stale) == ((), ())
        assert [row["Document"] for row in shown] == list(DOCUMENT_NAMES)
        assert host.warnings == []

    def test_the_manifest_is_set_last(self, host: Host, tmp_path: Path) -> None:
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG + " " * 90_000))
        assert all(MANIFEST_KEY not in keys for _, keys in host.calls[:-1])
        assert host.calls[-1] == ("AddKvpItems", (MANIFEST_KEY,))
        assert max(len(keys) for _, keys in host.calls) <= 128

    def test_a_shorter_document_leaves_nothing_of_the_longer_one(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        machine.items["foreign"] = "stays"
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG + " " * 5000))
        host.calls.clear()
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG))
        assert machine.items == {"foreign": "stays", **encode({IGNITION: CONFIG})}
        assert [method for method, _ in host.calls] == [
            "ModifyKvpItems",
            "RemoveKvpItems",
            "ModifyKvpItems",
        ]

    def test_what_is_set_already_is_not_set_again(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        file = write(tmp_path / "i", CONFIG)
        host.run(VMName="web1", Ignition=file)
        host.calls.clear()
        host.run(VMName="web1", Ignition=file)
        assert host.calls == []

    def test_other_documents_stay_also_those_set_by_hand(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        machine.items.update({USER_DATA: "IyE=", f"{USER_DATA}.encoding": "base64"})
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG))
        host.run(VMName="web1", MetaData=write(tmp_path / "m", "a: b\n"))
        payload = assemble({0: machine.items})
        assert (payload.ignition, payload.user_data, payload.meta_data) == (CONFIG, "#!", "a: b\n")
        assert payload.stale == ()

    def test_a_damaged_document_that_would_stay_is_refused(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        machine.items.update(encode({IGNITION: CONFIG + " " * 3000}))
        del machine.items[f"{IGNITION}.1"]
        before = dict(machine.items)
        with pytest.raises(ScriptError, match=r"ignition\.config, which would stay, is damaged"):
            host.run(VMName="web1", MetaData=write(tmp_path / "m", "a: b\n"))
        assert machine.items == before

    @pytest.mark.parametrize("damage", ["{", "[]", '{"version": 2, "documents": {}}', "null"])
    def test_a_damaged_manifest_is_overcome_by_setting_all_again(
        self, host: Host, machine: Machine, tmp_path: Path, damage: str
    ) -> None:
        machine.items.update({**encode({IGNITION: CONFIG}), MANIFEST_KEY: damage})
        with pytest.raises(
            ScriptError, match=r"cloud-init\.manifest of this virtual machine is not"
        ):
            host.run(VMName="web1", MetaData=write(tmp_path / "m", "a: b\n"))
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG))
        assert machine.items == encode({IGNITION: CONFIG})

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_files_that_windows_marked_become_utf_8(
        self, host: Host, machine: Machine, tmp_path: Path, encoding: str
    ) -> None:
        host.run(VMName="web1", UserData=write(tmp_path / "u", CLOUD_CONFIG.encode(encoding)))
        assert assemble({0: machine.items}).user_data == CLOUD_CONFIG

    @pytest.mark.parametrize("option", ["json", "powershell"])
    def test_keys_that_encode_made_elsewhere(
        self, host: Host, machine: Machine, tmp_path: Path, option: str
    ) -> None:
        keys = encode({IGNITION: CONFIG, USER_DATA: CLOUD_CONFIG * 90})
        if option == "json":
            host.run(VMName="web1", KeyFile=write(tmp_path / "keys.json", json.dumps(keys)))
        else:
            host.run(VMName="web1", Keys=keys)
        assert machine.items == keys

    def test_keys_that_were_changed_on_the_way_are_refused(self, host: Host) -> None:
        keys = encode({USER_DATA: CLOUD_CONFIG})
        with pytest.raises(ScriptError, match="do not fit their manifest"):
            host.run(VMName="web1", Keys={**keys, f"{USER_DATA}.0": "x"})
        with pytest.raises(ScriptError, match=r"no cloud-init\.manifest"):
            host.run(VMName="web1", Keys={f"{USER_DATA}.0": "x"})
        with pytest.raises(ScriptError, match="the manifest does not list"):
            host.run(VMName="web1", Keys={f"{IGNITION}.0": "x", **keys})

    def test_what_if_changes_nothing(self, host: Host, machine: Machine, tmp_path: Path) -> None:
        host.confirms = False
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG))
        assert machine.items == {}
        assert host.asked == ["add 2, modify 0, remove 0 keys: virtual machine 'web1'"]

    def test_a_running_machine_is_warned_of(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        machine.state = RUNNING
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG))
        assert "set keys before the first boot" in host.warnings[0]

    def test_it_waits_for_cloud_init_and_shows_its_progress(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        machine.state = RUNNING
        machine.guest = {
            "CLOUD_INIT|1|start|init-local|x|y": '{"msg":"m"}',
            "CLOUD_INIT|1|finish|modules-final|x|z": '{"result":"SUCCESS","msg":"m"}',
        }
        shown = host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG), Wait=30)
        assert shown[1:] == ["start init-local ", "finish modules-final SUCCESS"]
        machine.guest = {}
        host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG), Wait=30)
        assert "not reported the end of cloud-init within 30 s" in host.warnings[-1]


class TestRemovingAndListing:
    def test_all_documents_go_and_nothing_else(self, host: Host, machine: Machine) -> None:
        machine.items = {"foreign": "x", USER_DATA: "old", **encode({IGNITION: CONFIG})}
        host.run(VMName="web1", Remove=True)
        assert machine.items == {"foreign": "x"}

    def test_one_document_goes(self, host: Host, machine: Machine) -> None:
        machine.items = encode({IGNITION: CONFIG, USER_DATA: CLOUD_CONFIG})
        host.run(VMName="web1", Remove=True, Document=["user-data"])
        assert machine.items == encode({IGNITION: CONFIG})

    def test_a_damaged_payload_can_be_removed(self, host: Host, machine: Machine) -> None:
        machine.items = {f"{IGNITION}.4": "x", MANIFEST_KEY: "{"}
        host.run(VMName="web1", Remove=True)
        assert machine.items == {}

    def test_a_list_of_the_keys_without_their_values(self, host: Host, machine: Machine) -> None:
        machine.items = {USER_DATA: "secret"}
        machine.state = RUNNING
        machine.guest = {"OSName": "Debian"}
        rows = host.run(VMName="web1", Get=True)
        assert rows == [
            {"Side": "Host", "Key": USER_DATA, "Length": 6, "Value": "<redacted>"},
            {"Side": "Guest", "Key": "OSName", "Length": 6, "Value": "<redacted>"},
        ]
        shown = host.run(VMName="web1", Get=True, Unredacted=True)
        assert [row["Value"] for row in shown] == ["secret", "Debian"]

    def test_a_guest_may_report_what_it_likes(self, host: Host, machine: Machine) -> None:
        machine.state = RUNNING
        machine.guest = {"odd": "a\x01b", "Keys": "x", "Count": "7"}
        rows = host.run(VMName="web1", Get=True)
        assert [(row["Key"], row["Length"]) for row in rows] == [
            ("odd", 3),
            ("Keys", 1),
            ("Count", 1),
        ]


class TestWhatGoesWrong:
    def test_without_elevation(self, host: Host) -> None:
        host.groups = set()
        with pytest.raises(ScriptError, match="Run elevated"):
            host.run(VMName="web1", Get=True)

    def test_no_such_machine(self, host: Host) -> None:
        with pytest.raises(ScriptError, match="no virtual machine 'web2'"):
            host.run(VMName="web2", Get=True)

    def test_the_host_itself_is_no_virtual_machine(self, host: Host) -> None:
        with pytest.raises(ScriptError, match="no virtual machine 'HOST'"):
            host.run(VMName="HOST", Get=True)

    def test_two_of_the_same_name(self, host: Host) -> None:
        other = Machine("web1", guid="11111111-2222-3333-4444-555555555555", items={"k": "v"})
        host.machines.append(other)
        with pytest.raises(ScriptError, match=r"Say which with -VMId: 0F4A8A2E.*, 11111111"):
            host.run(VMName="web1", Get=True)
        assert host.run(VMName="web1", VMId="{" + other.guid + "}", Get=True)[0]["Key"] == "k"

    def test_data_exchange_is_switched_off(
        self, host: Host, machine: Machine, tmp_path: Path
    ) -> None:
        machine.exchange = 3
        with pytest.raises(ScriptError, match="Enable-VMIntegrationService"):
            host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG))
        assert machine.items == {}

    def test_no_file_and_nothing_to_set(self, host: Host, tmp_path: Path) -> None:
        with pytest.raises(ScriptError, match="There is no file"):
            host.run(VMName="web1", Ignition=tmp_path / "none")
        with pytest.raises(ScriptError, match="Nothing to set"):
            host.run(VMName="web1")

    @pytest.mark.parametrize(
        ("content", "message"),
        [(b"", "is empty"), (b"\xe4", "is not UTF-8"), (b"{\0}", "NUL"), (b"\xff\xfea", "mark")],
    )
    def test_a_file_that_is_no_document(
        self, host: Host, machine: Machine, tmp_path: Path, content: bytes, message: str
    ) -> None:
        with pytest.raises(ScriptError, match=message):
            host.run(VMName="web1", Ignition=write(tmp_path / "i", content))
        assert machine.items == {}

    def test_the_host_refuses(self, host: Host, machine: Machine, tmp_path: Path) -> None:
        host.limit = 3
        with pytest.raises(ScriptError, match=r"32778 \(out of memory\).*0 of 9 keys"):
            host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG + " " * 9000))

    def test_a_job_that_hangs(self, host: Host, tmp_path: Path) -> None:
        host.hanging = "AddKvpItems"
        with pytest.raises(ScriptError, match="takes longer than 60 s"):
            host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG))

    def test_a_key_that_was_lost_is_noticed(self, host: Host, tmp_path: Path) -> None:
        host.lossy = "AddKvpItems"
        with pytest.raises(ScriptError, match=r"are not as they were set: ignition\.config\.8"):
            host.run(VMName="web1", Ignition=write(tmp_path / "i", CONFIG + " " * 9000))


@settings(deadline=None, max_examples=15)
@given(
    st.dictionaries(
        st.text("ab.0", min_size=1), st.one_of(st.text(" aé'`$\n\r\"‘\U0001f600"), LONG)
    )
)
def test_what_encode_prints_for_powershell_means_the_same_there(keys: dict[str, str]) -> None:
    shell = Interpreter({})
    (result,) = shell.run(parse(expression.literal(keys)), {})
    assert {python(key): python(value) for key, value in result.to_python().items()} == keys
