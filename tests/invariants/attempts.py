"""Ill-formed attempts of everything that people do: each breaks one rule and meets that rule's error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sbi_network.errors import SignatureError
from sbi_network.protocol.messages import Permit, Report, registry_domain
from sbi_network.protocol.signature import MAX_S, Signature
from sbi_network.roll import CitizenLeaf, root_from_proof
from tests.invariants.acts import FAULTS, malleable, purchase_nonce
from tests.invariants.citizenry import Fate
from tests.invariants.lives import Lives
from tests.invariants.nation import CAPACITIES, ONCE, REGISTERED, SHARES_BPS, ZERO
from tests.support.actors import END_OF_TIME, Told


class Attempts(Lives):
    """The acts, and attempts at what is not allowed."""

    @rule(data=st.data(), kind=st.sampled_from(["stranger", "empty", "no root", "too many"]))
    def bad_enrol(self, data: st.DataObject, kind: str) -> None:
        who, root, size = self.registrar(1), keccak(text="root"), 1
        if kind == "stranger":
            who = data.draw(st.sampled_from([self.people.stranger, self.people.deployer]), label="who")
        elif kind == "empty":
            size = 0
        elif kind == "no root":
            root = bytes(32)
        else:
            size = 2**32
        reply = self.do.send(who, "citizens", "enrol", root, size, 1)
        if kind == "stranger":
            self.refused("bad enrol", reply, "NotRegistrar", account=who.address)
        elif kind == "too many":
            self.refused("bad enrol", reply, "AboveField", given=size, max=2**32 - 1)
        else:
            self.refused("bad enrol", reply, "EmptyBatch", root=root, size=size)

    @precondition(lambda self: self.model.rolls)
    @rule(
        data=st.data(),
        kind=st.sampled_from(["batch", "index", "leaf twice", "account twice", "person", "account", "nobody"]),
    )
    def bad_activate(self, data: st.DataObject, kind: str) -> None:
        model = self.model
        leaves = [leaf for leaf in model.leaves if leaf.fate is not Fate.WAITING]
        if kind == "account twice":
            leaves = [leaf for leaf in model.leaves if leaf.fate is Fate.WAITING and not model.can_present(leaf)]
        elif kind != "leaf twice":
            leaves = self.presentable()
        if not leaves:
            return
        leaf = data.draw(st.sampled_from(leaves), label="leaf")
        free = [p.address for p in self.people.everybody[:10] if p.address != leaf.account]
        tree = model.rolls[leaf.batch].tree
        batch, index, account, person = leaf.batch, leaf.index, leaf.account, tree.leaves[leaf.index].person
        proof = list(tree.proof(index))
        error: str
        values: dict[str, Any]
        if kind == "batch":
            batch = len(model.rolls)
            error, values = "UnknownBatch", {"batch": batch, "batches": batch}
        elif kind == "index":
            index = tree.size
            error, values = "IndexOutOfBatch", {"index": index, "size": tree.size}
        elif kind == "leaf twice":
            account = data.draw(st.sampled_from(free), label="another account")
            error, values = "LeafUsed", {"batch": batch, "index": index}
        elif kind == "account twice":
            since = model.lives[account].since
            error, values = "AlreadyActivated", {"account": account, "since": since}
        elif kind == "nobody":
            account = ZERO
            error, values = "ZeroAccount", {"batch": batch, "index": index}
        else:
            if kind == "person":
                person = keccak(person)
            else:
                account = data.draw(st.sampled_from(free), label="another account")
            claimed = CitizenLeaf(index, account, person)  # type: ignore[arg-type]
            error, values = "InvalidProof", {"computed": root_from_proof(claimed, proof), "expected": tree.root}
        reply = self.do.send(self.people.stranger, "citizens", "activate", batch, index, account, person, proof)
        self.refused("bad activate", reply, error, **values)

    @precondition(lambda self: self.due())
    @rule(data=st.data(), kind=st.sampled_from(["config", "weights", "no facility", "unknown facility"]))
    def bad_report_fields(self, data: st.DataObject, kind: str) -> None:
        """A report that its oracles signed, about something that is not so."""
        epoch = data.draw(st.sampled_from(self.due()), label="epoch")
        digest, version, _ = self.config_of(epoch)
        told = self.do.agree(epoch, self.raws(data), self.config_of(epoch), SHARES_BPS)
        count = REGISTERED
        cases: dict[str, tuple[Report, str, dict[str, Any]]] = {
            "config": (
                replace(told.report, config_digest=keccak(digest)),
                "WrongConfigDigest",
                {"given": keccak(digest), "expected": digest},
            ),
            "weights": (
                replace(told.report, weights_version=version + 1),
                "WrongWeightsVersion",
                {"given": version + 1, "expected": version},
            ),
            "no facility": (
                replace(told.report, facility_count=0),
                "WrongFacilityCount",
                {"given": 0, "registered": count},
            ),
            "unknown facility": (
                replace(told.report, facility_count=count + 1),
                "WrongFacilityCount",
                {"given": count + 1, "registered": count},
            ),
        }
        report, error, values = cases[kind]
        false = Told(report, told.tree)
        reply = self.do.report(self.people.stranger, false, self.co_sign(false, [0, 1, 2]))
        self.refused("bad report", reply, error, **values)

    @precondition(lambda self: self.due())
    @rule(
        data=st.data(),
        kind=st.sampled_from(
            ["short quorum", "double signer", "forged", "other chain", "unknown oracle", "cut bytes", "malleable"]
        ),
    )
    def bad_report_signatures(self, data: st.DataObject, kind: str) -> None:
        """A good report that too few signed, or others."""
        epoch = data.draw(st.sampled_from(self.due()), label="epoch")
        told = self.do.agree(epoch, self.raws(data), self.config_of(epoch), SHARES_BPS)
        good = self.co_sign(told, [0, 1, 2])
        head, entry = good[:130], 65
        last = self.oracles_of(epoch).oracles[2]
        if kind == "forged":
            false = told.report.sign(self.people.stranger.key, self.do.registry_domain)
        else:
            elsewhere = registry_domain(self.world.chain_id + 1, self.world.addresses["oracles"])  # type: ignore[arg-type]
            false = told.report.sign(self.world.signers[last], elsewhere)
        recovered = recovered_from(false.to_bytes(), told.report.digest(self.do.registry_domain))
        as_last = head + b"\x02" + false.to_compact()
        # In this form the parity takes the top bit of s: the upper half order begins right above the lower.
        high = head + good[130 : 130 + 33] + (MAX_S + 1).to_bytes(32)
        cases: dict[str, tuple[bytes, str, dict[str, Any]]] = {
            "short quorum": (head, "QuorumNotReached", {"given": len(self.standing(epoch, [0, 1])), "quorum": 3}),
            "double signer": (head + head[entry:], "SignersOutOfOrder", {"given": 1, "previous": 1}),
            "forged": (as_last, "InvalidSignature", {"expected": last, "recovered": recovered}),
            "other chain": (as_last, "InvalidSignature", {"expected": last, "recovered": recovered}),
            "unknown oracle": (head + b"\x04" + good[131:], "UnknownOracle", {"given": 4, "size": 4}),
            "cut bytes": (good[:-1], "SignatureBytesMisaligned", {"given": 3 * entry - 1, "entry": entry}),
            "malleable": (high, "MalleableSignature", {"s": MAX_S + 1, "max": MAX_S}),
        }
        signatures, error, values = cases[kind]
        self.refused("bad report", self.do.report(self.people.stranger, told, signatures), error, **values)

    @rule(data=st.data(), kind=st.sampled_from(["early", "late", "twice"]))
    def bad_report_time(self, data: st.DataObject, kind: str) -> None:
        """A good report at the wrong time."""
        model, running = self.model, self.model.epoch_at(self.at)
        epochs = {
            "early": [running],
            "late": [e for e in range(max(0, running - 9), running) if self.at > model.deadline_of(e)],
            "twice": [e for e in model.told if self.at <= model.deadline_of(e)],
        }[kind]
        if not epochs:
            return
        epoch = data.draw(st.sampled_from(epochs), label="epoch")
        at = self.at
        told = self.do.agree(epoch, self.raws(data), self.config_of(epoch), SHARES_BPS)
        reply = self.do.report(self.people.stranger, told, self.co_sign(told, [1, 2, 3]))
        if kind == "early":
            self.refused("bad report", reply, "EpochNotEnded", epoch=epoch, endsAt=model.end_of(epoch), time=at)
        elif kind == "late":
            self.refused("bad report", reply, "StaleReport", epoch=epoch, deadline=model.deadline_of(epoch), time=at)
        else:
            accepted_at = model.told[epoch].accepted_at
            self.refused("bad report", reply, "AlreadyReported", epoch=epoch, acceptedAt=accepted_at)

    @rule(data=st.data(), fault=st.deferred(lambda: st.sampled_from(FAULTS)), standard=st.booleans())
    def bad_relay(self, data: st.DataObject, fault: str, standard: bool) -> None:
        payment, error = self.promise(data, fault)
        if error is None:
            return
        message, at = payment.message, self.at
        reply = self.do.relay(self.people.relayer, payment, standard)
        told: dict[str, dict[str, Any]] = {
            "AuthorizationNotYetValid": {"validAfter": message.valid_after, "time": at},
            "AuthorizationExpired": {"validBefore": message.valid_before, "time": at},
            "AuthorizationUsedOrCanceled": {"authorizer": message.from_, "nonce": message.nonce},
            "InvalidSignature": {"expected": message.from_, "recovered": self.people.stranger.address},
            "MalleableSignature": {"s": int.from_bytes(payment.signature[32:64]), "max": MAX_S},
            "ERC20InvalidReceiver": {"receiver": ZERO},
            "ERC20InsufficientBalance": {
                "sender": message.from_,
                "balance": self.model.purses[message.from_],
                "needed": message.value,
            },
        }
        self.refused("bad relay", reply, error, **told[error])

    @rule(data=st.data(), kind=st.sampled_from(["late", "forged", "replayed", "malleable", "to nobody"]))
    def bad_permit(self, data: st.DataObject, kind: str) -> None:
        owner, spender, deadline = self.holder(data), self.people.merchant.address, self.at
        nonce = self.model.permits[owner.address]
        if kind == "late":
            deadline -= 1
        if kind == "to nobody":
            spender = ZERO
        message, signature = self.do.permit(owner, spender, 1, nonce, deadline)
        values: dict[str, Any]
        if kind == "late":
            error, values = "PermitExpired", {"deadline": deadline, "time": self.at}
        elif kind == "to nobody":
            error, values = "ERC20InvalidSpender", {"spender": ZERO}
        elif kind == "malleable":
            signature = malleable(signature)
            error, values = "MalleableSignature", {"s": int.from_bytes(signature[32:64]), "max": MAX_S}
        else:
            if kind == "forged":
                signature = message.sign(self.people.stranger.key, self.do.token_domain).to_bytes()
            elif nonce == 0:
                return
            else:
                used = Permit(owner.key.address, spender, 1, nonce - 1, deadline)  # type: ignore[arg-type]
                signature = used.sign(owner.key, self.do.token_domain).to_bytes()
            recovered = recovered_from(signature, message.digest(self.do.token_domain))
            error, values = "InvalidSignature", {"expected": owner.address, "recovered": recovered}
        self.refused("bad permit", self.do.file_permit(self.people.relayer, message, signature), error, **values)

    @rule(
        data=st.data(),
        facility=st.integers(0, 1),
        compute_class=st.integers(0, 2),
        kind=st.sampled_from(["stranger", "too much", "below sold", "late", "class", "facility"]),
    )
    def bad_offer(self, data: st.DataObject, facility: int, compute_class: int, kind: str) -> None:
        running = self.model.epoch_at(self.at)
        operator, place, units = self.people.operators[facility], (facility, compute_class, running), 0
        values: dict[str, Any]
        if kind == "stranger":
            values = {"caller": self.people.stranger.address, "operator": operator.address}
            operator, error = self.people.stranger, "NotOperator"
        elif kind == "too much":
            capacity = CAPACITIES[facility][compute_class]
            units = capacity + data.draw(st.sampled_from([1, 2**64]), label="beyond")
            error, values = "OfferAboveCapacity", {"given": units, "capacity": capacity}
        elif kind == "below sold":
            places = [place for place, sold in self.model.sold.items() if sold and place[2] >= running]
            if not places:
                return
            place = data.draw(st.sampled_from(places), label="place")
            operator, units = self.people.operators[place[0]], self.model.sold[place] - 1
            error, values = "OfferBelowSold", {"given": units, "sold": units + 1}
        elif kind == "late":
            if not running:
                return
            place = (facility, compute_class, running - 1)
            error, values = "EpochOver", {"epoch": running - 1, "current": running}
        elif kind == "class":
            place = (facility, 3, running)
            error, values = "UnknownClass", {"given": 3, "last": 2}
        else:
            place = (REGISTERED, compute_class, running)
            error, values = "UnknownFacility", {"facility": REGISTERED, "registered": REGISTERED}
        self.refused("bad offer", self.do.offer(operator, *place, units), error, **values)

    @precondition(lambda self: self.open_offers())
    @rule(
        data=st.data(),
        kind=st.sampled_from(["too many", "nothing", "dear", "late", "no approval", "not the price", "not bound"]),
    )
    def bad_buy(self, data: st.DataObject, kind: str) -> None:
        buyer, place, units, price = self.shopping(data, 0)
        remaining, running = self.model.remaining(place), self.model.epoch_at(self.at)
        if kind in ("too many", "nothing"):
            units = remaining + 1 if kind == "too many" else 0
            reply = self.do.buy(buyer, place, units, END_OF_TIME)
            self.refused("bad buy", reply, "NotOnOffer", given=units, remaining=remaining)
        elif kind == "dear":
            reply = self.do.buy(buyer, place, units, price - 1)
            self.refused("bad buy", reply, "PriceAboveLimit", price=price, maxPrice=price - 1)
        elif kind == "late":
            if running:
                reply = self.do.buy(buyer, (place[0], place[1], running - 1), units, END_OF_TIME)
                self.refused("bad buy", reply, "EpochOver", epoch=running - 1, current=running)
        elif kind == "no approval":
            allowed = self.model.allowances[buyer.address, self.exchange]
            if allowed < price:
                values = {"spender": self.exchange, "allowance": allowed, "needed": price}
                reply = self.do.buy(buyer, place, units, price)
                self.refused("bad buy", reply, "ERC20InsufficientAllowance", **values)
        else:
            salt = self.fresh()
            bound = purchase_nonce(place, units, salt)
            paid, nonce = (price + 1, bound) if kind == "not the price" else (price, self.fresh())
            payment = self.do.promise_to(buyer, self.exchange, paid, nonce)
            reply = self.do.buy_signed(self.people.relayer, place, units, salt, payment)
            if kind == "not the price":
                self.refused("bad buy", reply, "PaymentNotPrice", given=paid, price=price)
            else:
                self.refused("bad buy", reply, "PurchaseNotBound", given=nonce, expected=bound)

    @precondition(lambda self: self.open_tickets())
    @rule(
        data=st.data(),
        kind=st.sampled_from(["nothing new", "too much", "forged", "former holder", "replayed", "refund", "hand over"]),
    )
    def bad_deliver(self, data: st.DataObject, kind: str) -> None:
        number = data.draw(st.sampled_from(self.open_tickets()), label="voucher")
        ticket, sender = self.model.tickets[number], self.people.stranger
        holder, delivered, hands = self.by_address[ticket.holder], ticket.delivered + 1, ticket.hands
        figures = {"delivered": ticket.delivered, "units": ticket.units}
        if kind == "refund":
            expiry = self.model.expiry_of(ticket.epoch)
            values = {"voucher": number, "expiry": expiry, "time": self.at}
            self.refused("bad deliver", self.do.refund(sender, number), "VoucherNotExpired", **values)
        elif kind == "hand over":
            reply = self.do.hand_over(sender, ticket.holder, sender.address, number)
            self.refused("bad deliver", reply, "ERC721InsufficientApproval", operator=sender.address, tokenId=number)
        elif kind == "replayed":
            kept = [receipt for receipt in self.kept_receipts if receipt[0] == number]
            if kept:
                _, again, signature = data.draw(st.sampled_from(kept), label="receipt")
                reply = self.do.deliver(sender, number, again, signature)
                self.refused("bad deliver", reply, "InvalidDelivery", given=again, **figures)
        elif kind in ("nothing new", "too much"):
            delivered = ticket.delivered if kind == "nothing new" else ticket.units + 1
            _, signature = self.do.receipt(holder, number, hands, delivered)
            reply = self.do.deliver(sender, number, delivered, signature)
            self.refused("bad deliver", reply, "InvalidDelivery", given=delivered, **figures)
        else:
            message, _ = self.do.receipt(holder, number, hands, delivered)
            if kind == "forged":
                signature = message.sign(sender.key, self.do.exchange_domain).to_bytes()
            else:
                _, signature = self.do.receipt(holder, number, hands + 1, delivered)
            recovered = recovered_from(signature, message.digest(self.do.exchange_domain))
            reply = self.do.deliver(sender, number, delivered, signature)
            self.refused("bad deliver", reply, "InvalidSignature", expected=holder.address, recovered=recovered)

    @rule(data=st.data(), kind=st.sampled_from(["too late", "no such voucher"]))
    def bad_late_deliver(self, data: st.DataObject, kind: str) -> None:
        sender = self.people.stranger
        if kind == "no such voucher":
            number = self.model.tickets_sold
            self.refused("bad deliver", self.do.refund(sender, number), "ERC721NonexistentToken", tokenId=number)
        elif self.stale_tickets():
            number = data.draw(st.sampled_from(self.stale_tickets()), label="voucher")
            ticket = self.model.tickets[number]
            _, signature = self.do.receipt(self.by_address[ticket.holder], number, ticket.hands, ticket.units)
            values = {"voucher": number, "expiry": self.model.expiry_of(ticket.epoch), "time": self.at}
            reply = self.do.deliver(sender, number, ticket.units, signature)
            self.refused("bad deliver", reply, "VoucherExpired", **values)

    @rule(data=st.data(), kind=st.sampled_from(["contract's", "contract's by vote", "timelock's"]))
    def overreach(self, data: st.DataObject, kind: str) -> None:
        """Somebody, or the timelock itself, tries to do what only a contract may; or what only the timelock may."""
        who, world = self.anybody(data), self.world
        if kind == "timelock's":
            oracles = [person.address for person in self.citizens]
            attempts: tuple[tuple[Any, ...], ...] = (
                ("vault", "scheduleTerms", world.other_policy, world.addresses["oracles"], 10**6),
                ("citizens", "addRegistrar", who.address),
                ("citizens", "removeRegistrar", self.people.registrar.address),
                ("citizens", "setRegionCap", 1, 10**6),
                ("citizens", "setTurnoverCap", 1, 10**6),
                ("citizens", "moveRegistrar", self.people.registrar.address, who.address),
                ("citizens", "decideAct", 0, 0, True),
                ("exchange", "setShares", 0, 0),
                ("oracles", "scheduleConfig", oracles, [16, 16, 16], (ZERO, ZERO), 10**6),
                ("oracles", "registerFacility", who.address, who.address, 1, [1, 1, 1], 1),
                ("oracles", "scheduleFacilityTerms", 0, [1, 1, 1], 1, True, 10**6),
            )
            reply = self.do.send(who, *data.draw(st.sampled_from(attempts), label="attempt"))
            self.refused("overreach", reply, "AccessManagedUnauthorized", caller=who.address)
            return
        internal: tuple[tuple[str, str, str, tuple[str | int, ...]], ...] = (
            ("token", "vault", "noteRecirculated", (ONCE,)),
            ("citizens", "vault", "admit", (1,)),
            ("citizens", "vault", "dismiss", (0,)),
            ("citizens", "token", "startAccrual", (who.address, 0)),
            ("citizens", "token", "endAccrual", (who.address,)),
            ("citizens", "token", "payRange", (who.address, 0, 1)),
        )
        rightful, role, function, given = data.draw(st.sampled_from(internal), label="attempt")
        if kind == "contract's":
            caller, reply = who.address, self.do.send(who, role, function, *given)
        else:
            caller, reply = world.addresses["timelock"], self._by_timelock(role, function, *given)
        self.refused("overreach", reply, "UnexpectedCaller", caller=caller, expected=world.addresses[rightful])


def recovered_from(signature: bytes, digest: bytes) -> str:
    """Whose signature over this digest it is; nobody's account if it is none."""
    try:
        return Signature.from_bytes(signature).recover(digest)
    except SignatureError:
        return ZERO
