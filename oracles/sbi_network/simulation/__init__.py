"""The closed loop in aggregate: what a policy would do, before anything is deployed.

    quantity → scenario → case ─┬─▶ facilities ─┬─▶ loop (vault, policy, exchange, books, citizens) ─▶ outcome
                      readings ─┘     brakes ───┘        ▲
                                                     ensemble ─▶ sensitivity, report

Money is whole wei in Python integers, by the contracts' own rules (`policy`, `vault`, `exchange`, `books`); what people
choose is float64 in NumPy, one number a cohort (`citizens`). docs/simulation.md has the model and its limits.
"""
