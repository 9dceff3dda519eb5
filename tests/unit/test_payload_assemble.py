"""From keys to documents: which keys count, and what is damage."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping

import pytest

from datasource_hyperv_kvp.payload import (
    IGNITION,
    MANIFEST_KEY,
    USER_DATA,
    Payload,
    assemble,
    encode,
    is_complete,
    is_pending,
)

CONFIG = '{"ignition": {"version": "3.4.0"}}'


def pool0(keys: Mapping[str, str]) -> Payload:
    return assemble({0: keys})


def chunked(document: str, *chunks: str) -> dict[str, str]:
    return {f"{document}.{number}": chunk for number, chunk in enumerate(chunks)}


def manifest(**fields: object) -> dict[str, str]:
    return {MANIFEST_KEY: json.dumps({"version": 1, "documents": {USER_DATA: fields}})}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def the_fault(payload: Payload) -> str:
    assert len(payload.faults) == 1
    return str(payload.faults[0])


class TestWithoutManifest:
    def test_a_single_key_is_the_document(self) -> None:
        payload = pool0({IGNITION: CONFIG})
        assert payload.ignition == CONFIG
        assert payload.documents[IGNITION].keys == (IGNITION,)

    def test_numbered_keys_are_joined_by_number_not_by_place(self) -> None:
        keys = chunked(USER_DATA, *(f"{number:02}\n" for number in range(12)))
        payload = pool0(dict(reversed(keys.items())))
        assert payload.user_data == "".join(f"{number:02}\n" for number in range(12))

    def test_the_single_key_wins_and_the_chunks_are_stale(self) -> None:
        payload = pool0({**chunked(IGNITION, "old"), IGNITION: CONFIG})
        assert payload.ignition == CONFIG
        assert payload.stale == (f"{IGNITION}.0",)

    def test_an_empty_single_key_does_not_win(self) -> None:
        assert pool0({IGNITION: "", **chunked(IGNITION, CONFIG)}).ignition == CONFIG

    def test_the_document_ends_at_the_first_gap(self) -> None:
        keys = {**chunked(USER_DATA, "a\n", "b\n"), f"{USER_DATA}.3": "old"}
        payload = pool0(keys)
        assert payload.user_data == "a\nb\n"
        assert payload.stale == (f"{USER_DATA}.3",)

    def test_a_missing_first_chunk_is_damage(self) -> None:
        payload = pool0({f"{USER_DATA}.1": "b", f"{USER_DATA}.2": "c"})
        assert payload.user_data is None
        assert the_fault(payload).startswith(f"{USER_DATA}.0: the first chunk is missing")

    @pytest.mark.parametrize("key", [".00", ".01", ".-1", ".1a", ".\u0661", ". 1", ".", "0"])
    def test_other_suffixes_are_no_chunks(self, key: str) -> None:
        payload = pool0({f"{USER_DATA}.0": "a", USER_DATA + key: "x"})
        assert payload.user_data == "a"
        assert payload.stale == ()

    def test_json_ends_where_it_is_whole_so_older_chunks_do_no_harm(self) -> None:
        payload = pool0(chunked(IGNITION, CONFIG[:9], CONFIG[9:], 'e": "older"}}', "more"))
        assert payload.ignition == CONFIG
        assert payload.stale == (f"{IGNITION}.2", f"{IGNITION}.3")

    def test_white_space_after_json_stays(self) -> None:
        assert pool0(chunked(IGNITION, CONFIG, "\n\n")).ignition == CONFIG + "\n\n"

    def test_json_followed_by_rubbish_in_the_same_chunk_is_left_to_its_parser(self) -> None:
        assert pool0(chunked(IGNITION, CONFIG + "}", "x")).ignition == CONFIG + "}x"

    @pytest.mark.parametrize("end", [1, 5, 13, 20, len(CONFIG) - 1])
    def test_json_that_ends_in_the_middle_is_damage(self, end: int) -> None:
        payload = pool0(chunked(IGNITION, CONFIG[:1], CONFIG[1:end]))
        assert payload.ignition is None
        assert "ends in the middle" in the_fault(payload)
        assert f"{IGNITION}.2 is missing" in the_fault(payload)

    def test_a_single_key_cut_in_the_middle_is_told_that_a_value_is_short(self) -> None:
        payload = pool0({IGNITION: CONFIG[:-1]})
        assert "one value holds 1023 characters" in the_fault(payload)

    @pytest.mark.parametrize(
        "text", ["{a: b, c: {", '{"a": 1}}', "{{ ds }}", "{% if x %}", '{"a": b c}', '{"a" 1}']
    )
    def test_what_is_wrong_but_not_cut_is_left_to_its_parser(self, text: str) -> None:
        assert pool0({USER_DATA: text}).user_data == text

    def test_deeply_nested_json_does_no_harm(self) -> None:
        text = '{"a":' + "[" * 100_000
        assert "ends in the middle" in the_fault(pool0({IGNITION: text}))

    def test_the_encoding_key_says_how_to_decode(self) -> None:
        packed = base64.b64encode(gzip.compress(b"#cloud-config\n")).decode()
        payload = pool0(
            {**chunked(USER_DATA, packed[:9], packed[9:]), f"{USER_DATA}.encoding": "gz+b64"}
        )
        assert payload.user_data == "#cloud-config\n"
        assert payload.documents[USER_DATA].encoding == "gzip+base64"
        assert payload.stale == ()

    def test_an_ignition_config_may_have_an_encoding_key_too(self) -> None:
        packed = base64.b64encode(CONFIG.encode()).decode()
        assert pool0({IGNITION: packed, f"{IGNITION}.encoding": "base64"}).ignition == CONFIG

    def test_an_unknown_encoding_is_damage_where_it_stands(self) -> None:
        payload = pool0({USER_DATA: "x", f"{USER_DATA}.encoding": "rot13"})
        assert payload.user_data is None
        assert the_fault(payload).startswith(f"{USER_DATA}.encoding: unknown encoding 'rot13'")

    def test_an_encoding_without_a_document_is_damage(self) -> None:
        assert "no document" in the_fault(pool0({f"{USER_DATA}.encoding": "base64"}))

    def test_gzip_whose_manifest_was_lost_is_recognised(self) -> None:
        keys = encode({USER_DATA: "#cloud-config\n" * 500})
        del keys[MANIFEST_KEY]
        assert pool0(keys).user_data == "#cloud-config\n" * 500

    def test_text_that_is_not_utf_8_is_damage(self) -> None:
        payload = pool0({USER_DATA: "a\udcffb"})
        assert payload.user_data is None
        assert the_fault(payload).startswith(f"{USER_DATA}: not UTF-8: byte 2 is 0xff")

    def test_a_character_cut_by_the_guest_is_explained(self) -> None:
        value = ("€" * 683).encode()[:2047].decode("utf-8", "surrogateescape")
        fault = the_fault(pool0(chunked(USER_DATA, value, "b")))
        assert f"{USER_DATA}.0 was longer than 2047 bytes" in fault

    def test_keys_that_were_emptied_are_no_document(self) -> None:
        assert pool0({USER_DATA: "", f"{USER_DATA}.0": "", MANIFEST_KEY: ""}).empty


class TestWithManifest:
    def test_only_as_many_chunks_as_it_says_count(self) -> None:
        keys = {**chunked(USER_DATA, "a", "b", "old"), **manifest(chunks=2, sha256=sha256("ab"))}
        payload = pool0(keys)
        assert payload.user_data == "ab"
        assert payload.documents[USER_DATA].in_manifest
        assert payload.stale == (f"{USER_DATA}.2",)

    def test_a_document_that_it_does_not_list_is_stale(self) -> None:
        keys = {
            IGNITION: CONFIG,
            **chunked(USER_DATA, "a"),
            **manifest(chunks=1, sha256=sha256("a")),
        }
        payload = pool0(keys)
        assert (payload.user_data, payload.ignition) == ("a", None)
        assert payload.stale == (IGNITION,)
        assert payload.faults == ()

    def test_a_stale_single_key_and_encoding_key_do_not_count(self) -> None:
        keys = {
            USER_DATA: "old",
            f"{USER_DATA}.encoding": "base64",
            **chunked(USER_DATA, "a"),
            **manifest(chunks=1, sha256=sha256("a")),
        }
        payload = pool0(keys)
        assert payload.user_data == "a"
        assert payload.stale == (USER_DATA, f"{USER_DATA}.encoding")

    def test_one_chunk_may_be_the_single_key(self) -> None:
        keys = {USER_DATA: "a", f"{USER_DATA}.0": "old", **manifest(chunks=1, sha256=sha256("a"))}
        assert pool0(keys).user_data == "a"
        assert is_complete({0: keys})

    def test_the_hash_may_be_in_upper_case(self) -> None:
        keys = {USER_DATA: "a", **manifest(chunks=1, sha256=sha256("a").upper())}
        assert pool0(keys).user_data == "a"

    def test_json_is_taken_as_it_is(self) -> None:
        keys = {
            **chunked(USER_DATA, '{"a"', ": 1}", "x"),
            **manifest(chunks=3, sha256=sha256('{"a": 1}x')),
        }
        assert pool0(keys).user_data == '{"a": 1}x'

    def test_missing_chunks_are_named(self) -> None:
        payload = pool0({f"{USER_DATA}.1": "b", **manifest(chunks=9, sha256=sha256("ab"))})
        fault = the_fault(payload)
        assert fault.startswith(f"{USER_DATA}.0 to .8: the manifest expects 9 keys, 1 is there")
        assert f"missing: {USER_DATA}.0, {USER_DATA}.2, " in fault
        assert "and 3 more" in fault

    def test_a_wrong_hash_is_damage_and_both_hashes_are_shown(self) -> None:
        payload = pool0({**chunked(USER_DATA, "a", "x"), **manifest(chunks=2, sha256=sha256("ab"))})
        assert payload.user_data is None
        assert sha256("ab")[:16] in the_fault(payload)
        assert sha256("ax")[:16] in the_fault(payload)

    def test_a_damaged_document_does_not_spoil_another(self) -> None:
        keys = encode({IGNITION: CONFIG, USER_DATA: "#cloud-config\n"})
        keys[f"{USER_DATA}.0"] = "#cloud-confi"
        payload = pool0(keys)
        assert payload.ignition == CONFIG
        assert payload.user_data is None
        assert payload.documents[USER_DATA].fault in payload.faults
        assert not payload.empty

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("{", "not JSON"),
            (" ", "not JSON"),
            ("[" * 2000, "not JSON"),
            ("[]", "expected a JSON object, found a list"),
            ('{"documents": {}}', 'expected "version": 1, found nothing'),
            ('{"version": 2, "documents": {}}', 'expected "version": 1, found 2'),
            ('{"version": true, "documents": {}}', 'expected "version": 1, found true'),
            ('{"version": 1, "documents": []}', 'expected "documents" to be an object'),
        ],
    )
    def test_under_a_damaged_manifest_nothing_is_used(self, text: str, message: str) -> None:
        payload = pool0({IGNITION: CONFIG, MANIFEST_KEY: text})
        assert the_fault(payload).startswith(f"{MANIFEST_KEY}: ")
        assert message in the_fault(payload)
        assert payload.ignition is None
        assert not payload.empty
        assert not is_complete({0: {IGNITION: CONFIG, MANIFEST_KEY: text}})

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"sha256": sha256("a")}, '"chunks" to be a number from 1 to 65536, found nothing'),
            ({"chunks": 0, "sha256": sha256("a")}, "found 0"),
            ({"chunks": 10**9, "sha256": sha256("a")}, "found 1000000000"),
            ({"chunks": True, "sha256": sha256("a")}, "found true"),
            ({"chunks": "1", "sha256": sha256("a")}, 'found "1"'),
            ({"chunks": 1}, '"sha256" to be 64 hexadecimal digits, found nothing'),
            ({"chunks": 1, "sha256": "abc"}, 'found "abc"'),
            ({"chunks": 1, "sha256": sha256("a"), "encoding": 7}, '"encoding" to be a string'),
            ({"chunks": 1, "sha256": sha256("a"), "encoding": "rot13"}, "unknown encoding 'rot13'"),
        ],
    )
    def test_a_damaged_entry_costs_only_its_document(
        self, fields: dict[str, object], message: str
    ) -> None:
        entry = {"chunks": 1, "sha256": sha256(CONFIG)}
        documents = {USER_DATA: fields, IGNITION: entry}
        keys = {
            **chunked(IGNITION, CONFIG),
            **chunked(USER_DATA, "a"),
            MANIFEST_KEY: json.dumps({"version": 1, "documents": documents}),
        }
        payload = pool0(keys)
        assert message in the_fault(payload)
        assert USER_DATA in the_fault(payload)
        assert (payload.ignition, payload.user_data) == (CONFIG, None)
        assert not is_complete({0: keys})

    def test_an_unknown_document_is_a_fault_of_its_own(self) -> None:
        documents = {"cloud-init.foo": {"chunks": 1, "sha256": sha256("a")}}
        payload = pool0({MANIFEST_KEY: json.dumps({"version": 1, "documents": documents})})
        assert 'lists "cloud-init.foo", which is no document' in the_fault(payload)

    def test_members_of_later_versions_are_ignored(self) -> None:
        keys = {USER_DATA: "a", **manifest(chunks=1, sha256=sha256("a"), set_by="x")}
        assert pool0(keys).user_data == "a"

    def test_a_manifest_of_nothing_means_that_nothing_is_wanted(self) -> None:
        keys = {IGNITION: CONFIG, MANIFEST_KEY: '{"version": 1, "documents": {}}'}
        assert pool0(keys).empty
        assert is_complete({0: keys})


class TestCompleteness:
    def test_without_a_manifest_more_may_always_come(self) -> None:
        assert not is_complete({0: {IGNITION: CONFIG}})
        assert not is_complete({})

    def test_it_is_complete_with_the_last_key_and_not_before(self) -> None:
        keys = encode({IGNITION: " " * 5000 + CONFIG, USER_DATA: "#cloud-config\n"})
        arrived: dict[str, str] = {}
        for key, value in keys.items():
            assert not is_complete({0: arrived})
            arrived[key] = value
        assert is_complete({0: arrived})

    def test_it_is_not_complete_while_a_chunk_is_an_older_one(self) -> None:
        keys = encode({USER_DATA: "new"})
        assert not is_complete({0: {**keys, f"{USER_DATA}.0": "old"}})


def test_pools_other_than_0_hold_no_documents() -> None:
    assert assemble({1: {IGNITION: CONFIG}, 3: {USER_DATA: "x"}}).empty


def test_no_pools_are_an_empty_payload() -> None:
    assert assemble({}) == Payload()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("VirtualMachineName", "virtual_machine_name"),
        ("PhysicalHostNameFullyQualified", "physical_host_name_fully_qualified"),
        ("HostingSystemOsMajor", "hosting_system_os_major"),
        ("OSVersion", "os_version"),
        ("already_snake", "already_snake"),
        ("Some Key-2", "some_key_2"),
        ("2Fast", "_2_fast"),
    ],
)
def test_host_facts_are_named_for_templates(key: str, name: str) -> None:
    assert assemble({3: {key: "value"}}).host_facts == {name: "value"}


def test_host_facts_are_always_text() -> None:
    assert assemble({3: {"HostName": "h\udcff", "---": "x"}}).host_facts == {"host_name": "h\ufffd"}


class TestPending:
    def test_while_the_manifest_asks_for_more(self) -> None:
        keys = encode({IGNITION: " " * 3000 + CONFIG, USER_DATA: "#cloud-config\n"})
        assert not is_pending({0: keys})
        del keys[f"{IGNITION}.1"]
        assert is_pending({0: keys})

    def test_while_a_chunk_is_an_older_one(self) -> None:
        assert is_pending({0: {**encode({USER_DATA: "new"}), f"{USER_DATA}.0": "old"}})

    @pytest.mark.parametrize(
        "keys",
        [
            {f"{USER_DATA}.1": "b"},
            {f"{USER_DATA}.0": "a", f"{USER_DATA}.2": "c"},
            {f"{IGNITION}.0": CONFIG[:9]},
            {f"{USER_DATA}.encoding": "base64"},
            {f"{USER_DATA}.0": "H4sI", f"{USER_DATA}.encoding": "gzip+base64"},
        ],
    )
    def test_without_a_manifest_where_a_piece_is_known_to_be_missing(
        self, keys: dict[str, str]
    ) -> None:
        assert is_pending({0: keys})

    @pytest.mark.parametrize(
        "keys",
        [
            {},
            {USER_DATA: "#cloud-config\n", IGNITION: CONFIG},
            {USER_DATA: "x", f"{USER_DATA}.3": "old"},
            {USER_DATA: "x", f"{USER_DATA}.encoding": "rot13"},
            {USER_DATA: "a\udcff"},
            {MANIFEST_KEY: "{"},
        ],
    )
    def test_not_where_waiting_would_not_help(self, keys: dict[str, str]) -> None:
        assert not is_pending({0: keys})
