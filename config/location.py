"""A location: where platforms are grouped in meshStack, such as a data centre or an environment."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from config.document_fields import Metadata, Part


class Location(BaseModel):
    """One location, by name."""

    model_config = ConfigDict(frozen=True)

    name: str
    display_name: str


class LocationSpec(Part):
    """The specification of a location."""

    display_name: str | None = None


class LocationDocument(Part):
    """A meshLocation document."""

    api_version: Literal["v1-preview", "v1"]
    kind: str
    metadata: Metadata
    spec: LocationSpec = LocationSpec()

    def normalise(self) -> Location:
        """Return the location as the layers above see it."""
        return Location(name=self.metadata.name, display_name=self.spec.display_name or self.metadata.name)
