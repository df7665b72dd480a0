"""The signing guard: what is about to be signed is on disk before it is signed, and nothing else takes its place.

One row for each (configuration, epoch) that was observed, one for each (configuration, epoch, view) whose report was
signed. An observation's readings are kept with it, so that an oracle that restarts sends the same one again.

A file that was put back from a copy does not know what was signed since. So nothing is claimed anew that an earlier
process may have signed, by whatever file: see docs/oracle-network.md, 'The signing guard'.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eth_typing import ChecksumAddress

from sbi_network.oracle.errors import OracleStateError, SecondDigestError, UnsureError
from sbi_network.oracle.identity import identity_of
from sbi_network.protocol.typed_data import Domain
from sbi_network.state_file import Form, StateFile

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS observations (
    config BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    digest BLOB NOT NULL,
    readings BLOB NOT NULL,
    PRIMARY KEY (config, epoch)
) STRICT;
CREATE TABLE IF NOT EXISTS reports (
    config BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    view INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (config, epoch, view)
) STRICT
"""


class SigningGuard(StateFile):
    """A state file. Raises OracleStateError wherever it cannot be read or written, or is another oracle's.

    Two processes with one file see each other's rows: the second is held to what the first has signed.
    """

    FORM = Form(1, _SCHEMA, OracleStateError)

    def __init__(self, path: Path | str, signer: ChecksumAddress, domain: Domain) -> None:
        super().__init__(path, identity_of("state", signer, domain))

    def observed(self, config: bytes, epoch: int) -> bytes | None:
        """The readings of the observation that was claimed for an epoch, as they were given."""
        found = self.rows("SELECT readings FROM observations WHERE config = ? AND epoch = ?", config, epoch)
        return bytes(found[0][0]) if found else None

    def has_signed_report(self, config: bytes, epoch: int) -> bool:
        """Whether any report of an epoch was claimed."""
        return bool(self.rows("SELECT 1 FROM reports WHERE config = ? AND epoch = ? LIMIT 1", config, epoch))

    def claim_observation(
        self, config: bytes, epoch: int, digest: bytes, readings: bytes, *, may_be_new: bool = True
    ) -> None:
        """Keep what is about to be signed.

        Raises SecondDigestError if another observation was claimed, UnsureError if none was and none may be now.
        """
        what = f"observation of epoch {epoch}"
        place = (config, epoch)
        self.check_fits(epoch)
        with self.transaction() as db:
            query = "SELECT digest FROM observations WHERE config = ? AND epoch = ?"
            kept = db.execute(query, place).fetchone()
            if kept is None:
                _require_new(what, may_be_new=may_be_new)
                db.execute("INSERT INTO observations VALUES (?, ?, ?, ?)", (*place, digest, readings))
            elif bytes(kept[0]) != digest:
                raise SecondDigestError(what, bytes(kept[0]), digest)

    def claim_report(self, config: bytes, epoch: int, view: int, digest: bytes, *, may_be_new: bool = True) -> None:
        """Keep what is about to be signed.

        Raises SecondDigestError if another report was claimed for this view, UnsureError if none was and none may be.
        """
        what = f"report of epoch {epoch}, view {view}"
        place = (config, epoch, view)
        self.check_fits(epoch, view)
        with self.transaction() as db:
            query = "SELECT digest FROM reports WHERE config = ? AND epoch = ? AND view = ?"
            kept = db.execute(query, place).fetchone()
            if kept is None:
                _require_new(what, may_be_new=may_be_new)
                db.execute("INSERT INTO reports VALUES (?, ?, ?, ?)", (*place, digest))
            elif bytes(kept[0]) != digest:
                raise SecondDigestError(what, bytes(kept[0]), digest)

    def prune(self, oldest: int) -> None:
        """Forget epochs before `oldest`, of which nothing can be asked any more."""
        with self.transaction() as db:
            db.execute("DELETE FROM observations WHERE epoch < ?", (oldest,))
            db.execute("DELETE FROM reports WHERE epoch < ?", (oldest,))


def _require_new(what: str, *, may_be_new: bool) -> None:
    if not may_be_new:
        raise UnsureError(what)
