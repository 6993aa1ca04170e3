"""Commands about tenants: order, plan, show, repeat, cancel, delete. They talk to the API and nothing else."""
