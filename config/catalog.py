"""The catalog: every platform, landing zone and location of the configuration directory, checked as a whole.

All mistakes are found in one run: a person corrects a directory once, not line by line.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.documents import WHAT_BELONGS_HERE, Document, find_files, read_file
from config.landing_zone import LandingZone
from config.landing_zone_document import LandingZoneDocument, PlatformReference
from config.location import Location, LocationDocument
from config.mistakes import Mistake, mistakes_in, nearest, shown
from config.platform import Platform
from config.platform_document import PlatformDocument
from config.secret import SecretSources
from config.settings import process_environment

KINDS = ("meshLocation", "meshPlatform", "meshLandingZone")

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")


class CatalogError(ValueError):
    """The documents hold mistakes; the text has one line for each. Permanent: a person must correct them."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = f"{len(self.mistakes)} mistake{'s' if len(self.mistakes) > 1 else ''} in the configuration"
        super().__init__("\n".join([f"{count}:", *map(str, self.mistakes)]))


@dataclass(frozen=True)
class Catalog:
    """What the documents say. Platforms by identifier (`aws.sandbox`), landing zones and locations by name.

    `secrets` are the texts that no log may show; `notes` tell what was skipped or looks unwise.
    """

    platforms: Mapping[str, Platform]
    landing_zones: Mapping[str, LandingZone]
    locations: Mapping[str, Location]
    secrets: tuple[str, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


def load_catalog(
    paths: Iterable[Path], environment: Mapping[str, str] | None = None, *, complete: bool = True
) -> Catalog:
    """Read the documents in directories and files. Raises CatalogError with every mistake.

    complete  False: these are some documents of several; then platforms may be missing

    Secrets by `{env: NAME}` come from `environment`, by default the process's own and the `.env` file.
    """
    reader = _Reader(process_environment() if environment is None else environment, complete)
    places = list(paths)
    for file in find_files(places, reader.mistakes):
        for document in read_file(file, reader.mistakes):
            reader.read(document)
    catalog = reader.finish()
    if complete and not catalog.platforms:
        where = places[0] if places else Path()
        raise CatalogError(
            [Mistake(where, 0, "", None, f"holds no meshPlatform document of type aws; {WHAT_BELONGS_HERE}")]
        )
    return catalog


@dataclass
class _Reader:
    """Collects what one `load_catalog` finds."""

    environment: Mapping[str, str]
    complete: bool
    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set, repr=False)
    platforms: dict[str, tuple[Document, Platform]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    locations: dict[str, tuple[Document, Location]] = field(default_factory=dict)
    landing_zones: dict[str, tuple[Document, LandingZoneDocument]] = field(default_factory=dict)

    def read(self, document: Document) -> None:
        """Read one document by its kind (compared without regard to case, as meshStack does)."""
        readers: dict[str, Callable[[Document], None]] = {
            "meshlocation": self._location,
            "meshplatform": self._platform,
            "meshlandingzone": self._landing_zone,
        }
        kind = document.data.get("kind") if isinstance(document.data, dict) else None
        if isinstance(kind, str) and kind.lower() in readers:
            readers[kind.lower()](document)
        elif not isinstance(document.data, dict):
            self._mistake(document, "", None, f"must be a mapping with a kind: {', '.join(KINDS)}")
        elif kind is None:
            self._mistake(document, "kind", None, f"is required; allowed: {', '.join(KINDS)}")
        else:
            self._mistake(
                document, "kind", kind, f"is not read here; {nearest(str(kind), KINDS)}allowed: {', '.join(KINDS)}"
            )

    def finish(self) -> Catalog:
        """Check the documents against each other. Raises CatalogError."""
        self._check_locations()
        zones = {name: self._resolved(*found) for name, found in self.landing_zones.items()}
        if self.mistakes:
            raise CatalogError(self.mistakes)
        return Catalog(
            platforms=MappingProxyType({name: platform for name, (_, platform) in self.platforms.items()}),
            landing_zones=MappingProxyType(zones),
            locations=MappingProxyType({name: location for name, (_, location) in self.locations.items()}),
            secrets=tuple(sorted(self.secrets)),
            notes=tuple(self.notes),
        )

    def _location(self, document: Document) -> None:
        if (read := self._validate(LocationDocument, document)) is not None:
            location = read.normalise()
            self._add(self.locations, location.name, document, location)

    def _platform(self, document: Document) -> None:
        if self._is_aws(document, "config") and (read := self._validate(PlatformDocument, document)) is not None:
            platform = read.normalise()
            self._add(self.platforms, platform.identifier, document, platform)
            self._note_weak_separators(document, platform)
            self._note_idle(
                document,
                {
                    "awsSso": platform.scim is not None,
                    "enrollmentConfiguration": platform.enrollment is not None,
                    "waitForExternalAvm": platform.wait_for_external_avm,
                    "selfDowngradeAccessRole": platform.self_downgrade_access_role,
                    "metering": platform.metering is not None,
                },
            )

    def _landing_zone(self, document: Document) -> None:
        is_aws = self._is_aws(document, "platformProperties")
        if is_aws and (read := self._validate(LandingZoneDocument, document)) is not None:
            self._add(self.landing_zones, read.metadata.name, document, read)
            aws = read.spec.platform_properties.aws
            self._note_idle(
                document,
                {"awsEnrollAccount": aws.aws_enroll_account, "awsLambdaArn": aws.aws_lambda_arn is not None},
            )

    def _is_aws(self, document: Document, part: str) -> bool:
        """Tell whether a document is for AWS; note one that is not, and let a missing type be found by the model."""
        kind = _at(document.data, "spec", part, "type")
        if not isinstance(kind, str) or kind.lower() == "aws":
            return True
        name = _at(document.data, "metadata", "name")
        self._note(document, f"{name} is of type {kind}, not aws, and was skipped")
        return False

    def _validate(self, model: type[Model], document: Document) -> Model | None:
        sources = SecretSources(document.file.parent, self.environment, self.secrets)
        try:
            return model.model_validate(document.data, context=sources)
        except ValidationError as error:
            self.mistakes.extend(mistakes_in(error, model, document.file, document.number))
            self.broken.update(_names(document.data))
            return None

    def _add(self, into: dict[str, tuple[Document, Value]], name: str, document: Document, value: Value) -> None:
        if name in into:
            first, _ = into[name]
            self._mistake(document, "metadata.name", name, f"stands already in {first.file} (document {first.number})")
        else:
            into[name] = (document, value)

    def _check_locations(self) -> None:
        """Refuse a platform in an unknown location; without any meshLocation document locations are only names."""
        if not self.locations:
            return
        for document, platform in self.platforms.values():
            if platform.location not in self.locations and platform.location not in self.broken:
                allowed = f"{nearest(platform.location, self.locations)}known: {', '.join(sorted(self.locations))}"
                self._mistake(
                    document, "spec.locationRef", platform.location, f"is not the name of a meshLocation; {allowed}"
                )

    def _resolved(self, document: Document, zone: LandingZoneDocument) -> LandingZone:
        reference = zone.spec.platform_ref
        return zone.normalise(None if reference is None else self._platform_of(document, reference))

    def _platform_of(self, document: Document, reference: PlatformReference) -> str | None:
        """Return the identifier of the platform that is meant; a name without location counts when only one fits."""
        platforms = [platform for _, platform in self.platforms.values()]
        names = {reference.name, reference.identifier}
        found = [each.identifier for each in platforms if reference.uuid is not None and each.uuid == reference.uuid]
        found = found or [each.identifier for each in platforms if {each.identifier, each.name} & names]
        if len(found) == 1:
            return found[0]
        if not found and reference.uuid and any(platform.uuid is None for platform in platforms):
            return None  # a document without uuid may be the one that is meant; the zone is offered on every platform
        if not found and {reference.uuid, reference.name, reference.identifier} & self.broken:
            return None  # its document has mistakes of its own; they are told already
        if not self.complete and not self.platforms:
            self._note(document, "the platform of this landing zone is not among these documents")
            return None
        self._mistake(
            document, "spec.platformRef", reference.uuid or reference.identifier or reference.name, self._which(found)
        )
        return None

    def _which(self, found: list[str]) -> str:
        if found:
            return f"fits more than one platform; write one of {', '.join(sorted(found))}"
        known = ", ".join(f"{p.identifier} (uuid {p.uuid or 'not given'})" for _, p in self.platforms.values())
        return f"is not a platform of these documents; known: {known or 'none'}"

    def _note(self, document: Document, text: str) -> None:
        self.notes.append(f"{document.file} (document {document.number}): {text}")

    def _note_idle(self, document: Document, settings: Mapping[str, bool]) -> None:
        """Note what is asked for and has no effect in this version."""
        for name, asked in settings.items():
            if asked:
                self._note(document, f"{name} has no effect in this version")

    def _mistake(self, document: Document, path: str, value: object, message: str) -> None:
        self.mistakes.append(
            Mistake(document.file, document.number, path, None if value is None else shown(value), message)
        )

    def _note_weak_separators(self, document: Document, platform: Platform) -> None:
        """Note a name in which workspace a-b with project c looks like workspace a with project b-c."""
        access = platform.identity_store or platform.scim
        patterns = {"accountEmailPattern": platform.account_email_pattern}
        if access is not None:
            patterns["groupNamePattern"] = access.group_name_pattern
        for name, pattern in patterns.items():
            where = f"{name} '{pattern}'"
            if not pattern.tells_tenants_apart:
                self._note(
                    document, f"{where} may give two tenants the same text; AWS refuses the second one's account"
                )
            if pattern.is_ambiguous:
                weakness = "parts identifiers by what they may contain (a-b, c and a, b-c look alike)"
                self._note(document, f"{where} {weakness}; put a dot between them")


def _at(data: Any, *path: str) -> Any:
    """Return what stands at a path of unchecked data, or None."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _names(data: Any) -> set[str]:
    """Return the names by which other documents may mean this one, though it has mistakes."""
    name, uuid = _at(data, "metadata", "name"), _at(data, "metadata", "uuid")
    places = [_at(data, "spec", "locationRef", field) for field in ("name", "identifier")]
    names = [name, uuid, *(f"{name}.{place}" for place in places if place)]
    return {text for text in names if isinstance(text, str)}
