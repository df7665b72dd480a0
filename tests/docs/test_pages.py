"""Every page with commands, read and done by a newcomer: `make test-docs`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks_of, commands, is_daemon
from tests.docs.newcomer import PLACE, newcomer, tidy
from tests.docs.readers import ELSEWHERE, JOURNEYS, ONLINE, OPTIONAL, PASSED_OVER, Reader
from tests.docs.terminal import PageError, Terminal, opened

pytestmark = [pytest.mark.slow, pytest.mark.integration, pytest.mark.timeout(3_600)]

LOCAL = "ape console --network ethereum:local:http://127.0.0.1:8545"


@pytest.fixture(scope="session")
def project() -> Path:
    return newcomer()


@pytest.mark.parametrize("name", JOURNEYS)
def test_journey__every_command_of_its_pages__does_what_the_page_says(name: str, project: Path) -> None:
    tidy()
    home = PLACE / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with opened(project, home, offline=name not in ONLINE) as terminal:
        for page, reader in JOURNEYS[name].items():
            print(f"\n== {page}", flush=True)
            terminal.begin()
            read(page, reader, terminal)


def read(page: str, reader: Reader, terminal: Terminal) -> None:
    """Does what a page says, block by block. Raises PageError where the page is wrong."""
    for command in commands(reader.before):
        _done(command, terminal)
    printed = ""
    meanwhile = dict(reader.meanwhile)
    blocks = blocks_of(page)
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.tag is not None:
            continue
        if block.is_commands:
            printed = _run(block, reader, meanwhile, terminal)
        elif block.is_typed:
            printed = _type(block, reader, terminal)
            if following is None or not following.is_output:  # which may show a refusal
                require_no_error(block, printed)
        elif block.is_output:
            require_shown(block, printed)
        elif block.file is not None:
            _save(block.file, block.text, reader, terminal)


def _run(block: Block, reader: Reader, meanwhile: dict[str, str], terminal: Terminal) -> str:
    printed = ""
    for command in commands(_filled(block.text, reader)):
        if _said(command) in ELSEWHERE or command.lstrip().startswith("#"):
            continue
        if (why := _passed_over(command.split()[0])) is not None:
            print(f"not run, {why}: {command}", flush=True)
            continue
        try:
            for text in [text for text in meanwhile if text in command]:
                for prepared in commands(meanwhile.pop(text)):
                    _done(prepared, terminal)
            printed += _done(command, terminal)
        except PageError as error:
            raise PageError(f"{block}: {error}") from None
    return printed


def _passed_over(program: str) -> str | None:
    """Why a program's command is not run, if so."""
    if program in OPTIONAL and shutil.which(program) is None:
        return f"{program} is not installed"
    return PASSED_OVER.get(program)


def _done(command: str, terminal: Terminal) -> str:
    if command == LOCAL:  # what is typed there comes in blocks of its own
        return ""
    return terminal.stay(command) if is_daemon(command) else terminal.run(command)


def _said(command: str) -> str:
    """A command without the comment after it."""
    return command.split("  #")[0].strip()


def _type(block: Block, reader: Reader, terminal: Terminal) -> str:
    """Types lines at the console, at a person's pace where the page shows prompts."""
    typed = re.sub(r"^In \[\d+\]: ", "__import__('time').sleep(3)\n", block.text, flags=re.MULTILINE)
    return terminal.run(f"(cd {terminal.project}; {LOCAL}) <<END\n{_filled(_quoted(typed), reader)}\nEND")


def require_no_error(block: Block, printed: str) -> None:
    """Raises PageError if what was typed at the console raised something."""
    if "Traceback" in printed or re.search(r"^\w*Error\b", printed, re.MULTILINE):
        raise PageError(f"{block}: {printed}")


def _save(name: str, text: str, reader: Reader, terminal: Terminal) -> None:
    terminal.run(f"cat > {name} <<END\n{_filled(_quoted(text), reader)}END")


def _quoted(text: str) -> str:
    """A text that a shell leaves as it is; what the reader fills in is the shell's."""
    return re.sub(r"([\\$`])", r"\\\1", text)


def _filled(text: str, reader: Reader) -> str:
    for left_open, own in reader.own.items():
        text = text.replace(left_open, own)
    return text


def require_shown(block: Block, printed: str) -> None:
    """Raises PageError unless each line of the block was printed, in this order."""
    rest = printed
    for line in filter(None, (line.strip() for line in block.text.splitlines())):
        pattern = r"\s+".join(re.escape(word).replace("…", ".*?") for word in line.split())
        found = re.search(rf"^\s*{pattern}\s*$", rest, re.MULTILINE)
        if found is None:
            raise PageError(f"{block}: the page shows {line!r}; what was printed:\n{printed}")
        rest = rest[found.end() :]
