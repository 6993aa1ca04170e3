"""What meshStack's documents have in common: camelCase fields, and parts that are not ours."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.alias_generators import to_camel


class Part(BaseModel):
    """A part of a document of which some fields are ours; meshStack may write more, which we skip."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def drop_what_says_nothing(cls, data: Any) -> Any:
        """Take null for left out, as meshStack writes it, and an empty text too where a field may be left out."""
        if not isinstance(data, dict):
            return data
        optional = {field.alias or name for name, field in cls.model_fields.items() if not field.is_required()}
        return {
            name: value for name, value in data.items() if value is not None and not (value == "" and name in optional)
        }


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
