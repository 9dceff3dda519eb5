"""Meta-data and network-config: what is taken, and what is said of the rest."""

from __future__ import annotations

import pytest

from datasource_hyperv_kvp.errors import DocumentError
from datasource_hyperv_kvp.metadata import (
    parse_meta_data,
    parse_network_config,
    private_paths,
    redactable,
)


def test_meta_data_may_be_yaml() -> None:
    text = "instance-id: web-1\nlocal-hostname: web-1.example.com\npublic-keys: [ssh-ed25519 A]\n"
    assert parse_meta_data(text) == {
        "instance-id": "web-1",
        "local-hostname": "web-1.example.com",
        "public-keys": ["ssh-ed25519 A"],
    }


def test_meta_data_may_be_json_that_is_not_yaml() -> None:
    assert parse_meta_data('{\n\t"note": "\\ud83d\\ude00"\n}') == {"note": "😀"}


def test_a_flow_mapping_of_yaml_is_not_json() -> None:
    assert parse_meta_data("{instance-id: web-1}") == {"instance-id": "web-1"}


def test_empty_meta_data_says_nothing() -> None:
    assert parse_meta_data("# nothing yet\n") == {}


def test_an_instance_id_that_is_a_number_is_text() -> None:
    assert parse_meta_data("instance-id: 17") == {"instance-id": "17"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "expected a mapping of keys to values, found a list"),
        ("just words", "expected a mapping of keys to values, found text"),
        ("instance-id: [1]", "instance-id: expected text, found a list"),
        ("instance-id: true", "instance-id: expected text, found bool True"),
        ("instance-id: a/b", "without a slash"),
        ("instance-id: ''", "without a slash"),
        ("instance-id: ..", "a directory's name"),
        (f"instance-id: {'a' * 256}", "of 255 bytes at most"),
        ("region: [eu]", "region: expected text, found a list"),
        ("availability-zone: {a: b}", "availability-zone: expected text, found a mapping"),
        ("a: 1\n2: b", "every key must be text"),
        ("a: &a [*a]", "nothing may contain itself"),
        ("[" * 10_000, "not valid YAML or JSON"),
        ("local-hostname: {a: b}", "local-hostname: expected text, found a mapping"),
        ("dsmode: soon", "dsmode: expected one of local, net, disabled, found 'soon'"),
        ("public-keys: {a: {b: c}}", "public-keys: expected SSH public keys"),
        ("a: [", "not valid YAML or JSON at line 1, column 5"),
        ("a: \x07", "not valid YAML or JSON"),
    ],
)
def test_bad_meta_data_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_meta_data(text)
    assert message in str(caught.value)
    assert caught.value.where == "cloud-init.meta-data"


def test_an_error_does_not_quote_the_document() -> None:
    with pytest.raises(DocumentError) as caught:
        parse_meta_data("password: hunter2\n  broken: [")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("word", ["!hunter2", "!hunter2'", "*hunter2", "!hunter2!x", "!$6$hunter2"])
def test_an_error_does_not_quote_a_password_that_means_something_to_yaml(word: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_meta_data(f"password: {word}")
    assert "hunter2" not in str(caught.value)
    assert "line 1, column 11" in str(caught.value)


def test_an_error_says_what_the_parser_met() -> None:
    with pytest.raises(DocumentError, match="expected ',' or '}', but got ':'"):
        parse_meta_data("a: {b: c\nd: e}")
    with pytest.raises(DocumentError, match="expected <block end>, but found '<scalar>'"):
        parse_meta_data("a: 'b' c")


def test_where_the_machine_is_may_be_a_number() -> None:
    assert parse_meta_data("region: 5") == {"region": "5"}


def test_network_config_of_version_1() -> None:
    config = {"version": 1, "config": [{"type": "physical", "name": "eth0"}]}
    text = "version: 1\nconfig: [{type: physical, name: eth0}]\n"
    assert parse_network_config(text) == config


def test_network_config_of_version_2_with_and_without_its_top_level_key() -> None:
    config = {"version": 2, "ethernets": {"eth0": {"dhcp4": True}}}
    assert parse_network_config("version: 2\nethernets: {eth0: {dhcp4: true}}") == config
    assert parse_network_config("network: {version: 2, ethernets: {eth0: {dhcp4: true}}}") == config


def test_network_config_may_switch_networking_off() -> None:
    assert parse_network_config("config: disabled") == {"config": "disabled"}
    assert parse_network_config("network: {config: disabled}") == {"config": "disabled"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 3", "found version 3"),
        ("ethernets: {}", "found version None"),
        ("eth0", "found text"),
        ("version: 1\nethernets: {}", "expected a list under `config`"),
        ("", "found nothing"),
    ],
)
def test_bad_network_config_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_network_config(text)
    assert message in str(caught.value)
    assert caught.value.where == "cloud-init.network-config"


def test_the_administrators_own_keys_are_private_however_they_are_compared() -> None:
    meta_data = {"instance-id": "i", "hyperv": {}, "Db-Password": "x", "role": "web"}
    assert private_paths(meta_data) == (
        "ds/meta_data/Db-Password",
        "ds/meta_data/db-password",
        "ds/meta_data/role",
    )


def test_what_cloud_init_cannot_redact_is_not_for_instance_data() -> None:
    good = {"instance-id": "i", "user-data": "x", "role": {"name": "web"}, "list": [{"a/b": 1}]}
    bad = {"example.com/role": "x", "ds": 1, "meta_data": 1, "deep": {"er": {"User-Data": "x"}}}
    assert redactable({**good, **bad}, ("user-data",)) == good
