"""The chain as the off-chain programs see it: typed reads of the contracts, keys, and sending transactions.

Everything that goes over the network is asynchronous, and raises a ChainError wherever it fails.
"""
