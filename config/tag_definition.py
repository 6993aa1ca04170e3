"""meshTagDefinition documents (v1) as meshStack writes them: which tags of a tenant become tags of its account.

A tag is replicated when its definition has a replicationKey. Definitions hold for all platforms that have `tenantTags`.
Source: meshStack API reference, meshTagDefinition; docs.meshcloud.io "Tags".
"""

from collections.abc import Iterable, Iterator
from typing import Literal

from config.document_fields import Metadata, Part
from config.patterns import sanitise_tag_key
from config.platform import TAG_SOURCES, ReplicatedTag, TagSource, TenantTags

_SOURCES: dict[str, TagSource] = {
    "meshproject": "project",
    "meshpaymentmethod": "paymentMethod",
    "meshworkspace": "workspace",
    "meshcustomer": "workspace",  # as older documents say
}


class TagDefinitionSpec(Part):
    """The specification of a tag; how people fill it in concerns only meshStack's portal."""

    target_kind: str
    key: str
    replication_key: str | None = None


class TagDefinitionDocument(Part):
    """A meshTagDefinition document."""

    api_version: Literal["v1"]
    kind: str
    metadata: Metadata
    spec: TagDefinitionSpec

    def normalise(self) -> ReplicatedTag | None:
        """Return the tag to replicate; None: it is not replicated, or is no tag of tenants."""
        source = _SOURCES.get(self.spec.target_kind.lower())
        if source is None or self.spec.replication_key is None:
            return None
        return ReplicatedTag(source=source, tag=self.spec.key, key=self.spec.replication_key)


def with_replicated(tags: TenantTags, replicated: Iterable[ReplicatedTag]) -> TenantTags:
    """Return the platform's tags with the replicated ones, in the order of their precedence and then by key."""
    order = sorted(replicated, key=lambda each: (TAG_SOURCES.index(each.source), each.key, each.tag))
    return tags.model_copy(update={"replicated": tuple(order)})


def overruled(tags: TenantTags) -> tuple[ReplicatedTag, ...]:
    """Return the replicated tags whose account tag a tag mapper writes."""
    mapped = {sanitise_tag_key(tags.namespace_prefix + mapper.key) for mapper in tags.tag_mappers}
    return tuple(each for each in tags.replicated if sanitise_tag_key(tags.namespace_prefix + each.key) in mapped)


def clashes(tags: TenantTags) -> Iterator[tuple[ReplicatedTag, ReplicatedTag]]:
    """Yield the pairs of definitions between which nobody could choose: one source, and one tag in AWS."""
    first: dict[tuple[TagSource, str], ReplicatedTag] = {}
    for each in tags.replicated:
        other = first.setdefault((each.source, sanitise_tag_key(tags.namespace_prefix + each.key)), each)
        if other is not each:
            yield other, each
