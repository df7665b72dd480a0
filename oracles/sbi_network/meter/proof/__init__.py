"""Proof of compute: a device multiplies matrices that nobody could know before, against the clock.

| module | does |
|---|---|
| `challenge`, `keystream` | what follows from the beacons: sizes, seeds, matrices, the rows and vectors of the check |
| `schedule` | when a facility is challenged, and until when it may answer |
| `backends` | multiply: NumPy, PyTorch on CPU or CUDA |
| `prover`, `tree`, `opening` | the device's side: product, commitment, opened rows |
| `verifier`, `audit`, `soundness` | the oracle's side: the check, the verdict, what it is worth |
| `wrong_entry`, `evidence` | what the chain is shown; which products a reading rests on |

`docs/proof-of-compute.md` is the specification.
"""

from sbi_network.meter.proof.audit import Audit, Verdict
from sbi_network.meter.proof.backends import Backend, NumpyBackend, TorchBackend, backend_named
from sbi_network.meter.proof.challenge import Challenge, Sizes
from sbi_network.meter.proof.errors import (
    BackendError,
    OpeningFormatError,
    ProofOfComputeError,
    SizesError,
    WrongProductError,
)
from sbi_network.meter.proof.evidence import Evidence
from sbi_network.meter.proof.opening import OpenedRow, Opening
from sbi_network.meter.proof.prover import Proof, checked_opening, prove
from sbi_network.meter.proof.schedule import Terms, slots_of
from sbi_network.meter.proof.verifier import SharedCheck
from sbi_network.meter.proof.wrong_entry import WrongEntry, find_wrong_entry

__all__ = [
    "Audit",
    "Backend",
    "BackendError",
    "Challenge",
    "Evidence",
    "NumpyBackend",
    "OpenedRow",
    "Opening",
    "OpeningFormatError",
    "Proof",
    "ProofOfComputeError",
    "SharedCheck",
    "Sizes",
    "SizesError",
    "Terms",
    "TorchBackend",
    "Verdict",
    "WrongEntry",
    "WrongProductError",
    "backend_named",
    "checked_opening",
    "find_wrong_entry",
    "prove",
    "slots_of",
]
