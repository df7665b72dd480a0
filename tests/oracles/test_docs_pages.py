"""README.md and docs/: what can be said of them without doing what they say (`make test-docs` does that).

blocks      ├── each says its language; every block of commands is run by a reader or tagged, and there is no third kind
            └── `text` has no commands in it, and nothing is indented that should be fenced
commands    └── `sbi …`, `ape run …`, `make …`, in blocks and in the text: the command and its options exist
links       └── each leads to something, also to the heading that it names
reference   └── what an ABI has of an interface is on its page; every module is on its package's
site        └── what loads from elsewhere is found
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from docs._site.commands import paths
from docs._site.docstrings import package_page
from docs._site.natspec import interface_page
from docs._site.requests import requests_of, requests_of_page
from docs._site.staging import PROJECT_PAGES, listed, relinked
from typer.main import get_command

from sbi_network.cli import app
from sbi_network.protocol.abi import load_abi
from tests.docs.blocks import (
    ROOT,
    TAGS,
    Block,
    blocks_of,
    code_spans,
    commands,
    indented_code,
    is_daemon,
    pages,
    prose_of,
)
from tests.docs.readers import ELSEWHERE, JOURNEYS
from tests.docs.terminal import PageError
from tests.docs.test_pages import require_shown

PAGES = pages()
BLOCKS = [block for page in PAGES for block in blocks_of(page)]
LANGUAGES = {"sh", "text", "toml", "yaml", "json", "python", "js", "solidity", "calc"}
WORDS = {*TAGS, "output", "console", "accounting", "reading"}
"""Those of the meters' page, which has its own test, are the last two."""

_COMMAND = re.compile(
    r"^(?:\$ )?(?:sbi(?! \w+: )|ape|make|pip|cast|anvil|curl|docker|source|mkdir|cd) \S", re.MULTILINE
)


def test_blocks__every_fence__says_its_language_and_nothing_unknown() -> None:
    for block in BLOCKS:
        assert block.language in LANGUAGES, f"{block}: a block must say its language, this one says {block.info!r}"
        unknown = [word for word in block.words if word not in WORDS and "." not in word]
        assert not unknown, f"{block}: unknown: {unknown}"


def test_blocks__commands__are_run_or_tagged_and_there_is_no_third_kind() -> None:
    read = {page for journey in JOURNEYS.values() for page in journey}
    for block in BLOCKS:
        if block.is_commands and block.tag is None:
            assert block.page in read, f"{block}: nobody runs this page: see tests/docs/readers.py"
        elif not block.is_commands:
            assert block.tag is None, f"{block}: only commands are tagged"
            hidden = block.language == "text" and not block.is_output and _COMMAND.search(block.text)
            assert not hidden, f"{block}: commands are `sh`"
    assert read <= set(PAGES), "a reader's page is gone"


@pytest.mark.parametrize("page", PAGES)
def test_blocks__indented__has_no_commands(page: str) -> None:
    assert not [code for code in indented_code(page) if _COMMAND.search(code.replace("    ", ""))]


def test_blocks__output__follows_commands() -> None:
    for page in PAGES:
        found = blocks_of(page)
        for before, block in zip([None, *found], found, strict=False):
            if block.is_output:
                assert before is not None, str(block)
                assert (before.is_commands and before.tag is None) or before.is_typed or before.is_output, str(block)


def test_elsewhere__each_command__is_in_a_page_and_where_it_is_said_to_be_run() -> None:
    given = {
        command.split("  #")[0].strip() for block in BLOCKS if block.is_commands for command in commands(block.text)
    }
    for command, place in ELSEWHERE.items():
        assert command in given, command
        assert command in (ROOT / place).read_text(encoding="utf-8"), f"{place} does not run `{command}`"


@cache
def invocations(program: str) -> list[tuple[str, list[str]]]:
    """Where a page names this program with a subcommand, and the words after it, as they are written."""
    told = [(str(block), command) for block in BLOCKS if block.is_commands for command in commands(block.text)]
    told += [(page, span) for page in PAGES for span in code_spans(page)]
    found = []
    for where, text in told:
        joined = re.sub(r"\\\n\s*", " ", text)
        for match in re.finditer(rf"(?:^|[\s(;&|]|bin/){program} ([^\n;&|>)`]+)", joined):
            try:
                words = shlex.split(match[1], comments=True)
            except ValueError:
                words = match[1].split()
            if words and re.fullmatch(r"[a-z][a-z_-]*", words[0]):
                found.append((where, words))
    return found


def options_of(words: list[str]) -> list[str]:
    return [word.split("=")[0] for word in words if re.match(r"--?[A-Za-z]", word)]


def test_commands__sbi__exist_with_their_options() -> None:
    assert len(invocations("sbi")) > 60
    for where, words in invocations("sbi"):
        command: Any = get_command(app)
        rest = list(words)
        while hasattr(command, "list_commands") and rest and not rest[0].startswith("-"):
            found = command.get_command(command.context_class(command), rest[0])
            assert found is not None, f"{where}: there is no `sbi {' '.join(words)}`"
            command, rest = found, rest[1:]
        known = {option for each in command.params for option in each.opts + each.secondary_opts} | {"--help"}
        unknown = [option for option in options_of(rest) if option not in known]
        assert not unknown, f"{where}: `sbi {' '.join(words)}` has no {unknown}"


_SCRIPTS = """
import importlib, json, pathlib
from ape.cli import ConnectedProviderCommand
found = {}
for path in pathlib.Path("scripts").glob("[a-z]*.py"):
    command = importlib.import_module(f"scripts.{path.stem}").cli
    found[path.stem] = sorted(o for each in command.params for o in each.opts + each.secondary_opts)
    found[path.stem] += ["--network"] if isinstance(command, ConnectedProviderCommand) else []
print(json.dumps(found))
"""


def test_commands__ape_run__exist_with_their_options() -> None:
    known = json.loads(
        subprocess.run([sys.executable, "-c", _SCRIPTS], capture_output=True, check=True, cwd=ROOT).stdout
    )
    named = [(where, words[1:]) for where, words in invocations("ape") if words[0] == "run"]
    assert len(named) > 5
    for where, words in named:
        assert words[0] in known, f"{where}: there is no script {words[0]!r}"
        unknown = [option for option in options_of(words[1:]) if option not in {*known[words[0]], "--help"}]
        assert not unknown, f"{where}: `ape run {words[0]}` has no {unknown}"


def test_commands__make__are_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for where, words in invocations("make"):
        assert words[0] in targets, f"{where}: there is no `make {words[0]}`"


def slug(heading: str) -> str:
    """The name by which a heading is linked to, as forges and the site give it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


@cache
def headings(path: Path) -> set[str]:
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", sorted({*PAGES, *PROJECT_PAGES}))
def test_links__each__leads_somewhere(page: str) -> None:
    source = ROOT / page

    def check(target: str) -> str:
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            found = (source.parent / path).resolve() if path else source
            assert found.exists(), f"{page}: a link to {target}, where nothing is"
            assert found.is_relative_to(ROOT), f"{page}: a link to {target}, which is not the project's"
            assert not anchor or anchor in headings(found), f"{page}: a link to {target}, where no such heading is"
        return target

    relinked(source.read_text(encoding="utf-8"), check)


def test_index__every_page__is_listed() -> None:
    reached, to_read = set[Path](), [ROOT / "docs" / "index.md"]
    while to_read:
        page = to_read.pop()
        reached.add(page)
        if page.name == "index.md":
            for names in listed(page.read_text(encoding="utf-8")).values():
                to_read += [each for name in names if (each := (page.parent / name).resolve()) not in reached]
    assert {str(page.relative_to(ROOT)) for page in reached} == {page for page in PAGES if page.startswith("docs/")}


INTERFACES = sorted((ROOT / "contracts" / "interfaces").glob("I*.sol"))


def test_reference__whatever_an_interface_declares__is_on_a_page_if_the_abi_has_it() -> None:
    told = "".join(interface_page(path) for path in INTERFACES)
    declared = "".join(path.read_text(encoding="utf-8") for path in INTERFACES)
    found = 0
    for name in ("SBIToken", "DistributionVault", "CitizenRegistry", "ComputeOracleRegistry", "SignerBonds"):
        for item in load_abi(name):
            if item["type"] not in ("function", "event", "error"):
                continue
            if re.search(rf"\b{item['type']} {item['name']}\b", declared):
                assert f"\n### {item['name']}\n" in told, f"{name}: {item['type']} {item['name']}"
                found += 1
    assert found > 150


def test_reference__a_declaration__comes_with_all_of_its_comment() -> None:
    page = interface_page(ROOT / "contracts" / "interfaces" / "ISBIToken.sol")
    assert page.startswith("# ISBIToken\n\nSBI, the Smart Basic Income token: an ERC-20 with 18 decimals")
    permit = page[page.index("### permit") :]
    assert "function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata" in permit
    assert "- `deadline`: Last second at which the permit may be used." in permit
    assert "/// The payer, who signs.\n    address from;" in page
    assert page.index("## Functions") < page.index("## Events") < page.index("## Errors") < page.index("## Types")


def test_reference__python__has_every_public_name_with_its_docstring() -> None:
    page = package_page(ROOT / "oracles" / "sbi_network" / "protocol", "sbi_network.protocol")
    assert "## sbi_network.protocol.messages" in page
    assert "### TransferWithAuthorization" in page
    assert "ERC-3009: a payment that anyone may carry out" in page
    assert "- `from_: Address`" in page
    assert "def load_abi(name: str) -> tuple[AbiItem, ...]" in page


def test_reference__commands__are_all_of_sbi() -> None:
    found = {" ".join(path) for path in paths()}
    assert {"meter", "meter run", "roll new-key", "outbox resume", "govern explain", "deployment show"} <= found


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/a.css">',
        '<link rel="preconnect" href="https://fonts.example">',
        '<img src="a.png" srcset="a.png 1x, https://images.example/b.png 2x">',
        '<iframe src="http://elsewhere.example/"></iframe>',
    ],
)
def test_requests__a_page_that_loads_from_elsewhere__is_found(html: str) -> None:
    assert len(requests_of_page(f"<html><body>{html}</body></html>")) == 1


def test_requests__links_to_follow_and_own_files__are_none(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="https://elsewhere.example/">x</a><script src="_static/x.js"></script>')
    (tmp_path / "a.css").write_text("@import 'b.css'; a { background: url(data:image/png;base64,AA//BB) }")
    assert requests_of(tmp_path) == []
    (tmp_path / "b.css").write_text("a { background: url('https://elsewhere.example/x.png') }")
    assert requests_of(tmp_path) == ["b.css: https://elsewhere.example/x.png"]


def test_require_shown__lines_in_order__with_anything_between() -> None:
    block = Block("page.md", 1, "text output", "first … line\nlast\n")
    require_shown(block, "noise\n  first  long   line\nmore\nlast\n")
    for printed in ("last\nfirst a line\n", "first a line\n", "first a line\nlast one\n"):
        with pytest.raises(PageError, match=re.escape("page.md:1")):
            require_shown(block, printed)


def test_commands__of_a_block__are_whole() -> None:
    script = "a=1  # said\nfor n in 1 2; do\n  echo $n\ndone\ncat > f <<END\nif\nEND\nf() { echo; }\nx \\\n  --y\n"
    assert [command.splitlines()[0] for command in commands(script)] == [
        *("a=1  # said", "for n in 1 2; do", "cat > f <<END", "f() { echo; }", "x \\")
    ]
    assert is_daemon("sbi keeper run --config keeper.toml")
    assert is_daemon("sbi keeper run --config keeper.toml > log 2>&1")
    assert not is_daemon("sbi keeper run --config keeper.toml 2> log & echo $! > pid")
    assert not is_daemon("sbi oracle run --config oracle.toml --dry-run")


def test_prose__without_blocks__keeps_its_lines() -> None:
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert prose_of(page).count("\n") == text.count("\n")
