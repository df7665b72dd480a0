"""Governance from the command line: proposals from files, ballots by signature, and what a proposal would change.

recipe ── calls and a text, from a TOML file ──▶ proposal ──▶ governor (reads, calls)
                                                    │
                                                    └──▶ rehearsal: on a fork of the present state, before anyone votes
"""
