"""`sbi roll`: from registers to batches on chain, and back to a proof for any citizen."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sbi_network.errors import RollError, SBIError
from sbi_network.protocol.address import check_address
from sbi_network.protocol.figure import hex_of
from sbi_network.roll.errors import MissingExtraError

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

    from sbi_network.chain.citizens import Citizens
    from sbi_network.chain.sender import TransactionSender
    from sbi_network.roll.registrar import Case, ChainRoll, RegistrarSettings
    from sbi_network.roll.work import Scheduler

app = typer.Typer(
    no_args_is_help=True, help="Builds, publishes and enrols rolls of citizens, and proves who is on them."
)

_EXTRA: Final = frozenset({"dask", "distributed", "llvmlite", "numba", "pyarrow"})

_out = Console()
_err = Console(stderr=True)

RollArgument = Annotated[Path, typer.Argument(metavar="DIR", help="A published roll.", show_default=False)]
AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Address, with its EIP-55 capitals.")]
ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The registrar's registrar.toml.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Tasks at a time; without it, as many as cores.")]
HolderOption = Annotated[str | None, typer.Option(help="Who holds the leaf since a recovery.")]


@app.command()
def build(
    inputs: Annotated[list[Path], typer.Argument(metavar="IN…", help="CSV or Parquet files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder that shall hold the roll.")],
    earlier: Annotated[
        list[Path] | None, typer.Option(help="A roll published before, searched for duplicates. Repeatable.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, as in tcp://host:8786, to do the work.")
    ] = None,
    workers: WorkersOption = None,
    rows_a_task: Annotated[
        int, typer.Option(min=64, max=1 << 24, help="Citizens a task handles; memory grows with it, the roll does not.")
    ] = 1 << 19,
    restart: Annotated[  # noqa: FBT002 - an option, given by its name
        bool, typer.Option("--restart", help="Throw away what an interrupted build had done.")
    ] = False,
) -> None:
    """Build a roll from civil registers (columns account, region, person).

    Memory is bounded whatever the input. Every duplicate and every faulty line is reported by file and line, and then
    nothing is written but that report. An interrupted build goes on when the same command is given again.
    """
    with _told():
        from sbi_network.roll.build import Build, build_roll
        from sbi_network.roll.registrar import describe
        from sbi_network.roll.work import ThreadScheduler
        from sbi_network.roll.work import cluster as cluster_at

        @contextmanager
        def threads(_: Path) -> Iterator[Scheduler]:
            yield ThreadScheduler(workers or _cores())

        def scheduler(work: Path) -> AbstractContextManager[Scheduler]:
            return threads(work) if cluster is None else cluster_at(cluster, work)

        asked = Build(inputs, out, earlier or (), rows_a_task)
        try:
            with _Bars() as bars:
                manifest = build_roll(asked, scheduler, bars, restart=restart)
        except KeyboardInterrupt:
            raise RollError("interrupted; the same command goes on from here") from None
        for batch in manifest.batches:
            _say(describe(batch))
        _say(f"{manifest.size:,} citizens in {out}")


@app.command()
def prove(roll: RollArgument, account: AccountArgument) -> None:
    """Print a citizen's proof as JSON. Reads no more of the roll than it takes."""
    with _told():
        from sbi_network.roll.published import open_roll

        with open_roll(roll) as opened:
            proof = opened.prove(check_address("account", account))
        print(json.dumps(proof.to_json(), indent=1))


@app.command()
def check(
    proof: Annotated[Path, typer.Argument(metavar="PROOF", help="A file that `prove` printed.")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Also ask this chain. Needs no key.")] = None,
) -> None:
    """Check a citizen's proof without the roll, and, with --config, that its batch is enrolled on chain."""
    with _told():
        from sbi_network.roll.layout import Manifest
        from sbi_network.roll.published import read_proof

        given = read_proof(proof)
        _say(f"{given.leaf.account} is citizen {given.leaf.index} of the batch with root {hex_of(given.batch.root)}")
        if config is not None:
            from sbi_network.roll.registrar import compare, standing_of

            async def on_chain(citizens: Citizens) -> None:
                number = (await compare(citizens, Manifest((given.batch,), ()))).number_of(given.batch)
                _say(f"enrolled as batch {number}; {await standing_of(citizens, _case(given, number, None))}")

            _with_registry(config, on_chain)


@app.command()
def verify(
    roll: RollArgument,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Also ask this chain. Needs no key.")] = None,
    workers: WorkersOption = None,
) -> None:
    """Check a published roll down to its last byte and, with --config, its roots against the chain's."""
    with _told():
        from sbi_network.roll.registrar import compare, describe
        from sbi_network.roll.verify import verify_files

        with _Bars() as bars:
            manifest = verify_files(roll, bars, workers or _cores())
        for batch in manifest.batches:
            _say(describe(batch))
        _say(f"{manifest.size:,} citizens, each once; every node is right")
        if config is None:
            return

        async def on_chain(citizens: Citizens) -> None:
            compared = await compare(citizens, manifest)
            _say_enrolments(compared)
            if any(enrolment.number is None for enrolment in compared.enrolments):
                raise RollError("not all batches are enrolled")

        _with_registry(config, on_chain)


@app.command()
def enrol(
    roll: RollArgument,
    config: ConfigOption = Path("registrar.toml"),
    unchecked: Annotated[  # noqa: FBT002 - an option, given by its name
        bool, typer.Option("--unchecked", help="Enrol beside batches that this roll was not searched against.")
    ] = False,
) -> None:
    """Enrol the roll's batches that the chain does not have yet."""
    with _told():
        from sbi_network.roll import registrar
        from sbi_network.roll.layout import check_root, read_manifest

        manifest = read_manifest(roll)
        for batch in manifest.batches:
            check_root(roll, batch)

        async def on_chain(citizens: Citizens, sender: TransactionSender) -> None:
            compared = await registrar.compare(citizens, manifest)
            missing = [enrolment.batch for enrolment in compared.enrolments if enrolment.number is None]
            if missing and compared.unchecked and not unchecked:
                raise RollError(
                    f"batches {', '.join(map(str, compared.unchecked))} of the chain were not searched for duplicates: "
                    "build with their rolls as --earlier, or enrol with --unchecked"
                )
            await _say_all(registrar.enrol(citizens, sender, missing))
            _say_enrolments(await registrar.compare(citizens, manifest))

        _with_sender(config, on_chain)


@app.command()
def activate(
    roll: RollArgument,
    accounts: Annotated[list[str] | None, typer.Argument(metavar="ACCOUNT…", show_default=False)] = None,
    from_file: Annotated[Path | None, typer.Option(help="A file of accounts, one a line.")] = None,
    config: ConfigOption = Path("registrar.toml"),
) -> None:
    """Activate citizens by proof. Who is active already is passed over."""
    with _told():
        from sbi_network.roll import registrar
        from sbi_network.roll.published import open_roll

        given = [*(accounts or ()), *(_lines(from_file) if from_file else ())]
        if not given:
            raise RollError("no account given: name some, or a file with --from-file")
        checked = [check_address("account", account) for account in given]

        async def on_chain(citizens: Citizens, sender: TransactionSender) -> None:
            with open_roll(roll) as opened:
                await _say_all(registrar.activate(citizens, sender, opened, checked))

        _with_sender(config, on_chain)


@app.command()
def retire(
    roll: RollArgument,
    account: AccountArgument,
    holder: HolderOption = None,
    config: ConfigOption = Path("registrar.toml"),
) -> None:
    """Take the next step of a citizen's retirement: start it, or carry it out when it is due."""
    with _told():
        from sbi_network.roll import registrar

        async def step(citizens: Citizens, sender: TransactionSender) -> None:
            _say(await registrar.retire(citizens, sender, await _case_on_chain(citizens, roll, account, holder)))

        _with_sender(config, step)


@app.command()
def recover(
    roll: RollArgument,
    account: AccountArgument,
    successor: Annotated[str, typer.Option(help="The account that takes over the share; never active.")],
    signature: Annotated[str | None, typer.Option(help="The successor's over Succession, 0x and digits.")] = None,
    holder: HolderOption = None,
    config: ConfigOption = Path("registrar.toml"),
) -> None:
    """Take the next step of a recovery: start it, or carry it out when it is due. No balance moves."""
    with _told():
        from sbi_network.roll import registrar

        to, signed = check_address("successor", successor), _signature(signature)

        async def step(citizens: Citizens, sender: TransactionSender) -> None:
            case = await _case_on_chain(citizens, roll, account, holder)
            _say(await registrar.recover(citizens, sender, case, to, signed))

        _with_sender(config, step)


@app.command()
def status(
    roll: RollArgument,
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", show_default=False)] = None,
    holder: HolderOption = None,
    config: ConfigOption = Path("registrar.toml"),
) -> None:
    """How the roll's batches stand on chain, or how one of its citizens does. Needs no key."""
    with _told():
        from sbi_network.roll import registrar
        from sbi_network.roll.layout import read_manifest

        async def on_chain(citizens: Citizens) -> None:
            if account is not None:
                case = await _case_on_chain(citizens, roll, account, holder)
                told = await registrar.standing_of(citizens, case)
                _say(f"{case.holder}: batch {case.number}, index {case.leaf.index}, {told}")
                return
            manifest = read_manifest(roll)
            _say_enrolments(await registrar.compare(citizens, manifest))
            for region in sorted({batch.region for batch in manifest.batches}):
                stands = await citizens.region(region)
                _say(f"region {region}: {stands.headcount:,} of at most {stands.cap:,} citizens")

        _with_registry(config, on_chain)


@app.command()
def commit(
    register: Annotated[Path, typer.Argument(metavar="IN", help="CSV: account,region,identifier. Stays with you.")],
    key: Annotated[Path, typer.Option(help="The file with the key that all registrars share.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file for `sbi roll build`.")],
) -> None:
    """Turn identifiers into person commitments, inside the registrar's own walls."""
    with _told():
        from sbi_network.roll import commitment

        secret = commitment.read_key(key)
        try:
            count = commitment.commit_file(secret, register, out)
        except RollError as error:
            raise RollError(f"{register}: {error}") from None
        _say(f"{count:,} citizens in {out}, under the key {commitment.key_name(secret)}")


@app.command()
def new_key(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where the key shall be. It must not be there yet.")],
) -> None:
    """Make the key that all registrars share. Once, by one of them; the others receive it."""
    with _told():
        from sbi_network.roll import commitment

        _say(f"key {commitment.make_key(path)} in {path}: keep it secret, and keep it for as long as the roll lives")


class _Bars:
    """A bar for each stage."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=_err
        )
        self._task: TaskID | None = None

    def __enter__(self) -> _Bars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:  # what was never shown needs no line of its own
            self._progress.stop()

    def begin(self, label: str, total: int, done: int) -> None:
        self._progress.start()
        self._task = self._progress.add_task(label, total=total, completed=done)

    def advance(self) -> None:
        if self._task is not None:
            self._progress.advance(self._task)


@contextmanager
def _told() -> Iterator[None]:
    """What can be foreseen to go wrong is told in words, with exit status 1."""
    try:
        try:
            yield
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _EXTRA:
                raise
            raise MissingExtraError(str(error.name)) from None
    except SBIError as error:
        _err.print(f"sbi roll: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _say(line: str) -> None:
    _out.print(line, markup=False, highlight=False, soft_wrap=True)


async def _say_all(lines: AsyncIterator[str]) -> None:
    async for line in lines:
        _say(line)


def _say_enrolments(compared: ChainRoll) -> None:
    from sbi_network.roll.registrar import describe

    for enrolment in compared.enrolments:
        told = "not enrolled" if enrolment.number is None else f"enrolled as batch {enrolment.number}"
        _say(f"{describe(enrolment.batch)}: {told}")
    if compared.unchecked:
        _say(f"not searched for duplicates: batches {', '.join(map(str, compared.unchecked))} of the chain")


def _settings(config: Path) -> RegistrarSettings:
    from sbi_network.chain.settings import load_settings
    from sbi_network.roll.registrar import RegistrarSettings

    return load_settings(RegistrarSettings, config)


def _with_registry(config: Path, act: Callable[[Citizens], Awaitable[None]]) -> None:
    from sbi_network.roll.registrar import registry

    settings = _settings(config)

    async def run() -> None:
        async with registry(settings) as citizens:
            await act(citizens)

    asyncio.run(run())


def _with_sender(config: Path, act: Callable[[Citizens, TransactionSender], Awaitable[None]]) -> None:
    from sbi_network.roll.registrar import registry, sending

    settings = _settings(config)

    async def run() -> None:
        async with registry(settings) as citizens, sending(settings, citizens.chain) as sender:
            await act(citizens, sender)

    asyncio.run(run())


async def _case_on_chain(citizens: Citizens, roll: Path, account: str, holder: str | None) -> Case:
    from sbi_network.roll.published import open_roll
    from sbi_network.roll.registrar import compare

    with open_roll(roll) as opened:
        proof = opened.prove(check_address("account", account))
        number = (await compare(citizens, opened.manifest)).number_of(proof.batch)
    return _case(proof, number, None if holder is None else check_address("holder", holder))


def _case(proof: Any, number: int, holder: ChecksumAddress | None) -> Case:
    from sbi_network.roll.registrar import Case

    return Case(proof, number, holder or proof.leaf.account)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").split()
    except OSError as error:
        raise RollError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise RollError(f"{path}: is not a list of accounts, one a line") from None


def _signature(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise RollError("--signature: is not hexadecimal") from None


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
