"""Pool files: every trap that a reader meets, and what a writer leaves behind."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.errors import PoolFileError
from datasource_hyperv_kvp.kvp import (
    POOL_NUMBERS,
    RECORD_SIZE,
    Record,
    pool_path,
    read_pool_dir,
    read_pool_file,
    write_pool_files,
)
from datasource_hyperv_kvp.kvp.poolfile import as_pool, build_records, parse_records

ENCODABLE = st.characters(codec="utf-8", exclude_characters="\0")


def _texts(size: int, minimum: int = 0) -> st.SearchStrategy[str]:
    return st.text(ENCODABLE, min_size=minimum).filter(lambda text: len(text.encode()) <= size)


def _record(key: bytes, value: bytes) -> bytes:
    return key.ljust(512, b"\0") + value.ljust(2048, b"\0")


def test_records_come_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / ".kvp_pool_0"
    path.write_bytes(_record(b"b", b"1") + _record(b"a", b"2") + _record(b"b", b"3"))
    assert read_pool_file(path) == [Record("b", "1"), Record("a", "2"), Record("b", "3")]


def test_an_empty_file_is_an_empty_pool(tmp_path: Path) -> None:
    path = tmp_path / ".kvp_pool_0"
    path.touch()
    assert read_pool_file(str(path)) == []


def test_text_ends_at_the_first_nul_though_leftovers_follow() -> None:
    value = b"short" + b"\0" + b"x" * 894
    key = b"key\0\xde\xad\xbe\xef"
    assert parse_records(_record(key, value)) == [Record("key", "short")]


def test_fields_without_a_nul_are_read_to_their_end() -> None:
    assert parse_records(b"k" * 512 + b"v" * 2048) == [Record("k" * 512, "v" * 2048)]


def test_text_that_is_no_utf_8_is_kept_byte_by_byte(tmp_path: Path) -> None:
    content = _record(b"k\xff", b"\xc3(\x80")
    (record,) = parse_records(content)
    assert record == Record("k\udcff", "\udcc3(\udc80")
    assert build_records({record.key: record.value}) == content


@pytest.mark.parametrize("size", [1, 512, RECORD_SIZE - 1, RECORD_SIZE + 1])
def test_a_torn_length_is_an_error_that_says_so(tmp_path: Path, size: int) -> None:
    path = tmp_path / ".kvp_pool_0"
    path.write_bytes(bytes(size))
    with pytest.raises(PoolFileError) as caught:
        read_pool_file(path)
    assert str(path) in str(caught.value)
    assert f"found {size} bytes" in str(caught.value)


def test_a_missing_file_is_an_error_and_in_a_directory_an_empty_pool(tmp_path: Path) -> None:
    with pytest.raises(PoolFileError, match="No such file"):
        read_pool_file(tmp_path / ".kvp_pool_0")
    assert read_pool_dir(tmp_path) == {number: {} for number in POOL_NUMBERS}


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PoolFileError, match="no such directory"):
        read_pool_dir(tmp_path / "none")


def test_a_directory_in_the_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    pool_path(tmp_path, 0).mkdir()
    with pytest.raises(PoolFileError, match="Is a directory"):
        read_pool_dir(tmp_path)


def test_a_named_pipe_in_the_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(pool_path(tmp_path, 0))
    assert read_pool_dir(tmp_path)[0] == {}


def test_of_doubles_the_first_counts_and_a_record_without_a_key_does_not() -> None:
    records = [Record("a", "1"), Record("", "x"), Record("a", "2"), Record("b", "")]
    assert as_pool(records) == {"a": "1", "b": ""}


@given(
    st.dictionaries(
        st.sampled_from(POOL_NUMBERS),
        st.dictionaries(_texts(512, 1), _texts(2048), max_size=4),
    )
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, pools: dict[int, dict[str, str]]
) -> None:
    directory = tmp_path_factory.mktemp("pools")
    write_pool_files(directory, pools)
    found = read_pool_dir(directory)
    assert found == {number: pools.get(number, {}) for number in POOL_NUMBERS}
    assert [list(found[n]) for n in POOL_NUMBERS] == [list(pools.get(n, {})) for n in POOL_NUMBERS]


@given(st.lists(st.binary(min_size=RECORD_SIZE, max_size=RECORD_SIZE), max_size=3))
def test_any_whole_records_can_be_read_and_hold_no_nul(records: list[bytes]) -> None:
    found = parse_records(b"".join(records))
    assert len(found) == len(records)
    assert not any("\0" in record.key + record.value for record in found)


def test_every_pool_is_written_private_and_whole(tmp_path: Path) -> None:
    directory = tmp_path / "var/lib/hyperv"
    old_mask = os.umask(0)
    try:
        write_pool_files(directory, {0: {"key": "value"}})
    finally:
        os.umask(old_mask)
    files = sorted(directory.iterdir())
    assert files == [pool_path(directory, number) for number in POOL_NUMBERS]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert [file.stat().st_size for file in files] == [RECORD_SIZE, 0, 0, 0, 0]


def test_a_file_that_others_could_read_becomes_private(tmp_path: Path) -> None:
    pool_path(tmp_path, 0).touch(mode=0o644)
    write_pool_files(tmp_path, {0: {"key": "value"}})
    assert stat.S_IMODE(pool_path(tmp_path, 0).stat().st_mode) == 0o600


def test_a_file_is_replaced_not_rewritten(tmp_path: Path) -> None:
    write_pool_files(tmp_path, {0: {"key": "old"}})
    with pool_path(tmp_path, 0).open("rb") as reader:
        write_pool_files(tmp_path, {0: {"key": "new"}})
        assert parse_records(reader.read()) == [Record("key", "old")]


def test_what_an_interrupted_writer_left_is_no_hindrance(tmp_path: Path) -> None:
    left = tmp_path / f".kvp_pool_0.{os.getpid()}.new"
    left.write_bytes(b"half")
    write_pool_files(tmp_path, {0: {"key": "value"}})
    assert not left.exists()
    assert read_pool_dir(tmp_path)[0] == {"key": "value"}


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ({"k" * 513: ""}, "the key has 513 bytes, the field of a pool file 512"),
        ({"k": "v" * 2049}, "the value has 2049 bytes"),
        ({"k": "ü" * 1025}, "the value has 2050 bytes"),
        ({"k": "a\0b"}, "the value holds a NUL"),
        ({"k\0": ""}, "the key holds a NUL"),
        ({"": "v"}, "a key must not be empty"),
        ({"k": "\ud800"}, "the value is not Unicode text"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    tmp_path: Path, pool: dict[str, str], words: str
) -> None:
    write_pool_files(tmp_path, {0: {"key": "value"}})
    with pytest.raises(PoolFileError, match=words):
        write_pool_files(tmp_path, {0: {"other": "value"}, 3: pool})
    assert read_pool_dir(tmp_path)[0] == {"key": "value"}


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PoolFileError, match="cannot be written: Not a directory"):
        write_pool_files(tmp_path / "file" / "pools", {})


def test_pool_files_can_be_read_and_written_where_there_are_no_posix_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    write_pool_files(tmp_path, {0: {"key": "value"}})
    assert read_pool_dir(tmp_path)[0] == {"key": "value"}


def test_values_stay_out_of_what_is_logged() -> None:
    assert "secret" not in repr(Record("key", "secret"))
