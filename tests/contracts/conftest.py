"""Deploys before Ape isolates the first test: each test then starts from the same suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scripts._deploy import Suite


@pytest.fixture(scope="module", autouse=True)
def _deployed_first(deployed_suite: Suite) -> None:
    """Nothing but the order."""
