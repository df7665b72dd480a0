"""What peers' published contracts cost for the same work, on the same Anvil as ours: `make peers`."""
