"""Random sequences of deeds against a model of the rules in prose."""
