"""The archive: trees of reports, and who signed what. Unlike the state file it may be lost: peers have the same.

trees       for each report that this oracle signed or saw accepted, its leaves by the tree's commitment
signed      what others were seen to sign, at most two messages for a place where one may be: two are evidence
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eth_typing import ChecksumAddress

from sbi_network.errors import ProtocolError
from sbi_network.oracle.errors import OracleStateError
from sbi_network.oracle.identity import identity_of
from sbi_network.protocol.exhibit import decode_leaves, encode_leaves
from sbi_network.protocol.json_form import Signed, decode_signed, encode_signed
from sbi_network.protocol.messages import Observation, Reading, Report
from sbi_network.protocol.sumtree import SumTree
from sbi_network.protocol.typed_data import Domain, TypedMessage
from sbi_network.state_file import Form, StateFile

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS trees (
    epoch INTEGER NOT NULL,
    commitment BLOB NOT NULL,
    leaves BLOB NOT NULL,
    PRIMARY KEY (epoch, commitment)
) STRICT;
CREATE TABLE IF NOT EXISTS signed (
    kind TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    view INTEGER NOT NULL,
    number INTEGER NOT NULL,
    config BLOB NOT NULL,
    digest BLOB NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (kind, epoch, view, number, config, digest)
) STRICT;
CREATE TABLE IF NOT EXISTS closed (
    kind TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    number INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (kind, epoch, number)
) STRICT
"""

Evidence = Signed[Reading] | Signed[Observation] | Signed[Report]
"""What can be signed twice."""

_KINDS: Final[dict[str, type[TypedMessage]]] = {each.__name__.lower(): each for each in (Reading, Observation, Report)}


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Two different signed messages where one is allowed: of a facility (reading) or an oracle (the others)."""

    number: int
    first: Evidence
    second: Evidence

    @property
    def kind(self) -> str:
        """What was signed twice."""
        return kind_of(self.first)

    @property
    def epoch(self) -> int:
        """Which epoch it is about."""
        return self.first.message.epoch


def kind_of(signed: Evidence) -> str:
    """Which kind of message this is, in a word."""
    return type(signed.message).__name__.lower()


class Archive(StateFile):
    """An oracle's archive. Raises OracleStateError wherever it cannot be read or written."""

    FORM = Form(1, _SCHEMA, OracleStateError)

    def __init__(self, path: Path | str, signer: ChecksumAddress, domain: Domain) -> None:
        super().__init__(path, identity_of("archive", signer, domain))
        self._domain = domain

    def keep_tree(self, epoch: int, tree: SumTree) -> None:
        """On disk when this returns."""
        self.check_fits(epoch)
        leaves = encode_leaves(tree.leaves)
        self.write("INSERT OR IGNORE INTO trees VALUES (?, ?, ?)", epoch, tree.commitment, leaves)

    def tree(self, epoch: int, commitment: bytes) -> SumTree | None:
        """The tree with this commitment, if it is here."""
        self.check_fits(epoch)
        found = self.leaves(epoch, commitment)
        if found is None:
            return None
        try:
            tree = decode_leaves(found)
        except ProtocolError as error:
            raise OracleStateError(f"{self._path}: a tree of epoch {epoch} cannot be read: {error}") from None
        if tree.commitment != commitment:
            raise OracleStateError(f"{self._path}: a tree of epoch {epoch} is not what was kept")
        return tree

    def leaves(self, epoch: int, commitment: bytes) -> bytes | None:
        """The same as `encode_leaves` has it, for a peer: not checked."""
        found = self.rows("SELECT leaves FROM trees WHERE epoch = ? AND commitment = ?", epoch, commitment)
        return bytes(found[0][0]) if found else None

    def drop_other_trees(self, epoch: int, accepted: bytes) -> None:
        """Forget what was signed in an epoch's other views: the chain has taken `accepted`, for good."""
        self.write("DELETE FROM trees WHERE epoch = ? AND commitment != ?", epoch, accepted)

    def note(self, number: int, signed: Evidence) -> Equivocation | None:
        """Keep what a maker was seen to sign; the pair, the first time that it is the second for its place.

        The signature was checked. A third message adds nothing and is not kept.
        """
        kind, message = kind_of(signed), signed.message
        view = message.view_number if isinstance(message, Report) else 0
        config = b"" if isinstance(message, Reading) else message.config_digest
        digest, place = message.digest(self._domain), (kind, message.epoch, view, number, config)
        self.check_fits(message.epoch, view)
        with self.transaction() as db:
            query = "SELECT digest, message FROM signed WHERE (kind, epoch, view, number, config) = (?, ?, ?, ?, ?)"
            known = db.execute(query, place).fetchall()
            if len(known) > 1 or any(bytes(each[0]) == digest for each in known):
                return None
            db.execute("INSERT INTO signed VALUES (?, ?, ?, ?, ?, ?, ?)", (*place, digest, encode_signed(signed)))
        return Equivocation(number, _decoded(kind, known[0][1]), signed) if known else None

    def seen_reports(self, epoch: int) -> tuple[tuple[int, Signed[Report]], ...]:
        """The reports of an epoch that were seen signed, with their signers' numbers."""
        query = "SELECT number, message FROM signed WHERE kind = 'report' AND epoch = ? ORDER BY view, number"
        return tuple((number, decode_signed(Report, text)) for number, text in self.rows(query, epoch))

    def open_cases(self) -> tuple[Equivocation, ...]:
        """The equivocations that are not dealt with: one of each kind, epoch and maker."""
        query = """
            SELECT kind, number, min(message), max(message) FROM signed
            WHERE (kind, epoch, number) NOT IN (SELECT kind, epoch, number FROM closed)
            GROUP BY kind, epoch, view, number, config HAVING count(*) > 1 ORDER BY epoch, kind, number, view
        """
        cases: dict[tuple[str, int, int], Equivocation] = {}
        for kind, number, first, second in self.rows(query):
            case = Equivocation(number, _decoded(kind, first), _decoded(kind, second))
            cases.setdefault((kind, case.epoch, number), case)
        return tuple(cases.values())

    def close_case(self, case: Equivocation, why: str) -> None:
        """It was filed, or need not be. The evidence itself stays until it is pruned."""
        self.write("INSERT OR IGNORE INTO closed VALUES (?, ?, ?, ?)", case.kind, case.epoch, case.number, why)

    def prune(self, oldest_tree: int, oldest_evidence: int) -> None:
        """Forget the trees that nobody can demand any more, and evidence that no contract takes."""
        with self.transaction() as db:
            db.execute("DELETE FROM trees WHERE epoch < ?", (oldest_tree,))
            db.execute("DELETE FROM signed WHERE epoch < ?", (oldest_evidence,))
            db.execute("DELETE FROM closed WHERE epoch < ?", (oldest_evidence,))


def _decoded(kind: str, text: str) -> Any:
    return decode_signed(_KINDS[kind], text)
