"""meshObjects: workspaces, projects, tenants, who has which role, and what a tenant's order is made of.

Open `desired.py` first: the one function from objects to an order. `importing.py` takes objects that come over the API,
`pull.py` those that are read from meshStack.
"""
