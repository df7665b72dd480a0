"""Rolls of citizens: batches under a Merkle root, and the files they come from."""

from sbi_network.roll.batch import Batch, build_batch, root_from_proof, verify_proof
from sbi_network.roll.leaf import CitizenLeaf
from sbi_network.roll.roll_file import read_leaves, read_roll, write_leaves, write_roll

__all__ = [
    "Batch",
    "CitizenLeaf",
    "build_batch",
    "read_leaves",
    "read_roll",
    "root_from_proof",
    "verify_proof",
    "write_leaves",
    "write_roll",
]
