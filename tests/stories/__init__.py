"""Bad days and a vote, each played on a chain from start to end: what the actors could do and could not, in figures."""
