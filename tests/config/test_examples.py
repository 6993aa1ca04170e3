"""The example documents load and name what the sandbox's organization holds."""

import re

from config.catalog import Catalog, load_catalog
from config.landing_zone import effective_role_mappings
from config.platform import CredentialAuth
from workers.examples import EXAMPLES
from workers.sandbox import organization

CONFIG = EXAMPLES / "config"


def catalog() -> Catalog:
    environment = organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:2/0")
    return load_catalog([CONFIG], environment)


def test_platform_names_the_sandbox_organization() -> None:
    found = catalog()
    platform = found.platforms["aws.sandbox"]
    assert (found.notes, list(found.locations)) == ((), ["sandbox"])
    assert platform.region == organization.REGION
    assert platform.management_role_arn == organization.MANAGEMENT_ROLE_ARN
    assert platform.automation_role_arn == organization.AUTOMATION_ROLE_ARN
    assert platform.account_access_role == organization.ACCESS_ROLE
    assert platform.identity_store is not None
    assert platform.identity_store.identity_store_id == organization.IDENTITY_STORE_ID
    assert platform.identity_store.instance_arn == organization.INSTANCE_ARN
    arns = {arn for mapping in platform.role_mappings for arn in mapping.permission_set_arns}
    assert arns == set(organization.PERMISSION_SETS)


def test_the_second_platform_writes_groups_through_scim() -> None:
    found = catalog()
    platform = found.platforms["aws-scim.sandbox"]
    assert platform.scim is not None
    assert platform.scim.scim_endpoint.endswith(f"{organization.SCIM_PATH}/")
    assert platform.scim.access_token.get_secret_value() == organization.SCIM_ACCESS_TOKEN
    assert platform.identity_center is platform.scim
    assert found.landing_zones["development-scim"].platform == platform.identifier


def test_secrets_are_those_of_the_sandbox() -> None:
    platform = catalog().platforms["aws.sandbox"]
    assert isinstance(platform.auth, CredentialAuth)
    assert platform.auth.access_key.get_secret_value() == organization.SERVICE_USER_ACCESS_KEY
    assert platform.auth.secret_key.get_secret_value() == organization.SERVICE_USER_SECRET_KEY
    assert platform.management_external_id is not None
    assert platform.automation_external_id is not None
    assert platform.management_external_id.get_secret_value() == organization.EXTERNAL_ID
    assert platform.automation_external_id.get_secret_value() == organization.AUTOMATION_EXTERNAL_ID


def test_no_secret_stands_in_the_documents() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CONFIG.iterdir())
    assert not [secret for secret in catalog().secrets if secret in text]
    assert not re.findall("AKIA", text)


def test_landing_zones_name_the_sandbox_organization() -> None:
    zones = catalog().landing_zones
    development, production = zones["development"], zones["production"]
    assert development.target_organizational_unit == organization.DEVELOPMENT_OU_ID
    assert production.target_organizational_unit == organization.PRODUCTION_OU_ID
    assert development.access_stack is not None
    assert "Resources:" in (development.access_stack.template_body or "")
    for zone in (development, production):
        assert zone.platform == "aws.sandbox"
        assert zone.stack_set is not None
        assert zone.stack_set.name == organization.STACK_SET_NAME
        assert zone.stack_set.account_id == organization.AUTOMATION_ACCOUNT_ID
        assert zone.stack_set.regions == (organization.REGION,)


def test_production_lets_project_users_only_read() -> None:
    found = catalog()
    platform = found.platforms["aws.sandbox"]
    roles = {
        name: {m.project_role: m.permission_set_arns for m in effective_role_mappings(platform, zone)}
        for name, zone in found.landing_zones.items()
    }
    assert roles["development"]["user"] == (organization.USER_PERMISSION_SET_ARN,)
    assert roles["production"]["user"] == (organization.READER_PERMISSION_SET_ARN,)
    assert roles["production"]["admin"] == (organization.ADMIN_PERMISSION_SET_ARN,)
