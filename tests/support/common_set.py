"""A StackSet that every account is given the same of: tenants that wait for it can go together."""

from __future__ import annotations

from pathlib import Path

from tests.support.cluster import PLATFORM, Cluster, configuration
from workers.sandbox import organization

NAME = "common-baseline"
TEMPLATE = 'Resources: {Topic: {Type: "AWS::SNS::Topic"}}'


def with_common_set(directory: Path) -> str:
    """Copy the examples' documents with landing zones that name it; answers CONNECTOR_CONFIG_DIR."""
    copied = configuration(directory)
    document = Path(copied) / "landing-zones.yaml"
    document.write_text(document.read_text().replace(organization.STACK_SET_NAME, NAME))
    return copied


def make_common_set(cluster: Cluster) -> None:
    """Make it, as a person would."""
    platform = cluster.connector.catalog.platforms[PLATFORM]
    client = cluster.worker.sessions.automation(platform, "cloudformation", organization.REGION)
    client.create_stack_set(StackSetName=NAME, TemplateBody=TEMPLATE)


def operation_of(cluster: Cluster) -> dict[str, str]:
    """Tell which operation made the instance of each account."""
    [found] = [each for each in cluster.simulator.state()["stack_sets"] if each["name"] == NAME]
    assert all(each["status"] == "CURRENT" for each in found["instances"])
    return {each["account"]: each["operation_id"] for each in found["instances"]}
