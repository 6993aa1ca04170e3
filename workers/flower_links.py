"""The way from Flower back to the connector's page: a link in its bar, and from a task to its tenant.

Flower's own templates are read as they are, and the links put in where they fit; a version of Flower that looks
otherwise shows none.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from tornado.template import Loader, Template

TENANT_PARTS = 3  # workspace, project, and the platform, which has a dot
BAR = """<li class="nav-item"><a class="nav-link" href="{page}/">AWS Connector</a></li>
      </ul>"""
TASK = """<dl class="detail-list">
      {{% set connector_tenant = task.uuid.partition('/')[0] %}}
      {{% if task.uuid.count('/') == 3 and connector_tenant.count('.') == 3 %}}
      {{% set connector_path = '/'.join(connector_tenant.split('.', 2)) %}}
      <div class="detail-row task-data-row"><dt>Tenant</dt>
        <dd><a href="{page}/tenants/{{{{ connector_path }}}}">{{{{ connector_tenant }}}}</a></dd>
      </div>
      {{% end %}}"""
PLACES = {"navbar.html": ("</ul>", BAR), "task.html": ('<dl class="detail-list">', TASK)}


class LinkingTemplates(Loader):
    """Flower's templates with links to the page at an address."""

    def __init__(self, directory: str, page: str) -> None:
        super().__init__(directory)
        self._page = page.rstrip("/")

    def _create_template(self, name: str) -> Template:
        text = (Path(self.root) / name).read_text(encoding="utf-8")
        if name in PLACES:
            place, link = PLACES[name]
            text = text.replace(place, link.format(page=self._page), 1)
        return Template(text, name=name, loader=self)


def link_back(page: str) -> None:
    """Let Flower, which this process is about to start, link to the page at this address."""
    urls = import_module("flower.urls")  # only Flower's own process has a use for it

    settings: dict[str, Any] = urls.settings
    settings["template_loader"] = LinkingTemplates(settings["template_path"], page)
