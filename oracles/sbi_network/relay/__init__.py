"""The relayer: sends what people without ether have signed.

Data flows one way: `app` takes a request and reads it (`requests`), `gate` lets it in or refuses it, `store` keeps it,
`bundles` says what goes together, `carrier` sends it by the outbox and writes down what became of it.
"""
