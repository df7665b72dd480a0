"""Keys on another machine: the client of an HTTP signer that speaks web3signer's `eth1` API, and a small reference.

The reference is `sbi signer`. It was written from the documented API, as the client was; neither was run against
web3signer itself.
"""
