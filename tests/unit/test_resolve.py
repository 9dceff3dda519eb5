"""merge and replace: order, settings on the way, bounds, errors; with configs from real servers."""

from __future__ import annotations

import gzip
import hashlib
import json
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from datasource_hyperv_kvp.errors import ConfigError, NeedsNetworkError
from datasource_hyperv_kvp.ignition import parse
from datasource_hyperv_kvp.ignition.config import Config, Resource, Timeouts
from datasource_hyperv_kvp.ignition.resolve import resolve, stage
from datasource_hyperv_kvp.ignition.resources import Fetcher, Limits
from tests.servers import web
from tests.unit.test_fetch_tls import https

PATIENT = Limits(answer=30, headers=30, first_pause=0.01, reserve=1 << 20)


def text(ignition: dict[str, Any] | None = None, **parts: Any) -> bytes:
    return json.dumps({"ignition": {"version": "3.4.0", **(ignition or {})}, **parts}).encode()


def config(ignition: dict[str, Any] | None = None, **parts: Any) -> Config:
    result = parse(text(ignition, **parts))
    assert result.config is not None, result.errors
    return result.config


def merging(*sources: str, **parts: Any) -> Config:
    return config({"config": {"merge": [{"source": source} for source in sources]}}, **parts)


def with_user(name: str, *sources: str) -> bytes:
    references = {"config": {"merge": [{"source": source} for source in sources]}}
    return text(references, passwd={"users": [{"name": name}]})


def embedded(document: bytes) -> str:
    return "data:," + quote(document, safe="")


def users(resolved: Config) -> list[str]:
    return [user.name for user in resolved.passwd.users]


def offline(document: Config) -> Config:
    return resolve(document, Fetcher(offline=True))


def refusal(document: Config, fetcher: Fetcher | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        resolve(document, fetcher or Fetcher(limits=PATIENT))
    return caught.value


def test_a_config_without_references_stays_as_it_is() -> None:
    plain = config(passwd={"users": [{"name": "a"}]})
    assert offline(plain) == plain


def test_children_are_merged_in_their_order_depth_first() -> None:
    deep = embedded(with_user("deep"))
    first = embedded(with_user("first", deep))
    second = embedded(with_user("second"))
    top = merging(first, second, passwd={"users": [{"name": "top"}]})
    assert users(offline(top)) == ["top", "first", "deep", "second"]


def test_the_result_has_no_reference_left() -> None:
    resolved = offline(merging(embedded(with_user("a", embedded(with_user("b"))))))
    assert resolved.ignition.merge == ()
    assert resolved.ignition.replace == Resource()


def test_replace_takes_the_whole_place() -> None:
    final = embedded(with_user("final", embedded(with_user("merged"))))
    middle = embedded(text({"config": {"replace": {"source": final}}}))
    replaced = {"config": {"replace": {"source": middle}}}
    assert users(offline(config(replaced, passwd={"users": [{"name": "lost"}]}))) == [
        "final",
        "merged",
    ]


def test_a_child_of_an_older_specification_is_translated() -> None:
    old = b'{"ignition": {"version": "3.0.0"}, "passwd": {"users": [{"name": "old"}]}}'
    assert users(offline(merging(embedded(old)))) == ["old"]


def test_a_child_may_be_compressed_and_is_verified() -> None:
    child = with_user("child")
    packed = "data:," + "".join(f"%{byte:02x}" for byte in gzip.compress(child))
    digest = "sha256-" + hashlib.sha256(child).hexdigest()
    reference = {"source": packed, "compression": "gzip", "verification": {"hash": digest}}
    assert users(offline(config({"config": {"merge": [reference]}}))) == ["child"]
    reference["verification"] = {"hash": "sha256-" + "0" * 64}
    error = refusal(config({"config": {"merge": [reference]}}))
    assert "the content's hash is sha256-" in str(error)


def test_configs_come_over_the_network() -> None:
    with web.web_server() as server:
        server.routes["/a"] = web.answer(200, with_user("a", f"{server.url}/b"))
        server.routes["/b"] = web.in_turn(web.answer(503), web.answer(200, with_user("b")))
        resolved = resolve(merging(f"{server.url}/a"), Fetcher(limits=PATIENT))
        assert users(resolved) == ["a", "b"]


def test_offline_what_needs_the_network_says_so() -> None:
    nested = embedded(with_user("a", "http://a.test/b"))
    with pytest.raises(NeedsNetworkError, match="the network is needed") as error:
        offline(merging(nested))
    assert error.value.where == (
        "the config of $.ignition.config.merge.0: $.ignition.config.merge.0.source"
    )


def test_a_childs_settings_count_for_what_it_refers_to(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    authority = trustme.CA()
    pem = authority.cert_pem.bytes().decode()
    with https(authority) as server, web.web_server() as plain:
        server.routes["/inner"] = web.answer(200, with_user("inner"))
        security = {"tls": {"certificateAuthorities": [{"source": f"{plain.url}/ca"}]}}
        references = {"merge": [{"source": f"{server.url}/inner"}]}
        plain.routes["/ca"] = web.answer(200, pem.encode())
        plain.routes["/child"] = web.answer(200, text({"security": security, "config": references}))
        resolved = resolve(merging(f"{plain.url}/child"), Fetcher(limits=PATIENT))
        assert users(resolved) == ["inner"]


def test_replacing_keeps_the_authorities_loaded_before() -> None:
    authority = trustme.CA()
    security = {
        "tls": {"certificateAuthorities": [{"source": embedded(authority.cert_pem.bytes())}]}
    }
    with https(authority) as server:
        server.routes["/inner"] = web.answer(200, with_user("inner"))
        middle = embedded(text({"config": {"replace": {"source": f"{server.url}/inner"}}}))
        top = config({"security": security, "config": {"replace": {"source": middle}}})
        assert users(resolve(top, Fetcher(limits=PATIENT))) == ["inner"]


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_results_timeouts_count_for_the_files(tmp_path: Path, depth: int) -> None:
    """Set by the deepest config, or by the first one, after deeper ones have had theirs."""
    timeouts = {"timeouts": {"httpTotal": 1}}
    with web.web_server({"/a": web.drip_in_body(1000, 0.05)}) as server:
        files = [{"path": "/a", "contents": {"source": f"{server.url}/a"}}]
        child = text(timeouts if depth == 1 else {})
        for _ in range(depth - 1):
            child = with_user("a", embedded(child))
        section: dict[str, Any] = {} if depth == 1 else dict(timeouts)
        if depth:
            section["config"] = {"merge": [{"source": embedded(child)}]}
        fetcher = Fetcher(limits=PATIENT)
        resolved = resolve(config(section, storage={"files": files}), fetcher)
        assert resolved.ignition.timeouts == Timeouts(http_total=1)
        with pytest.raises(ConfigError, match="httpTotal is 1 s"):
            stage(resolved, fetcher, tmp_path)


@pytest.mark.parametrize("answered", [web.answer(204), web.answer(200, b"")])
def test_an_empty_document_is_refused(answered: web.Action) -> None:
    with web.web_server({"/a": answered}) as server:
        error = refusal(merging(f"{server.url}/a"))
        assert error.message == f"{server.url}/a is empty"
        assert error.where == "$.ignition.config.merge.0.source"


def test_findings_of_a_child_are_named_with_its_url() -> None:
    bad = b'{"ignition": {"version": "3.4.0"}, "storage": {"files": [{"path": "a"}, {}]}}'
    with web.web_server({"/a": web.answer(200, bad)}) as server:
        error = refusal(merging(f"{server.url}/a?token=secret"))
        assert error.where == f"{server.url}/a?…"
        assert "$.storage.files.0.path" in error.message
        assert "$.storage.files.1.path" in error.message
        assert "line 1" in error.message


def test_what_fails_in_a_child_is_named_with_the_childs_url() -> None:
    with web.web_server() as server:
        server.routes["/a"] = web.answer(200, with_user("a", f"{server.url}/gone"))
        error = refusal(merging(f"{server.url}/a"))
        assert error.where == f"{server.url}/a: $.ignition.config.merge.0.source"
        assert f"cannot fetch {server.url}/gone: the server answered 404" in error.message


def test_warnings_of_a_child_are_told() -> None:
    told: list[str] = []
    resolve(merging(embedded(text(unknown=1))), Fetcher(offline=True, log=told.append))
    assert len(told) == 1
    assert told[0].startswith("the config of $.ignition.config.merge.0: $.unknown")


def test_what_is_valid_alone_but_not_merged_is_refused() -> None:
    child = text(storage={"files": [{"path": "/a", "user": {"name": "root"}}]})
    top = merging(embedded(child), storage={"files": [{"path": "/a", "user": {"id": 0}}]})
    error = refusal(top)
    assert "not merged" in error.message
    assert "$.storage.files.0.user" in error.message


def test_a_circle_is_refused() -> None:
    with web.web_server() as server:
        server.routes["/a"] = web.answer(200, with_user("a", f"{server.url}/b"))
        server.routes["/b"] = web.answer(200, with_user("b", f"{server.url}/a"))
        error = refusal(merging(f"{server.url}/a"))
        assert "refers to itself" in error.message
        assert error.where == f"{server.url}/b: $.ignition.config.merge.0.source"


def test_one_config_may_be_referred_to_by_two_others() -> None:
    with web.web_server({"/common": web.answer(200, with_user("common"))}) as server:
        for name in ("a", "b"):
            child = with_user(name, f"{server.url}/common")
            server.routes[f"/{name}"] = web.answer(200, child)
        top = merging(f"{server.url}/a", f"{server.url}/b")
        assert users(resolve(top, Fetcher(limits=PATIENT))) == ["a", "common", "b"]


def test_references_that_never_end_are_refused() -> None:
    count = 0

    def one_more(handler: web.Handler) -> None:
        nonlocal count
        count += 1
        web.answer(200, with_user("a", f"{handler.web.url}/a?{count}"))(handler)

    with web.web_server({"/a": one_more}) as server:
        error = refusal(merging(f"{server.url}/a"))
    assert "too many references" in error.message
    assert count == 32


def test_references_that_branch_without_end_are_refused() -> None:
    count = 0

    def two_more(handler: web.Handler) -> None:
        nonlocal count
        count += 1
        here = f"{handler.web.url}/a?{count}"
        depth = handler.path.count("d")
        more = [f"{here}{'d' * (depth + 1)}{side}" for side in "xy"] if depth < 20 else []
        web.answer(200, with_user("a", *more))(handler)

    with web.web_server({"/a": two_more}) as server:
        assert "too many references" in refusal(merging(f"{server.url}/a")).message


def test_staging_brings_every_content_that_is_not_embedded(tmp_path: Path) -> None:
    routes = {f"/{name}": web.answer(200, name.encode()) for name in ("a", "b", "c")}
    with web.web_server(routes) as server:
        files = [
            {"path": "/x", "contents": {"source": f"{server.url}/a"}},
            {"path": "/y", "contents": {"source": "data:,d"}},
            {"path": "/z", "append": [{"source": f"{server.url}/{n}"} for n in "bc"]},
            {"path": "/w", "contents": {"source": f"{server.url}/a"}},
            {"path": "/v"},
        ]
        document = config(storage={"files": files})
        directory = tmp_path / "new" / "staged"
        staged = stage(document, Fetcher(limits=PATIENT), directory)
        assert {resource.source: Path(path).read_text() for resource, path in staged.items()} == {
            f"{server.url}/{name}": name for name in "abc"
        }
        assert sorted(server.paths()) == ["/a", "/b", "/c"]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


def test_what_a_mended_config_fetches_is_not_taken_for_what_was_fetched_before(
    tmp_path: Path,
) -> None:
    with web.web_server({f"/{name}": web.answer(200, name.encode()) for name in "ab"}) as server:
        paths = []
        for name in "aba":
            files = [{"path": "/x", "contents": {"source": f"{server.url}/{name}"}}]
            document = config(storage={"files": files})
            (path,) = stage(document, Fetcher(limits=PATIENT), tmp_path / "staged").values()
            assert [Path(path).read_text()] == [
                each.read_text() for each in Path(path).parent.iterdir()
            ]
            paths.append(path)
    assert paths[0] == paths[2] != paths[1]


def test_the_error_of_a_file_names_its_path(tmp_path: Path) -> None:
    with web.web_server() as server:
        files = [{"path": "/x"}, {"path": "/y", "append": [{"source": f"{server.url}/gone"}]}]
        with pytest.raises(ConfigError) as caught:
            stage(config(storage={"files": files}), Fetcher(limits=PATIENT), tmp_path)
    assert caught.value.where == "$.storage.files.1.append.0.source (/y)"


def test_nothing_to_stage_makes_no_directory(tmp_path: Path) -> None:
    assert stage(config(), Fetcher(offline=True), tmp_path / "staged") == {}
    assert not (tmp_path / "staged").exists()
