"""The connectorRunner document: what the inputs of meshStack's building block runs mean, and what outputs are called.

There may be one, and every field may be left out: `DEFAULT_MAPPING` is what holds then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from config.document_fields import OwnPart

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=255)]
DEFAULT_ZONE = "development"


def _each_once(names: Mapping[str, str], what: str) -> None:
    for name, number in Counter(names.values()).items():
        if number > 1:
            raise ValueError(f"'{name}' {what}; each needs one of its own")


class RunInputs(OwnPart):
    """For each field of an order, the key of the input that holds it."""

    workspace: Name = "workspace"
    project: Name = "project"
    platform: Name = "platform"
    landing_zone: Name = "landing_zone"
    users: Name = "users"
    tenant_uuid: Name = "tenant_uuid"
    account_id: Name = "account_id"
    tags: Name = "tags"

    @model_validator(mode="after")
    def check_keys(self) -> RunInputs:
        """Refuse one input for two fields."""
        _each_once(dict(self), "is the key of two inputs")
        return self


class RunDefaults(OwnPart):
    """What holds where neither the run nor meshStack says anything."""

    landing_zone: Name = DEFAULT_ZONE


class RunOutputs(OwnPart):
    """For each output, its name in the definition of the building block; without a name it is not sent."""

    account_id: Name | None = None
    sign_in_url: Name | None = None
    summary: Name | None = None
    access_role_arn: Name | None = None

    @model_validator(mode="after")
    def check_names(self) -> RunOutputs:
        """Refuse one name for two outputs."""
        _each_once({field: name for field, name in self if name is not None}, "is the name of two outputs")
        return self


DEFAULT_OUTPUTS = RunOutputs(accountId="account_id", signInUrl="sign_in_url", summary="summary")


class RunnerMapping(BaseModel):
    """What the runner makes of inputs and outputs."""

    model_config = ConfigDict(frozen=True)

    inputs: RunInputs = RunInputs()
    landing_zone: str = DEFAULT_ZONE
    outputs: RunOutputs = DEFAULT_OUTPUTS
    names_landing_zone: bool = False  # a document names it, so that it must be there


DEFAULT_MAPPING = RunnerMapping()
"""What holds without a document."""


class RunnerSpec(OwnPart):
    """The specification of the runner."""

    inputs: RunInputs = RunInputs()
    defaults: RunDefaults = RunDefaults()
    outputs: RunOutputs = DEFAULT_OUTPUTS


class RunnerMetadata(OwnPart):
    """The metadata of the document."""

    name: Name = "default"


class RunnerDocument(OwnPart):
    """A connectorRunner document."""

    api_version: Literal["v1"] = "v1"
    kind: str
    metadata: RunnerMetadata = RunnerMetadata()
    spec: RunnerSpec = RunnerSpec()

    def normalise(self) -> RunnerMapping:
        """Return what it says as the layers above see it."""
        return RunnerMapping(
            inputs=self.spec.inputs,
            landing_zone=self.spec.defaults.landing_zone,
            outputs=self.spec.outputs,
            names_landing_zone="landing_zone" in self.spec.defaults.model_fields_set,
        )
