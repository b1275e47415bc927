"""Options by name, as a command line or a control request gives them: the fields of a frozen dataclass.

A field is a Literal, a bool, a text, a number that isn't negative, or a list of texts (with commas between them). One
whose metadata says {"secret": True} isn't shown.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Part = TypeVar("Part", bound=DataclassInstance)

SECRET = {"secret": True}


def names(kind: type[DataclassInstance]) -> list[str]:
    """The names of the options of a dataclass."""
    return [field.name for field in dataclasses.fields(kind)]


def choices(kind: type[DataclassInstance], name: str) -> tuple[Any, ...]:
    """The values that the option `name` may have, () where they can't be listed; KeyError if there is no such one."""
    hint = get_type_hints(kind)[name]
    if hint is bool:
        return (False, True)
    return get_args(hint) if get_origin(hint) is Literal else ()


def parse(kind: type[DataclassInstance], name: str, value: object) -> Any:
    """The value of the option `name` that `value` (itself, or its text) stands for; ValueError if there is none."""
    if name not in names(kind):
        raise ValueError(f"no option {name!r}; there are {', '.join(names(kind))}")
    allowed = choices(kind, name)
    if allowed:
        return _chosen(name, value, allowed)
    hint = get_type_hints(kind)[name]
    if hint is float:
        return _duration(name, value)
    if get_origin(hint) is tuple:
        return _texts(name, value)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is a text, not {value!r}")
    return value


def changed(part: Part, settings: Mapping[str, object]) -> Part:
    """The options with `settings` applied; ValueError names what can't be."""
    return dataclasses.replace(part, **{name: parse(type(part), name, value) for name, value in settings.items()})


def shown(part: DataclassInstance) -> dict[str, Any]:
    """The options by name, as a control request tells them."""
    secret = {field.name for field in dataclasses.fields(part) if field.metadata.get("secret")}
    return {name: "***" if name in secret else value for name, value in dataclasses.asdict(part).items()}


def _chosen(name: str, value: object, allowed: tuple[Any, ...]) -> Any:
    for choice in allowed:
        if str(choice).lower() == str(value).lower():
            return choice
    raise ValueError(f"{name} is one of {', '.join(str(choice).lower() for choice in allowed)}, not {value!r}")


def _duration(name: str, value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        raise ValueError(f"{name} is a number, not {value!r}") from None
    if not 0 <= number < 1e9:
        raise ValueError(f"{name} is not negative and below 1e9, not {value!r}")
    return number


def _texts(name: str, value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{name} is a list of texts, not {value!r}")
    return tuple(part.strip() for part in parts if part.strip())
