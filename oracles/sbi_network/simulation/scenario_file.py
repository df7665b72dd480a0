"""Scenario files: YAML that `extends` another, and changes to single figures from the command line.

A mapping that extends another is laid over it key by key; a list replaces a list. Duplicate keys, YAML tags and
aliases, files that extend each other in a circle and files beyond a megabyte are refused.
"""

from __future__ import annotations

import stat
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from sbi_network.simulation.errors import ScenarioError
from sbi_network.simulation.scenario import Figure, Scenario

_MOST_BYTES = 1_000_000
_MOST_STEPS = 8
_MOST_LEVELS = 20


def load_scenario(path: Path, changes: Sequence[str] = ()) -> Scenario:
    """Read a scenario, with changes such as `policy.release=5 %`. Raises ScenarioError, with every fault's path."""
    return scenario_of(_laid_over(path, ()), str(path), changes)


def scenario_of(given: Any, name: str, changes: Sequence[str] = ()) -> Scenario:
    """The scenario in what a file held; `name` is for faults. Raises ScenarioError."""
    if not isinstance(given, dict):
        raise ScenarioError([f"{name}: expected a mapping of a scenario's keys"])
    try:
        scenario = Scenario.model_validate(given)
    except ValidationError as error:
        raise ScenarioError(_faults(name, error)) from None
    return changed(scenario, changes, name) if changes else scenario


def changed(scenario: Scenario, changes: Sequence[str], name: str) -> Scenario:
    """The scenario with figures changed, each by `path=value with unit`. They are certain then: their bands go.

    Raises ScenarioError.
    """
    figures = scenario.figures()
    values, faults = {}, []
    for change in changes:
        path, equals, text = change.partition("=")
        figure = figures.get(path.strip())
        if not equals or figure is None:
            faults.append(f"{name}: {path.strip()}: is no figure of the scenario{_like(path.strip(), figures)}")
            continue
        try:
            values[path.strip()] = figure.parse(text.strip())
        except ValueError as error:
            faults.append(f"{name}: {path.strip()}: {error}")
    if faults:
        raise ScenarioError(faults)
    try:
        # Written out and read again: what holds between figures must hold of the changed ones too.
        return Scenario.model_validate(scenario.with_values(values).as_given())
    except ValidationError as error:
        raise ScenarioError(_faults(name, error)) from None


def _like(path: str, figures: dict[str, Figure]) -> str:
    near = [known for known in figures if known.split(".")[-1] == path.split(".")[-1]]
    return f" (there is {', '.join(near[:4])})" if near else ""


class _Loader(yaml.SafeLoader):
    """Plain YAML without tags, in which a key that stands twice is a fault. No aliases either: a dozen lines that merge
    each other make gigabytes. And no deep nesting, which takes this reader the square of its depth."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "an alias: write out what it stands for", mark)
        if self._depth >= _MOST_LEVELS:
            raise yaml.composer.ComposerError(None, None, f"nested more than {_MOST_LEVELS} levels deep", mark)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is not plain text", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict[str, Any]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ScenarioError([f"{path}: is not a plain file"])
        if status.st_size > _MOST_BYTES:
            raise ScenarioError([f"{path}: expected at most {_MOST_BYTES} bytes"])
        given = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 (it is a SafeLoader)
    except OSError as error:
        raise ScenarioError([f"{path}: cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise ScenarioError([f"{path}: is not UTF-8 text"]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:  # a ValueError: the 99th of a month
        raise ScenarioError([f"{path}: is not YAML: {' '.join(str(error).split())}"]) from None
    if not isinstance(given, dict):
        raise ScenarioError([f"{path}: expected a mapping of a scenario's keys"])
    return given


def _laid_over(path: Path, before: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in before or len(before) >= _MOST_STEPS:
        raise ScenarioError([f"{path}: extends itself, or more than {_MOST_STEPS} others"])
    given = _read(path)
    base = given.pop("extends", None)
    if base is None:
        return given
    if not isinstance(base, str) or "\0" in base:
        raise ScenarioError([f"{path}: extends: expected the name of a file"])
    return _merged(_laid_over(path.parent / base, (*before, path.resolve())), given)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _faults(name: str, error: ValidationError) -> list[str]:
    known = {"extra_forbidden": "unknown key", "missing": "is missing"}
    return [
        f"{name}: {'.'.join(str(part) for part in fault['loc']) or 'the scenario'}: "
        f"{known.get(fault['type'], fault['msg'].removeprefix('Value error, '))}"
        for fault in error.errors(include_url=False, include_context=False)
    ]
