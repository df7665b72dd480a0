"""Bugs seeded in the contracts, one file each in `bugs/`, and the runner that shows that the stateful model sees them.

python -m tests.invariants.seeded_bugs               the sound contracts pass, then each bug is caught
python -m tests.invariants.seeded_bugs NAME …        these bugs alone
"""
