"""What we were told: a tenant's desired state, and what people decided about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:  # whoever only shows orders reads no documents
    from config.landing_zone import LandingZone
    from config.platform import Platform


def _plain_text(text: str) -> str:
    """Refuse control characters: no name or tag in AWS may hold one, and logs and terminals must not."""
    if any(character in CONTROL_CHARACTERS for character in text):
        raise ValueError("must not hold control characters")
    return text


CONTROL_CHARACTERS = frozenset(map(chr, (*range(32), *range(127, 160)))) - set("\t\n\r")

Text = Annotated[str, StringConstraints(max_length=255), AfterValidator(_plain_text)]  # 255 is meshStack's own bound

Tags = dict[Text, list[Text]]


class Document(BaseModel):
    """A part of the desired state: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Workspace(Document):
    """The owner of the project."""

    display_name: Text | None = None
    tags: Tags = Field(default_factory=dict)


class Creator(Document):
    """Who created the project in meshStack."""

    email: Text | None = None


class Project(Document):
    """The project that ordered the tenant."""

    mesh_project_id: Annotated[int, Field(ge=0)] | None = Field(default=None, description="its number in meshStack")
    display_name: Text | None = None
    tags: Tags = Field(default_factory=dict)
    created_by: Creator | None = None


class PaymentMethod(Document):
    """How the project is paid for."""

    identifier: Text
    name: Text | None = None
    expiration_date: Text | None = None
    amount: Text | None = None
    tags: Tags = Field(default_factory=dict)


PAYMENT_METHOD_FORMS = ("text", "object")  # tags of the union below; no fields


def _form(value: object) -> str:
    return "text" if isinstance(value, str) else "object"


PaymentMethodOrIdentifier = Annotated[
    Annotated[Text, Tag("text")] | Annotated[PaymentMethod, Tag("object")], Discriminator(_form)
]


class Person(Document):
    """One entry of meshStack's USER_PERMISSIONS: a person and the project roles they have."""

    mesh_identifier: Text | None = None
    username: Text
    first_name: Text | None = None
    last_name: Text | None = None
    email: Text | None = None
    euid: Text | None = Field(default=None, description="the userName in the identity store; None: no cloud access yet")
    roles: Annotated[list[Text], Field(min_length=1)]


class Desired(Document):
    """The desired state of a tenant, as meshStack or a person sends it."""

    landing_zone: Text
    platform_tenant_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = Field(
        default=None, description="an existing AWS account to import: 12 digits"
    )
    tenant_platform_number: Annotated[int, Field(ge=0)] | None = None
    workspace: Workspace = Workspace()
    project: Project = Project()
    payment_method: PaymentMethodOrIdentifier | None = Field(
        default=None, description="an object, or the identifier alone"
    )
    access: list[Person] = Field(default_factory=list)


class Deletion(Document):
    """A request to delete a tenant. It stands until the tenant is ordered again or the request is declined."""

    requested_at: datetime
    requested_by: Text | None = Field(default=None, description="name of the API token")
    approved_at: datetime | None = None
    approved_by: Text | None = None


class Lifecycle(StrEnum):
    """Where a tenant stands in its life, in meshStack's words."""

    ACTIVE = "ACTIVE"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"
    DELETED = "DELETED"


class Pause(Document):
    """Why nothing runs for a tenant or a platform, until somebody resumes it."""

    paused_at: datetime
    paused_by: Text | None = Field(default=None, description="name of the API token")
    reason: Text | None = None


@dataclass(frozen=True, order=True)
class TenantId:
    """Names a tenant everywhere: `<workspace>.<project>.<platform>.<location>`."""

    workspace: str
    project: str
    platform: str  # <platform>.<location>

    def __str__(self) -> str:
        return f"{self.workspace}.{self.project}.{self.platform}"

    @classmethod
    def parse(cls, text: str) -> TenantId:
        """Read `<workspace>.<project>.<platform>.<location>`; ValueError says what is wrong."""
        parts = text.split(".")
        if len(parts) != 4 or not all(parts):
            raise ValueError(f"{text!r} is not a valid tenant; use <workspace>.<project>.<platform>.<location>")
        return cls(parts[0], parts[1], f"{parts[2]}.{parts[3]}")


@dataclass(frozen=True)
class Tenant:
    """A tenant as a step sees it: the desired state with the configuration it names."""

    id: TenantId
    desired: Desired
    platform: Platform
    landing_zone: LandingZone
    deletion: Deletion | None = None  # the request to delete it; None: it is to be there
    landing_zone_known: bool = True  # False: no document describes it any more; then `landing_zone` has its name only
    accounts_before: int = 0  # accounts of this tenant that are closed: the next one needs another email
    # AWS roles that any document maps on this platform: the tenant may have had any landing zone before.
    known_roles: frozenset[str] = frozenset()
