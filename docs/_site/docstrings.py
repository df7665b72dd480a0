"""Reference pages from the Python package's docstrings, read from the sources: nothing is imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def package_page(folder: Path, name: str) -> str:
    """Markdown of one package: each module that has something public, with its functions, classes and methods."""
    parts = [f"# {name}"]
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(folder).with_suffix("")
        if any(part.startswith("_") and part != "__init__" for part in relative.parts) or relative.name.endswith("cli"):
            continue
        module = ast.parse(path.read_text(encoding="utf-8"))
        dotted = ".".join([name, *(part for part in relative.parts if part != "__init__")])
        told = [_described(each) for each in _public(module)]
        if told or _text(module):
            parts += filter(None, [f"## {dotted}", _text(module), *told])
    return "\n\n".join(parts) + "\n"


def _public(tree: ast.Module | ast.ClassDef) -> Iterator[_Definition]:
    for each in tree.body:
        if isinstance(each, _Definition) and not each.name.startswith("_"):
            yield each


def _described(each: _Definition) -> str:
    lines = [f"### {each.name}", f"```python\n{_signature(each)}\n```", _text(each)]
    if isinstance(each, ast.ClassDef):
        lines += [_field(line) for line in _fields(each)]
        lines += [_method(method) for method in _public(each) if ast.get_docstring(method)]
    return "\n\n".join(filter(None, lines))


def _signature(each: _Definition) -> str:
    if isinstance(each, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, [*each.bases, *(keyword.value for keyword in each.keywords)]))
        return f"class {each.name}({bases})" if bases else f"class {each.name}"
    returns = f" -> {ast.unparse(each.returns)}" if each.returns else ""
    begin = "async def" if isinstance(each, ast.AsyncFunctionDef) else "def"
    signature = f"{begin} {each.name}({ast.unparse(each.args)}){returns}"
    if len(signature) < 100:
        return signature
    arguments = ast.unparse(each.args).split(", ")
    return f"{begin} {each.name}(\n    {', '.join(arguments)}\n){returns}"


def _fields(each: ast.ClassDef) -> list[ast.AnnAssign]:
    return [
        line
        for line in each.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and not line.target.id.startswith("_")
    ]


def _field(line: ast.AnnAssign) -> str:
    return f"- `{ast.unparse(line.target)}: {ast.unparse(line.annotation)}`"


def _method(method: _Definition) -> str:
    signature = " ".join(_signature(method).removeprefix("def ").split())
    told = _text(method).replace("\n", "\n  ")
    return f"- `{signature}`\n\n  {told}"


def _text(each: ast.Module | _Definition) -> str:
    """A docstring. It is written as prose; drawings in it, indented or full of lines, are kept as they are."""
    text = ast.get_docstring(each) or ""
    return "\n\n".join(map(_paragraph, text.split("\n\n"))) if text else ""


def _paragraph(text: str) -> str:
    drawn = any(mark in text for mark in "│├└┌─▶") or text.startswith((" ", "|"))
    return f"```text\n{text}\n```" if drawn else text.replace("<", "\\<").replace("[", "\\[").replace("#", "\\#")
