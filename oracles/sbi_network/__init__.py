"""The off-chain half of the Smart Basic Income suite. `docs/architecture.md` says which part does what."""
