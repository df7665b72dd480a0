"""What oracles, facilities, citizens and contracts agree on, byte by byte: the Python side of docs/protocol.md.

Pure: no network, no clock, no environment.
"""
