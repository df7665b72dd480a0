"""The explorer: indexes the suite's events and serves a public dashboard, a wallet page and a read API.

Data flows one way: `feed` reads blocks and logs from the node, `events` decodes them, `handlers` derive tables from
them, `store` writes events, derived rows and cursor in one transaction; `queries` and `api` only read.
"""
