"""The pages for operators: what needs a person, every tenant, what holds it up, who can enter it, what it costs.

Plain HTML from the server, which needs no script to be read; htmx keeps it live. Open `visitor.py` for who may see and
do what, `rendering.py` for how a page is made, then one file for each page. `templates/parts.html` draws every
component once, `assets/style.css` gives it its looks.
"""

from workers.api.pages import (
    actions,
    assets,
    company_sign_in,
    costs,
    limits,
    others,
    overview,
    plan,
    platforms,
    rollouts,
    sign_in,
    tenant,
    tenants,
)
from workers.api.pages.provider import provider_of
from workers.api.pages.strays import add_handlers

__all__ = ["ROUTERS", "add_handlers", "provider_of"]

PAGES = (
    assets,
    sign_in,
    company_sign_in,
    overview,
    tenants,
    tenant,
    actions,
    plan,
    platforms,
    rollouts,
    others,
    limits,
    costs,
)
ROUTERS = tuple(each.router for each in PAGES)
"""The routes of all pages."""
