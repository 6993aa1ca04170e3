"""The runner: takes building block runs from meshStack, orders what they ask for, and reports how that fares.

    meshStack ──claim──► claimer ──► record in Redis ──► desk: order, watch, report ──► meshStack
                                                          │  ▲
                                                  producer▼  │replication
                                                        Redis ◄── workers

`process.py` starts it, `runner.py` keeps its runs, `claimer.py` asks for more. `desk.py` does what is due for one run:
`inputs.py` and `completion.py` make an order of it, `report.py` and `planned.py` make steps for people of what stands.
A runner never calls AWS, and holds no thread while AWS works: `record.py` is all that it knows of a run, in Redis.
"""
