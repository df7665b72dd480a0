"""What of the contracts is best shown from Python."""
