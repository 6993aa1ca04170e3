"""A building block run as meshStack hands it out; of its fields those that concern us."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator
from pydantic.alias_generators import to_camel

LIST_TYPES = frozenset({"MULTI_SELECT", "LIST"})
SEALABLE = frozenset({"STRING", "CODE", "FILE"})  # types of inputs that meshStack encrypts


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def drop_nulls(cls, data: Any) -> Any:
        """Take null for left out, as meshStack writes it."""
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Input(_Part):
    """One input; of a sensitive one the value is encrypted."""

    key: str
    value: JsonValue = None
    type: str = "STRING"
    is_sensitive: bool = False


class Link(_Part):
    """Where something is found."""

    href: str


class Links(_Part):
    """Where a run is reported, and what belongs to it."""

    self_: Link | None = Field(default=None, alias="self")
    register_source: Link | None = None
    update_source: Link | None = None  # templated: {sourceId}
    plan_artifact: Link | None = None
    predecessor: Link | None = None


class BlockSpec(_Part):
    """What a building block is for."""

    display_name: str = ""
    workspace_identifier: str | None = None
    project_identifier: str | None = None
    full_platform_identifier: str | None = None
    inputs: list[Input] = Field(default_factory=list)


class Block(_Part):
    """The building block that a run works on."""

    uuid: str
    spec: BlockSpec = BlockSpec()


class RunSpec(_Part):
    """What a run is to do."""

    run_number: int = 0
    behavior: str
    run_token: str | None = Field(default=None, repr=False)
    building_block: Block


class RunMetadata(_Part):
    """How a run is named."""

    uuid: str


class ClaimedRun(_Part):
    """A run that was handed to us."""

    metadata: RunMetadata
    spec: RunSpec
    links: Links = Field(default_factory=Links, alias="_links")

    @property
    def uuid(self) -> str:
        """How the run is named."""
        return self.metadata.uuid

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """Read the answer to a claim; raises UnreadableRun."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
            raise UnreadableRun(_uuid(document), fields) from error


class UnreadableRun(ValueError):
    """meshStack handed out something that is not a run as we know it."""

    def __init__(self, uuid: str | None, fields: list[str]) -> None:
        super().__init__(uuid, fields)
        self.uuid = uuid  # None: not even that can be read
        self.fields = fields  # what is missing or of another type

    def __str__(self) -> str:
        return f"cannot be read: {', '.join(self.fields)}"


def _uuid(document: dict[str, Any]) -> str | None:
    metadata = document.get("metadata")
    uuid = metadata.get("uuid") if isinstance(metadata, dict) else None
    return uuid if isinstance(uuid, str) else None
