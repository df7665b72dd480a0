"""Oracle registry, bonds and disputes: reports, configurations, facilities, who stands, what is demanded."""

from __future__ import annotations

import json
from typing import Final

from sbi_network.explorer import schema
from sbi_network.explorer.events import Event
from sbi_network.explorer.handlers.money import epoch_row
from sbi_network.explorer.state import Row
from sbi_network.explorer.work import Handler, Work, blank, placed

_NO_SIGNER: Final[Row] = blank(
    schema.signers, bond=0, unlocks_at=0, slashed=False, stands=False, signed=0, last_epoch=None
)


def _accepted(work: Work, event: Event) -> None:
    epoch, report = event.integer("epoch"), event.args["report"]
    row: Row = {
        "config_version": event.integer("configVersion"),
        "signers": event.integer("signers"),
        "view": int(report["viewNumber"]),
        "weights_version": int(report["weightsVersion"]),
        "facility_count": int(report["facilityCount"]),
        "root": report["root"],
        "raw_general": int(report["rawGeneral"]),
        "raw_intelligent": int(report["rawIntelligent"]),
        "raw_super": int(report["rawSuper"]),
        "reported_output": int(report["publicOutput"]),
        "public_output": int(report["publicOutput"]),
        "accepted_at": work.timestamp,
        "disputable_until": work.timestamp + work.terms.dispute_window,
        **placed(event, "report_"),
    }
    work.state.put(schema.epochs, {**epoch_row(work, epoch), **row})
    oracles = json.loads(work.must(schema.configs, event.integer("configVersion"))["oracles"])
    for number, oracle in enumerate(oracles):
        if event.integer("signers") >> number & 1:
            signer = _signer(work, oracle)
            _put_signer(work, oracle, signed=signer["signed"] + 1, last_epoch=epoch)


def _output_taken_out(work: Work, event: Event) -> None:
    work.change(schema.epochs, event.integer("epoch"), public_output=event.integer("left"))


def _report_voided(work: Work, event: Event) -> None:
    work.change(schema.epochs, event.integer("epoch"), is_void=True)


def _postponed(work: Work, event: Event) -> None:
    until = event.integer("disputableUntil")
    work.change(schema.epochs, event.integer("epoch"), demands=event.integer("demands"), disputable_until=until)


def _config_scheduled(work: Work, event: Event) -> None:
    """One scheduled for the same or a later epoch gives way; that a standby set replaces none is told just after."""
    version, from_epoch = event.integer("version"), event.integer("fromEpoch")
    for later in _configs(work, lambda row: row["from_epoch"] >= from_epoch and row["replaced_by"] is None):
        # The first is never replaced: the registry keeps at least one.
        if later["version"] != 1:
            work.state.put(schema.configs, {**later, "replaced_by": version})
    row = {
        "version": version,
        "from_epoch": from_epoch,
        "digest": event.args["digest"],
        "weights_version": event.integer("weightsVersion"),
        "weights": json.dumps([int(weight) for weight in event.args["weightsX16"]]),
        "oracles": json.dumps(event.args["oracles"]),
        "replaced_by": None,
    }
    work.state.put(schema.configs, {**row, **placed(event)})
    for oracle in event.args["oracles"]:
        _put_signer(work, oracle)


def _standby_seated(work: Work, event: Event) -> None:
    version = event.integer("version")
    for row in _configs(work, lambda row: row["replaced_by"] == version):
        work.state.put(schema.configs, {**row, "replaced_by": None})


def _configs(work: Work, is_meant: object) -> list[Row]:
    return work.state.rows(schema.configs, is_meant)  # type: ignore[arg-type]


def _facility_registered(work: Work, event: Event) -> None:
    row = {
        "facility": event.integer("facility"),
        "operator": event.address("operator"),
        "reading_key": event.address("readingKey"),
        "region": event.integer("region"),
    }
    work.state.put(schema.facilities, {**row, **placed(event)})


def _terms_scheduled(work: Work, event: Event) -> None:
    facility, terms = event.integer("facility"), event.args["terms"]
    from_epoch = int(terms["fromEpoch"])
    later = work.state.rows(
        schema.facility_terms, lambda row: row["from_epoch"] >= from_epoch, of=("facility", facility)
    )
    for row in later:
        work.state.remove(schema.facility_terms, facility, row["from_epoch"])
    row = {
        "facility": facility,
        "from_epoch": from_epoch,
        "capacity_general": int(terms["capacityGeneral"]),
        "capacity_intelligent": int(terms["capacityIntelligent"]),
        "capacity_super": int(terms["capacitySuper"]),
        "public_share_bps": int(terms["publicShareBps"]),
        "active": terms["active"],
    }
    work.state.put(schema.facility_terms, {**row, **placed(event)})


def _signer(work: Work, address: str) -> Row:
    return work.state.get(schema.signers, address) or {**_NO_SIGNER, "address": address}


def _put_signer(work: Work, address: str, **values: object) -> None:
    work.state.put(schema.signers, {**_signer(work, address), **values})


def _standing_changed(work: Work, event: Event) -> None:
    _put_signer(work, event.address("signer"), stands=event.args["stands"], **placed(event))


def _bonded(work: Work, event: Event) -> None:
    _put_signer(work, event.address("signer"), owner=event.address("owner"), bond=event.integer("amount"))


def _unbonded(work: Work, event: Event) -> None:
    _put_signer(work, event.address("signer"), unlocks_at=event.integer("unlocksAt"))


def _bond_freed(work: Work, event: Event) -> None:
    _put_signer(work, event.address("signer"), owner=None, bond=0, unlocks_at=0)


def _slashed(work: Work, event: Event) -> None:
    _put_signer(work, event.address("signer"), owner=None, bond=0, unlocks_at=0, slashed=True)


def _demanded(work: Work, event: Event) -> None:
    row = {
        **{name: event.integer(name) for name in ("epoch", "level", "position", "bond", "deadline")},
        "demander": event.address("demander"),
        "status": "open",
    }
    work.state.put(schema.demands, {**row, **placed(event)})


def _demand_ended(work: Work, event: Event) -> None:
    how = {"PlaceRevealed": "revealed", "DemandLapsed": "lapsed", "DemandRefunded": "refunded"}[event.name]
    key = [event.integer(name) for name in ("epoch", "level", "position")]
    work.change(schema.demands, *key, status=how)


HANDLERS: Final[dict[str, dict[str, Handler]]] = {
    "oracles": {
        "ReportAccepted": _accepted,
        "OutputTakenOut": _output_taken_out,
        "ReportVoided": _report_voided,
        "FinalityPostponed": _postponed,
        "ConfigScheduled": _config_scheduled,
        "StandbySeated": _standby_seated,
        "FacilityRegistered": _facility_registered,
        "FacilityTermsScheduled": _terms_scheduled,
        "StandingChanged": _standing_changed,
    },
    "bonds": {
        "SignerBonded": _bonded,
        "SignerUnbonded": _unbonded,
        "BondFreed": _bond_freed,
        "SignerSlashed": _slashed,
    },
    "disputes": {
        "PlaceDemanded": _demanded,
        "PlaceRevealed": _demand_ended,
        "DemandLapsed": _demand_ended,
        "DemandRefunded": _demand_ended,
    },
}
