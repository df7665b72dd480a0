"""The demo told: three epochs of the loop, with tables a person can read."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ape import chain
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from scripts._demo.invariants import Evidence, Held, check_all
from scripts._demo.loop import Dividend, Loop, Purchase, Slashing
from scripts._demo.processes import POLL_SECONDS, DemoError, Process, Processes
from scripts._demo.roles import CHEAT, CITIZENS, citizen
from scripts._demo.vote import Vote

from sbi_network.protocol.units import format_gaicph, format_sbi, public_output_down

EPOCHS = 3
"""Dividends to see. An epoch that ends without a report does not count."""

MAX_LOST = 3
"""Epochs without a dividend after which something is wrong with this machine."""

PAYER, PAYEE = citizen(0), citizen(1)
WITNESSES = (2, 3, 4, 5)
"""Citizens who activate and then only wait."""

METERS = ("this machine, live", "replayed task accounting", "the same, unproved")


@dataclass
class Told:
    """What the story has shown so far."""

    dividends: list[Dividend] = field(default_factory=list)
    purchase: Purchase | None = None
    held: list[Held] = field(default_factory=list)
    stopped_oracle: int | None = None
    slashing: Slashing | None = None


class Story:
    """Runs the loop and tells it. `folder` is for the files of those who vote."""

    def __init__(self, loop: Loop, processes: Processes, console: Console, folder: Path) -> None:
        self._vote = Vote(loop, processes, folder)
        self._loop = loop
        self._processes = processes
        self._out = console
        self.told = Told()

    def run(self, oracles: list[Process]) -> None:
        """Three dividends, and on to the first at the rate that citizens vote for; one oracle stops during the second
        epoch; pay, buy, deliver; then the invariants.
        """
        suite = self._loop.suite
        for person in (PAYER, PAYEE, *map(citizen, WITNESSES)):
            self._loop.activate(person)
        self._out.print(f"{CITIZENS:,} citizens enrolled in one transaction; {2 + len(WITNESSES)} activated by proof.")
        self._hold_vote()
        epoch, lost = suite.vault.nextEpoch(), 0
        while len(self.told.dividends) < EPOCHS or self.told.dividends[-1].epoch < self._vote.from_epoch:
            if self.told.stopped_oracle is None and len(self.told.dividends) == 1:
                self._stop_one(oracles)
            self._wait_for_end(epoch)
            dividend = self._dividend(epoch)
            if dividend is None or not dividend.output:
                lost += 1
                why = "no report came before its deadline" if dividend is None else "no facility proved anything"
                self._out.print(f"[yellow]Epoch {epoch} brought no dividend: {why}.")
                if lost > MAX_LOST:
                    raise DemoError(f"{lost} epochs without a dividend: see the logs of the oracles")
            else:
                self.told.dividends.append(dividend)
                self._show_slashing()
                self._spend(len(self.told.dividends))
                self._show_rate()
            epoch = suite.vault.nextEpoch()
        self._check()

    def _hold_vote(self) -> None:
        """While the first epoch runs: from the proposal to its execution, for an epoch some way ahead."""
        vote, voters = self._vote, tuple(map(citizen, WITNESSES))
        with self._out.status("a proposal, and ballots"):
            vote.open(voters[-1], voters)
        self._out.print(
            f"[bold]A vote:[/bold] citizen {voters[-1].number} proposes to halve the rate from epoch {vote.from_epoch} "
            f"on. {len(voters)} citizens sign ballots; a relayer carries them."
        )
        with self._out.status("the vote's end, and the timelock's delay"):
            vote.queue()
            vote.execute()
        against, in_favour, _ = vote.tally()
        self._out.print(f"{in_favour} for, {against} against: queued in the timelock, and executed after its delay.\n")

    def _show_rate(self) -> None:
        vote, last = self._vote, self.told.dividends[-1]
        if last.epoch >= vote.from_epoch and last.output:
            self._out.print(
                f"[bold]In force:[/bold] epoch {last.epoch} entitles to {format_sbi(last.entitlement // last.output)} "
                f"per nGAICPh, {format_sbi(vote.rate)} before.\n"
            )

    def _stop_one(self, oracles: list[Process]) -> None:
        """One that signed the first report, so that its absence shows in the next."""
        number = self.told.dividends[0].signers[-1]
        oracles[number].stop()
        self.told.stopped_oracle = number
        self._out.print(f"[bold]Oracle {number} is stopped now.[/bold] f = 1: the other three carry on.")

    def _wait_for_end(self, epoch: int) -> None:
        """A bar over the epoch's seconds."""
        oracles = self._loop.suite.oracles
        end = oracles.genesis() + (epoch + 1) * oracles.epochLength()
        total = max(end - time.time(), 0.1)
        columns = (TextColumn(f"epoch {epoch}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self._out, transient=True) as bar:
            task = bar.add_task("", total=total)
            while (left := end - time.time()) > 0:
                self._processes.check()
                bar.update(task, completed=total - left)
                time.sleep(min(POLL_SECONDS, left))

    def _dividend(self, epoch: int) -> Dividend | None:
        """Waits for report and dispute window, then distributes and shows what happened."""
        suite = self._loop.suite
        before = suite.token.balanceOf(PAYER.address)
        with self._out.status(f"epoch {epoch}: oracles gather readings, agree and sign"):
            window = suite.oracles.reportWindow() + suite.oracles.epochLength()
            self._processes.wait_until(f"a report of epoch {epoch}", lambda: self._decided(epoch, (1, 2, 3, 4)), window)
        with self._out.status(f"epoch {epoch}: dispute window"):
            window = 10 * (suite.oracles.disputeWindow() + 1)
            self._processes.wait_until(f"epoch {epoch} to be final", lambda: self._decided(epoch, (2, 3, 4)), window)
        dividend = self._loop.distribute()
        if dividend is not None:
            self._show(dividend, before)
        return dividend

    def _decided(self, epoch: int, outcomes: tuple[int, ...]) -> bool:
        return self._loop.suite.oracles.outcomeOf(epoch).outcome in outcomes

    def _show(self, dividend: Dividend, before: int) -> None:
        suite = self._loop.suite
        readings = Table(title=f"Epoch {dividend.epoch}: readings", title_justify="left")
        for heading in ("facility", "meter", "general", "intelligent", "super", "public output, nGAICPh"):
            readings.add_column(heading, justify="left" if heading in ("facility", "meter") else "right")
        counted = self._loop.counted(dividend.epoch)
        for facility, (meter, signed) in enumerate(zip(METERS, counted, strict=True)):
            if signed is None:
                readings.add_row(str(facility), meter, "refused", "refused", "refused", "0")
                continue
            share = self._loop.public_share_bps(facility, dividend.epoch)
            output = public_output_down(signed.message.raw, self._loop.weights(dividend.epoch), share)
            readings.add_row(str(facility), meter, *(f"{lane:,}" for lane in signed.message.raw), f"{output:,}")
        self._out.print(readings)
        self._show_proofs(dividend.epoch)

        after = suite.token.balanceOf(PAYER.address)
        sent = chain.provider.get_nonce(PAYER.address)
        figures = Table(show_header=False, box=None, padding=(0, 2))
        rows = (
            (
                "signed by",
                "oracles " + ", ".join(map(str, dividend.signers)) + f" of {len(suite.oracles.configAt(0)[4])}",
            ),
            ("output", format_gaicph(dividend.output)),
            ("entitlement", format_sbi(dividend.entitlement)),
            (
                "issued",
                f"{format_sbi(dividend.issued)} to {CITIZENS:,} citizens; {format_sbi(dividend.reserve)} in reserve",
            ),
            ("dividend", format_sbi(dividend.dividend)),
            ("citizen 0", f"{format_sbi(before)} → {format_sbi(after)}, transactions sent: {sent}"),
        )
        for name, text in rows:
            figures.add_row(f"[bold]{name}", text)
        self._out.print(figures)
        self._out.print()

    def _show_proofs(self, epoch: int) -> None:
        """What the oracles found of each facility's proofs, and of the bound that follows."""
        for facility in range(len(METERS)):
            found = self._loop.finding(facility, epoch)
            if found is None:
                continue
            bounds = ", ".join(
                f"{audit['class']} {audit['failures']} of {audit['challenges']} failed so far: "
                f"{100 - audit['failureBoundPpm'] / 10_000:.0f} % of the capacity counts"
                for audit in found["audits"]
            )
            self._out.print(f"[bold]facility {facility}:[/bold] {found['verdicts']}. {bounds}", highlight=False)

    def _show_slashing(self) -> None:
        """The facility that cheats loses its bond within the first epochs."""
        if self.told.slashing is not None:
            return
        self._processes.wait_until(f"facility {CHEAT} to be slashed", lambda: self._loop.slashing() is not None, 60)
        slashing = self.told.slashing = self._loop.slashing()
        assert slashing is not None
        self._out.print(
            f"[bold]Slashed:[/bold] facility {CHEAT} signed a product of zeros in epoch {slashing.epoch}. An oracle "
            f"showed the chain entry ({slashing.row}, {slashing.column}), where {slashing.computed} belongs; the chain "
            f"worked it out again and took the bond of {slashing.amount / 10**18:g} coins.\n"
        )

    def _spend(self, dividends: int) -> None:
        """After the second dividend pay and buy; after the third deliver."""
        if dividends == EPOCHS - 1:
            self._pay()
            self._buy()
        elif dividends == EPOCHS:
            self._deliver()

    def _pay(self) -> None:
        token = self._loop.suite.token
        amount = token.balanceOf(PAYER.address) // 4
        settled = token.accountOf(PAYER.address).settled
        gas = self._loop.pay(PAYER, PAYEE, amount)
        self._out.print(
            f"[bold]Paid:[/bold] citizen 0 signed {format_sbi(amount)} to citizen 1, straight from accrued income "
            f"({format_sbi(settled)} of it had been settled). A relayer sent it, for {gas:,} gas; "
            f"citizen 0 holds {chain.provider.get_balance(PAYER.address)} ether."
        )

    def _buy(self) -> None:
        loop = self._loop
        epoch = loop.suite.oracles.currentEpoch() + 1  # the running one may be over before the offer is made
        unit = loop.suite.exchange.priceOf(0, 1)
        units = loop.suite.token.balanceOf(PAYER.address) // 2 // unit
        if units == 0:
            raise DemoError(
                f"citizen 0 cannot afford one nGAICPh at {format_sbi(unit)}: the facilities made too little"
            )
        loop.offer(epoch, units)
        purchase = loop.buy(PAYER, epoch, units)
        self.told.purchase = purchase
        self._out.print(
            f"[bold]Bought:[/bold] voucher {purchase.voucher}, {units} nGAICPh of general computing at facility 0 for "
            f"{format_sbi(purchase.price)}, now in escrow.\n"
        )

    def _deliver(self) -> None:
        purchase = self.told.purchase
        assert purchase is not None
        split = self._loop.deliver(PAYER, purchase)
        self._out.print(
            f"[bold]Delivered:[/bold] facility 0 ran {purchase.units * 3.6:g} billion operations; citizen 0 signed the "
            f"receipt. {format_sbi(split['recycled'])} recycled, {format_sbi(split['recirculated'])} to everyone with "
            f"the next dividend, {format_sbi(split['fee'])} to the operator.\n"
        )

    def _check(self) -> None:
        active = [0, 1, *WITNESSES]
        self.told.held = check_all(Evidence(self._loop, self.told.dividends, active, list(WITNESSES)))
        table = Table(title="Invariants", title_justify="left")
        for heading in ("", "holds", "seen by"):
            table.add_column(heading)
        for held in self.told.held:
            table.add_row(str(held.number), held.sentence, held.by)
        self._out.print(table)

    def write_summary(self, path: Path) -> dict[str, Any]:
        """`build/demo/summary.json`: figures in wei and nGAICPh, read from the chain."""
        suite = self._loop.suite
        summary = {
            "epochs": len(self.told.dividends),
            "output_nano_gaicph": sum(suite.oracles.recordOf(d.epoch).publicOutput for d in self.told.dividends),
            "issued": suite.vault.issued(),
            "dividend": suite.vault.dividendIndex() * suite.vault.INDEX_UNIT(),
            "recycled": suite.token.recycled(),
            "total_supply": suite.token.totalSupply(),
            "citizens": suite.vault.headcount(),
            "signers_per_epoch": [suite.oracles.recordOf(d.epoch).signers.bit_count() for d in self.told.dividends],
            "rates": {str(d.epoch): suite.vault.rateAt(d.epoch) for d in self.told.dividends},
            "votes": self._vote.tally(),
            "refused": [self._loop.counts_nothing(d.epoch) for d in self.told.dividends],
            "slashed_wei": self.told.slashing.amount if self.told.slashing else 0,
            "invariants": {str(held.number): held.by for held in self.told.held},
        }
        path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        return summary
