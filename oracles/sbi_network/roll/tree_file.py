"""A tree on disk, as `layout` has it, closed from its leaf hashes up: many subtrees at once, then what joins them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sbi_network.roll.keccak_lanes import hash_pairs
from sbi_network.roll.layout import NODE_WIDTH
from sbi_network.roll.sorting import Rows, put_rows, read_rows


def tree_height(size: int) -> int:
    """Levels below the root of a tree of so many leaves."""
    return (2 * size - 1).bit_length() - 1


def split_depth(size: int, leaves: int) -> int:
    """The level whose subtrees have at most about so many leaves each; 0 if the whole tree has."""
    return max(0, tree_height(size) - (leaves.bit_length() - 1))


def level_begin(level: int) -> int:
    """The first node of a level; the root is level 0."""
    return (1 << level) - 1


def close_subtree(path: Path, size: int, root: int, levels: int) -> Rows:
    """Write the nodes of a subtree of so many levels below `root`; the lowest is in the file. Returns its top.

    In a tree of `size` leaves the nodes from `size` - 1 on are leaves, at the two lowest levels: these are read, too.
    """
    nodes = 2 * size - 1
    below = np.empty((0, NODE_WIDTH), np.uint8)
    for level in range(levels, -1, -1):
        # The descendants of one node at one level are neighbours.
        begin, end = min(((root + 1) << level) - 1, nodes), min(((root + 2) << level) - 1, nodes)
        inner_end = begin if level == levels else max(begin, min(end, size - 1))
        inner = _parents(below[: 2 * (inner_end - begin)])
        if len(inner):
            put_rows(path, inner, begin)
        below = np.concatenate([inner, read_rows(path, NODE_WIDTH, inner_end, end)])
    return below


def _parents(children: Rows) -> Rows:
    parents = np.empty((len(children) // 2, 4), np.uint64)
    hash_pairs(np.ascontiguousarray(children).view(np.uint64), parents)
    return parents.view(np.uint8)
