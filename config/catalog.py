"""The catalog: everything that the configuration directory describes, checked as a whole.

All mistakes are found in one run: a person corrects a directory once, not line by line.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from config.documents import WHAT_BELONGS_HERE, YamlDocument, find_files, read_file
from config.environment import process_environment
from config.federation import unfit_roles
from config.imported import IMPORTED, imported_documents
from config.landing_zone import LandingZone, ServiceControlPolicy, effective_role_mappings
from config.landing_zone_document import LandingZoneDocument, PlatformReference
from config.location import Location, LocationDocument
from config.mistakes import Mistake, mistakes_in, nearest, shown
from config.platform import Platform, with_neighbours
from config.platform_document import PlatformDocument
from config.prices import Prices, merged, other_currency, unknown_in_fees
from config.prices_document import ExchangeRatesDocument, PriceListDocument
from config.printable import counted
from config.remarks import costs_read_twice, powerless_groups, powerless_stacks, unknown_regions
from config.runner_document import DEFAULT_MAPPING, RunnerDocument, RunnerMapping
from config.secret import LookUp, SecretSources
from config.tag_definition import TagDefinitionDocument, clashes, overruled, with_replicated
from config.unique_names import shared_names

KINDS = (
    *("meshLocation", "meshPlatform", "meshLandingZone", "meshTagDefinition"),
    *("connectorRunner", "priceList", "exchangeRates"),
)

Model = TypeVar("Model", bound=BaseModel)
Value = TypeVar("Value")


class CatalogError(ValueError):
    """The documents hold mistakes; the text has one line for each. Permanent: a person must correct them."""

    def __init__(self, mistakes: Iterable[Mistake], secret_files: Iterable[Path] = ()) -> None:
        self.mistakes = tuple(mistakes)
        self.secret_files = tuple(secret_files)  # that documents name, also those that cannot be read
        count = f"{counted(len(self.mistakes), 'mistake')} in the configuration"
        super().__init__("\n".join([f"{count}:", *map(str, self.mistakes)]))


@dataclass(frozen=True)
class Catalog:
    """What the documents say. Platforms by identifier (`aws.sandbox`), landing zones and locations by name.

    `secrets` are the texts that no log may show; `notes` tell what was skipped or looks unwise.
    """

    platforms: Mapping[str, Platform]
    landing_zones: Mapping[str, LandingZone]
    locations: Mapping[str, Location]
    runner: RunnerMapping = DEFAULT_MAPPING  # what the runs of building blocks mean
    secrets: tuple[str, ...] = field(default=(), repr=False)
    secret_files: tuple[Path, ...] = ()  # that secrets were read from
    notes: tuple[str, ...] = ()
    prices: Prices = field(default_factory=Prices)

    @cached_property
    def known_roles(self) -> Mapping[str, frozenset[str]]:
        """The AWS roles that each platform maps, or a landing zone on it; by platform."""
        return {name: self._roles_of(platform) for name, platform in self.platforms.items()}

    def _roles_of(self, platform: Platform) -> frozenset[str]:
        zones = [zone for zone in self.landing_zones.values() if zone.platform in (None, platform.identifier)]
        mappings = (each for zone in (None, *zones) for each in effective_role_mappings(platform, zone))
        return frozenset(mapping.aws_role for mapping in mappings)


def load_catalog(
    paths: Iterable[Path],
    environment: Mapping[str, str] | None = None,
    *,
    complete: bool = True,
    secrets: bool = True,
    imported: Iterable[Mapping[str, Any]] = (),
    look_up: LookUp | None = None,
) -> Catalog:
    """Read the documents in directories and files. Raises CatalogError with every mistake.

    complete  False: these are some documents of several; then platforms may be missing
    secrets   False: this process calls no AWS; secrets that stand elsewhere are not read, and stay unresolved
    look_up   asks a secret store; None: secrets of stores stay unresolved
    imported  documents that came over the API (config/imported.py); one that a file describes too is left out

    Secrets by `{env: NAME}` come from `environment`, by default the process's own and the `.env` file.
    """
    sources = process_environment() if secrets and environment is None else environment
    reader = _Reader(sources if secrets else None, complete, look_up)
    places = list(paths)
    for file in find_files(places, reader.mistakes):
        for document in read_file(file, reader.mistakes):
            reader.read(document)
    for document in imported_documents(imported, reader.mistakes):
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

    environment: Mapping[str, str] | None
    complete: bool
    look_up: LookUp | None = None
    mistakes: list[Mistake] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set, repr=False)
    secret_files: set[Path] = field(default_factory=set)
    platforms: dict[str, tuple[YamlDocument, Platform]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    locations: dict[str, tuple[YamlDocument, Location]] = field(default_factory=dict)
    landing_zones: dict[str, tuple[YamlDocument, LandingZoneDocument]] = field(default_factory=dict)
    tag_definitions: dict[str, tuple[YamlDocument, TagDefinitionDocument]] = field(default_factory=dict)
    runner: tuple[YamlDocument, RunnerMapping] | None = None
    prices: dict[str, tuple[YamlDocument, Prices]] = field(default_factory=dict)

    def read(self, document: YamlDocument) -> None:
        """Read one document by its kind (compared without regard to case, as meshStack does)."""
        readers: dict[str, Callable[[YamlDocument], None]] = {
            "meshlocation": self._location,
            "meshplatform": self._platform,
            "meshlandingzone": self._landing_zone,
            "meshtagdefinition": self._tag_definition,
            "connectorrunner": self._runner,
            "pricelist": self._price_list,
            "exchangerates": self._exchange_rates,
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
        self._replicate_tags()
        self._introduce_neighbours()
        zones = {name: self._resolved(*found) for name, found in self.landing_zones.items()}
        self._check_guard_rails(zones)
        self._check_federated_roles(zones)
        self._check_names(zones)
        self._check_enrollment(zones)
        self._check_runner()
        self._check_prices(zones)
        self._remark(zones)
        if self.mistakes:
            raise CatalogError(self.mistakes, sorted(self.secret_files))
        return Catalog(
            platforms=MappingProxyType({name: platform for name, (_, platform) in self.platforms.items()}),
            landing_zones=MappingProxyType(zones),
            locations=MappingProxyType({name: location for name, (_, location) in self.locations.items()}),
            runner=self.runner[1] if self.runner is not None else DEFAULT_MAPPING,
            secrets=tuple(sorted(self.secrets)),
            secret_files=tuple(sorted(self.secret_files)),
            notes=tuple(self.notes),
            prices=merged(each for _, each in self.prices.values()),
        )

    def _location(self, document: YamlDocument) -> None:
        if (read := self._validate(LocationDocument, document)) is not None:
            location = read.normalise()
            self._add(self.locations, location.name, document, location)

    def _platform(self, document: YamlDocument) -> None:
        if self._is_aws(document, "config") and (read := self._validate(PlatformDocument, document)) is not None:
            platform = read.normalise()
            self._add(self.platforms, platform.identifier, document, platform)

    def _landing_zone(self, document: YamlDocument) -> None:
        is_aws = self._is_aws(document, "platformProperties")
        if is_aws and (read := self._validate(LandingZoneDocument, document)) is not None:
            self._add(self.landing_zones, read.metadata.name, document, read)

    def _tag_definition(self, document: YamlDocument) -> None:
        if (read := self._validate(TagDefinitionDocument, document)) is not None:
            self._add(self.tag_definitions, read.metadata.name, document, read)

    def _runner(self, document: YamlDocument) -> None:
        read = self._validate(RunnerDocument, document)
        if read is not None and self.runner is not None:
            first = self.runner[0]
            message = f"there is one already in {first.file} (document {first.number}), and only one may be"
            self._mistake(document, "kind", "connectorRunner", message)
        elif read is not None:
            self.runner = document, read.normalise()

    def _check_runner(self) -> None:
        """Refuse a default landing zone that no document describes."""
        if self.runner is None or not self.complete:
            return
        document, mapping = self.runner
        named, zones = mapping.landing_zone, self.landing_zones
        if mapping.names_landing_zone and named not in zones and named not in self.broken:
            message = f"is not the name of a meshLandingZone; {nearest(named, zones)}known: {', '.join(sorted(zones))}"
            self._mistake(document, "spec.defaults.landingZone", named, message)

    def _price_list(self, document: YamlDocument) -> None:
        if (read := self._validate(PriceListDocument, document)) is not None:
            self._add(self.prices, f"priceList {read.metadata.name}", document, read.normalise())

    def _exchange_rates(self, document: YamlDocument) -> None:
        if (read := self._validate(ExchangeRatesDocument, document)) is not None:
            self._add(self.prices, f"exchangeRates {read.metadata.name}", document, read.normalise())

    def _check_prices(self, zones: Mapping[str, LandingZone]) -> None:
        """Refuse fees for what does not exist, and rates into two currencies."""
        currency: str | None = None
        for document, prices in self.prices.values():
            found = [*other_currency(prices, currency)]
            if self.complete:
                found += unknown_in_fees(prices, {*self.platforms, *self.broken}, {*zones, *self.broken})
            for where, name, message in found:
                self._mistake(document, where, name, message)
            currency = currency or prices.currency

    def _replicate_tags(self) -> None:
        """Give every platform that tags accounts the replicated tags; refuse two of one source with one key."""
        replicated = {read.normalise(): document for document, read in self.tag_definitions.values()}
        for name, (document, platform) in self.platforms.items():
            if platform.tenant_tags is None:
                continue
            tags = with_replicated(platform.tenant_tags, (each for each in replicated if each is not None))
            self.platforms[name] = (document, platform.model_copy(update={"tenant_tags": tags}))
            for each in overruled(tags):
                self._note(
                    replicated[each], f"{name} has a tag mapper for {each.key}, which takes precedence over this tag"
                )
            for other, each in clashes(tags):
                message = f"writes the same account tag as {other.tag} of the {other.source}, on {name}"
                self._mistake(replicated[each], "spec.replicationKey", each.key, message)

    def _introduce_neighbours(self) -> None:
        """Tell every platform by which accounts the others of its organization work."""
        all_platforms = [platform for _, platform in self.platforms.values()]
        for name, (document, platform) in self.platforms.items():
            self.platforms[name] = (document, with_neighbours(platform, all_platforms))

    def _is_aws(self, document: YamlDocument, part: str) -> bool:
        """Tell whether a document is for AWS; note one that is not, and let a missing type be found by the model."""
        kind = _at(document.data, "spec", part, "type")
        if not isinstance(kind, str) or kind.lower() == "aws":
            return True
        name = _at(document.data, "metadata", "name")
        self._note(document, f"{name} is of type {kind}, not aws, and was skipped")
        return False

    def _validate(self, model: type[Model], document: YamlDocument) -> Model | None:
        imported = document.file == IMPORTED
        sources = SecretSources(
            document.file.parent, self.environment, self.secrets, self.secret_files, self.look_up, imported
        )
        try:
            return model.model_validate(document.data, context=sources)
        except ValidationError as error:
            self.mistakes.extend(mistakes_in(error, model, document.file, document.number))
            self.broken.update(_names(document.data))
            return None

    def _add(
        self, into: dict[str, tuple[YamlDocument, Value]], name: str, document: YamlDocument, value: Value
    ) -> None:
        if name in into and document.file == IMPORTED:
            self._note(document, f"{name} is also in {into[name][0].file}, which takes precedence")
        elif name in into:
            first, _ = into[name]
            self._mistake(document, "metadata.name", name, f"already exists in {first.file} (document {first.number})")
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

    def _check_enrollment(self, zones: Mapping[str, LandingZone]) -> None:
        """Refuse what Control Tower could never enroll: without its product, in no OU, from another account."""
        for document, platform in self.platforms.values():
            named = platform.enrollment.management_account_id if platform.enrollment else platform.management_account_id
            if named != platform.management_account_id:
                message = f"must be the account of organizationRootAccountRole: {platform.management_account_id}"
                self._mistake(document, "enrollmentConfiguration.managementAccountId", named, message)
        for zone in (each for each in zones.values() if each.enroll_account):
            document, _ = self.landing_zones[zone.name]
            if not (zone.target_organizational_unit or "").startswith("ou-"):
                message = "needs awsTargetOrgUnitId to be an OU (ou-…) that is registered in Control Tower"
                self._mistake(document, "awsEnrollAccount", value=True, message=message)
            fitting = [each for _, each in self.platforms.values() if zone.platform in (None, each.identifier)]
            if fitting and not any(platform.enrollment for platform in fitting):
                message = f"needs an enrollmentConfiguration of platform {fitting[0].identifier}"
                self._mistake(document, "awsEnrollAccount", value=True, message=message)

    def _check_federated_roles(self, zones: Mapping[str, LandingZone]) -> None:
        """Refuse role mappings of which a platform with federation could make no IAM roles."""
        for name, zone in zones.items():
            document, _ = self.landing_zones[name]
            for _, platform in self.platforms.values():
                if zone.platform in (None, platform.identifier):
                    for problem in unfit_roles(platform, zone):
                        self._mistake(document, "the role mappings", None, f"on {platform.identifier}: {problem}")

    def _check_names(self, zones: Mapping[str, LandingZone]) -> None:
        """Refuse patterns by which two tenants, roles or platforms could share a name in AWS."""
        platforms = [platform for _, platform in self.platforms.values()]
        for found in shared_names(platforms, tuple(zones.values())):
            document, _ = self.platforms[found.platform]
            self._mistake(document, found.field, str(found.pattern), found.message)

    def _check_guard_rails(self, zones: Mapping[str, LandingZone]) -> None:
        """Refuse two contents of one service control policy: each replication would undo the other's."""
        first: dict[str, tuple[str, ServiceControlPolicy]] = {}
        for name, zone in zones.items():
            policy = zone.service_control_policy
            if policy is None:
                continue
            other, same = first.setdefault(policy.name, (name, policy))
            apart = {zone.platform, zones[other].platform} - {None}
            if same != policy and len(apart) < 2:  # two platforms are two organizations
                path = "spec.platformProperties.aws.serviceControlPolicy"
                message = f"has another templateFile in landing zone {other}; give one of them another name"
                self._mistake(self.landing_zones[name][0], path, policy.name, message)

    def _remark(self, zones: Mapping[str, LandingZone]) -> None:
        platforms = [platform for _, platform in self.platforms.values()]
        for remarks in (powerless_stacks, powerless_groups):
            for name, text in remarks(zones.values(), platforms):
                self._note(self.landing_zones[name][0], text)
        for name, text in (*costs_read_twice(platforms), *unknown_regions(platforms)):
            self._note(self.platforms[name][0], text)

    def _resolved(self, document: YamlDocument, zone: LandingZoneDocument) -> LandingZone:
        reference = zone.spec.platform_ref
        return zone.normalise(None if reference is None else self._platform_of(document, reference))

    def _platform_of(self, document: YamlDocument, reference: PlatformReference) -> str | None:
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

    def _note(self, document: YamlDocument, text: str) -> None:
        self.notes.append(f"{document.file} (document {document.number}): {text}")

    def _mistake(self, document: YamlDocument, path: str, value: object, message: str) -> None:
        self.mistakes.append(
            Mistake(document.file, document.number, path, None if value is None else shown(value), message)
        )


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
