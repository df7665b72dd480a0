"""Inputs for Etherscan- and Sourcify-like services: one standard-JSON file for all contracts, and a list of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from scripts._artifacts import compile_suite
from scripts._deploy import DeploymentError, read_record

INPUT = "standard-input.json"
LIST = "contracts.json"


def export(chain_id: int, folder: Path | None) -> Iterator[str]:
    """Writes both files into a folder (None: checks alone). Says what there is; raises DeploymentError."""
    record = read_record(chain_id)
    compiled = compile_suite()
    if record.compiler is None or record.compiler.sources_sha256 != compiled.digest:
        deployed = record.compiler.sources_sha256 if record.compiler else "unknown"
        raise DeploymentError(
            f"the sources (sha256 {compiled.digest}) are not those that were deployed (sha256 {deployed}): check out "
            "the version that was"
        )
    listed = []
    for role, entry in record.contracts.items():
        artifact = compiled[entry.contract]
        listed.append(
            {
                "role": role,
                "contract": artifact.qualified_name,
                "address": entry.address,
                "compiler": f"v{compiled.compiler}",
                "constructor_arguments": entry.constructor_arguments,
            }
        )
        yield f"{role:>9}  {entry.address}  {artifact.qualified_name}"
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INPUT).write_bytes(compiled.standard_input)
        text = json.dumps({"chain_id": chain_id, "contracts": listed}, indent=1) + "\n"
        (folder / LIST).write_text(text, encoding="utf-8")
        yield f"wrote {folder / INPUT} and {folder / LIST}; compiler v{compiled.compiler}"
