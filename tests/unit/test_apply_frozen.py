"""The light frozen dataclasses do what those of the standard library do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any, ClassVar

import pytest

from datasource_hyperv_kvp.apply import frozen


@frozen.dataclass(frozen=True)
class Place:
    KIND: ClassVar[str] = "place"
    path: str
    mode: int | None = frozen.field(default=None, metadata={"unit": "octal"})


@frozen.dataclass(frozen=True, repr=False)
class Secret(Place):
    words: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Model:
    """What the standard library makes of the same fields."""

    path: str
    mode: int | None = None
    words: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("positional", "named"),
    [
        (("/a",), {}),
        (("/a", 1), {}),
        (("/a",), {"words": ("x",)}),
        ((), {"words": ("x",), "path": "/a", "mode": 0o644}),
        ((), {}),
        ((), {"mode": 1}),
        (("/a", 1, (), 4), {}),
        (("/a",), {"path": "/b"}),
        (("/a",), {"colour": "red"}),
    ],
)
def test_it_is_made_of_the_same_arguments(
    positional: tuple[Any, ...], named: dict[str, Any]
) -> None:
    try:
        expected = vars(Model(*positional, **named))
    except TypeError:
        with pytest.raises(TypeError):
            Secret(*positional, **named)
    else:
        assert list(vars(Secret(*positional, **named)).items()) == list(expected.items())


def test_equal_are_those_of_one_class_with_equal_fields() -> None:
    assert Secret("/a") == Secret("/a", None, ())
    assert hash(Secret("/a")) == hash(Secret("/a", None, ()))
    assert Secret("/a") != Secret("/b")
    assert Secret("/a") != Place("/a")


def test_nothing_changes() -> None:
    place = Place("/a")
    with pytest.raises(AttributeError, match="frozen"):
        place.path = "/b"  # type: ignore[misc]  # what the test is about
    with pytest.raises(AttributeError, match="frozen"):
        del place.path
    assert place == Place("/a")


def test_a_changed_copy_keeps_the_rest() -> None:
    secret = Secret("/a", 0o600, ("x",))
    assert frozen.replace(secret, path="/b") == Secret("/b", 0o600, ("x",))
    assert secret.path == "/a"
    unknown: dict[str, Any] = {"colour": "red"}
    with pytest.raises(TypeError):
        frozen.replace(secret, **unknown)


def test_it_shows_its_fields_only_if_it_may() -> None:
    assert repr(Place("/a")) == "Place(path='/a', mode=None)"
    assert "hunter2" not in repr(frozen.replace(Hidden(), password="hunter2"))


@frozen.dataclass(frozen=True, repr=False)
class Hidden:
    password: str = ""


def test_fields_know_their_names_defaults_and_metadata() -> None:
    path, mode, words = frozen.fields(Secret)
    assert (path.name, path.default) == ("path", frozen.MISSING)
    assert (mode.name, mode.default) == ("mode", None)
    assert mode.metadata == {"unit": "octal"}
    assert (words.name, words.default) == ("words", ())
    assert [field.name for field in frozen.fields(Place("/a"))] == ["path", "mode"]


def test_what_is_one_is_told_apart() -> None:
    assert frozen.is_dataclass(Place("/a"))
    assert not frozen.is_dataclass("/a")


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))]
)
def test_copies_are_equal(copied: Any) -> None:
    assert copied(Secret("/a", 1, ("x",))) == Secret("/a", 1, ("x",))
