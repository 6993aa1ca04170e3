"""The soak: a whole cluster under load while its processes are killed, its Redis restarted and AWS fails.

    make soak                                       # 10 minutes, 200 tenants, 4 workers
    make soak SECONDS=120 TENANTS=60                # shorter

It prints its figures, writes them to docs/reliability.md, and ends with 1 when anything was lost, twice or wrong.
"""
