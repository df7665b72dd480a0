"""The oracle: gathers readings, observes, agrees with its peers on a report, and submits it.

`agreement` is the protocol itself, without network or clock; `epoch_round` drives it through an epoch; `node` starts a
round for each epoch; `app` is what peers speak to; `process` is all of it together.
"""
