"""User-data as MIME: every character arrives, and merging does what the documentation says."""

from __future__ import annotations

import email
from email.message import Message

from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp import mime
from datasource_hyperv_kvp.faults import Fault


def leaves(text: str | None) -> list[Message]:
    """The parts as cloud-init walks over them: containers skipped."""
    assert text is not None
    message = email.message_from_string(text)
    return [part for part in message.walk() if not part.is_multipart()]


def text_of(part: Message) -> str:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def test_nothing_to_say_is_no_user_data() -> None:
    assert mime.compose(None) is None
    assert mime.compose("") is None


def test_a_single_document_becomes_mime_too() -> None:
    composed = mime.compose("#cloud-config\n{}\n")
    assert composed is not None
    assert composed.startswith("Content-Type: multipart/mixed")
    assert mime.is_mime(composed)


def test_the_type_of_the_users_part_is_left_to_cloud_init() -> None:
    (part,) = leaves(mime.compose("#!/bin/sh\n"))
    assert part.get_content_type() == "text/x-not-multipart"


def test_readable_text_stays_readable() -> None:
    assert "\nhostname: web-1\n" in str(mime.compose("#cloud-config\nhostname: web-1\n"))


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_character_of_user_data_arrives(text: str) -> None:
    composed = mime.compose("#!" + text)
    (part,) = leaves(composed)
    assert text_of(part) == "#!" + text


@given(st.text(alphabet="From a\r\n-=é:", min_size=1))
def test_line_ends_and_mail_markers_survive(text: str) -> None:
    (part,) = leaves(mime.compose("#" + text))
    assert text_of(part) == "#" + text


def test_text_that_holds_the_boundary_survives() -> None:
    boundary = str(mime.compose("#")).split('boundary="')[1].split('"')[0]
    text = f"#!/bin/sh\n--{boundary}--\necho still here\n"
    (part,) = leaves(mime.compose(text))
    assert text_of(part) == text


def test_a_message_of_the_users_goes_in_whole() -> None:
    message = (
        'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
        "--b\nContent-Type: text/cloud-config\nMerge-Type: str()\n\n#cloud-config\na: 1\n"
        "--b\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n"
        "--b--\n"
    )
    config, script, ours = leaves(mime.compose(message, "#cloud-config\n{}\n"))
    assert (config["Merge-Type"], text_of(config)) == ("str()", "#cloud-config\na: 1")
    assert script.get_content_type() == "text/x-shellscript"
    assert ours.get_filename() == "ignition.config"


def test_an_8bit_part_of_the_users_is_not_lost() -> None:
    message = "MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho Grüße\n"
    (part,) = leaves(mime.compose(message))
    assert text_of(part) == "#!/bin/sh\necho Grüße\n"


def test_a_cloud_config_that_writes_a_mail_is_not_mime() -> None:
    assert not mime.is_mime("#cloud-config\nwrite_files:\n- content: 'MIME-Version: 1.0'\n")


def test_ignition_comes_last_and_yields_to_the_user() -> None:
    user, ignition = leaves(mime.compose("#cloud-config\n{}\n", "#cloud-config\nusers: []\n"))
    assert user["Merge-Type"] is None
    assert ignition["Merge-Type"] == "list(prepend)+dict(no_replace,recurse_list)+str()"


def test_user_data_that_waits_for_the_network_is_not_empty() -> None:
    (part,) = leaves(mime.compose(None, more_to_come=True))
    assert text_of(part).startswith("#cloud-config\n")
    assert len(leaves(mime.compose("#!/bin/sh\n", more_to_come=True))) == 1


def test_host_keys_are_kept_when_a_machine_is_provisioned_once_more() -> None:
    keep, user = leaves(mime.compose("#cloud-config\n{}\n", keep_host_keys=True))
    assert "ssh_deletekeys: false" in text_of(keep)
    assert "ssh_deletekeys" not in text_of(user)


def test_a_fault_is_a_script_named_for_it() -> None:
    fault = Fault("cloud-init.user-data damaged", "chunk 3 of 7 is missing; set it again")
    (part,) = leaves(mime.compose(None, None, [fault], instance_id="i-1"))
    assert part.get_content_type() == "text/x-shellscript-per-boot"
    assert part.get_filename() == "HyperVKVP-cloud-init.user-data-damaged"
    assert text_of(part) == fault.script_of_instance("i-1")
