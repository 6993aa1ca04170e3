"""The fault matrix: every AWS call of a replication by every fault, each cell in a process of its own.

What it means and what it found: docs/reliability.md, "Fault matrix".

wire.py        between botocore and the network: records the calls of a process, and strikes one of them
cell.py        one tenant's replication in a forked process, as a worker runs it; killed ones are continued by another
end_state.py   what AWS and Redis hold in the end, made comparable
choice.py      which cells are run
matrix.py      records the calls, makes the cells from them, runs and judges them
table.py       what people see
"""
