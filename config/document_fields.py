"""What meshStack's documents have in common: camelCase fields, and parts that are not ours."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A part of a document of which some fields are ours; meshStack may write more, which we skip."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=False)


class OwnPart(Part):
    """A part that is the connector's own business: an unknown field is a mistake, for it would have no effect."""

    model_config = ConfigDict(extra="forbid")


class Metadata(Part):
    """The metadata of a document."""

    name: str
    uuid: str | None = None


class ProjectRoleReference(OwnPart):
    """A project role by its identifier, such as admin."""

    name: str
    kind: str | None = None
