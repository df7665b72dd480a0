"""A network of real processes, and what is done to it: `python -m tests.chaos --help`."""
