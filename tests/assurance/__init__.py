"""Campaigns that show how far the contracts can be trusted; each a make target that writes its result."""
