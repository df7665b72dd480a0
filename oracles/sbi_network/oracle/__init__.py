"""The oracle: gathers readings, observes, agrees with its peers on a report, and submits it.

`agreement` is the protocol itself, without network or clock; `epoch_round` drives it through an epoch; `node` starts a
round for each epoch; `app` is what peers speak to, `passport` who may; `process` is all of it together.

`desk` signs what `guard` and `archive` have put on disk. Once the chain has a report, `custody` keeps its tree,
`revealer` shows what is demanded of it, `faults` and `docket` dispute what is wrong. docs/oracle-network.md tells all.
"""
