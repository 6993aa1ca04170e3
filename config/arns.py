"""AWS's names for things, as checked texts: account ids, regions, ARNs, units. No partition is hard-coded."""

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

_PARTITION = r"(?P<partition>aws[a-z-]*)"
_ACCOUNT = r"(?P<account>[0-9]{12})"
_REGION = r"(?P<region>[a-z]{2}(?:-[a-z]+)+-[0-9])"
_ROLE_PATH = r"(?:[\x21-\x7e]+/)?"
_IAM_CHARACTER = r"[A-Za-z0-9_+=,.@-]"
_ROLE_NAME = rf"{_IAM_CHARACTER}{{1,64}}"
_POLICY_NAME = rf"{_IAM_CHARACTER}{{1,128}}"
_SSO = r"arn:aws[a-z-]*:sso:::"
_INSTANCE = r"(?:sso)?ins-[A-Za-z0-9.-]+"  # of Identity Center

ROLE_ARN = re.compile(rf"arn:{_PARTITION}:iam::{_ACCOUNT}:role/{_ROLE_PATH}{_ROLE_NAME}")
STACK_SET_ARN = re.compile(
    rf"arn:{_PARTITION}:cloudformation:{_REGION}:{_ACCOUNT}:stackset/(?P<name>[A-Za-z][A-Za-z0-9-]{{0,127}}):[A-Za-z0-9-]+"
)
LAMBDA_ARN = re.compile(
    rf"arn:{_PARTITION}:lambda:{_REGION}:{_ACCOUNT}:function:(?P<name>[A-Za-z0-9_-]{{1,64}})(?::[A-Za-z0-9_$-]{{1,128}})?"
)


PARTITIONS = {
    "cn": "aws-cn",
    "us-gov": "aws-us-gov",
    "us-iso": "aws-iso",
    "us-isob": "aws-iso-b",
    "eu-isoe": "aws-iso-e",
    "us-isof": "aws-iso-f",
}
"""Region prefix -> partition, where it is not `aws`. Source: botocore, data/partitions.json."""


def partition_of(region: str) -> str:
    """Name the partition of a region.

    >>> partition_of("eu-central-1"), partition_of("us-gov-west-1"), partition_of("us-isob-east-1")
    ('aws', 'aws-us-gov', 'aws-iso-b')
    """
    return next((name for prefix, name in PARTITIONS.items() if region.startswith(f"{prefix}-")), "aws")


class Shape(NamedTuple):
    """A shape that a text must have as a whole, and the words that tell a person."""

    expression: re.Pattern[str]
    words: str

    def check(self, text: str) -> str:
        """Return the text unchanged. Raises ValueError when it has another shape."""
        if not self.expression.fullmatch(text):
            raise ValueError(f"must be {self.words}")
        return text


def _shape(expression: str, words: str) -> AfterValidator:
    return AfterValidator(Shape(re.compile(expression), words).check)


AccountId = Annotated[str, _shape("[0-9]{12}", "an AWS account id of 12 digits")]
Region = Annotated[str, _shape(_REGION, "an AWS region such as eu-central-1")]
RoleArn = Annotated[
    str, _shape(ROLE_ARN.pattern, "the ARN of a role, such as arn:aws:iam::123456789012:role/MeshfedServiceRole")
]
PrincipalArn = Annotated[
    str,
    _shape(
        rf"arn:{_PARTITION}:iam::{_ACCOUNT}:(?:role|user)/{_ROLE_PATH}{_ROLE_NAME}",
        "the ARN of a role or a user, such as arn:aws:iam::123456789012:role/connector",
    ),
]
RoleName = Annotated[
    str,
    _shape(
        rf"(?!arn:)/?{_ROLE_PATH}{_ROLE_NAME}",
        "the name of a role (with its path if it has one), not an ARN: it is looked up in every account",
    ),
]
RolePath = Annotated[
    str, _shape(r"/(?:[\x21-\x7e]{1,510}/)?", "the path of IAM roles: / or a text that begins and ends with /")
]
PolicyName = Annotated[
    str,
    _shape(
        rf"arn:{_PARTITION}:iam::(?:aws|[0-9]{{12}}):policy/{_ROLE_PATH}{_POLICY_NAME}|{_POLICY_NAME}",
        "the name or the ARN of an IAM policy, such as ReadOnlyAccess or arn:aws:iam::aws:policy/ReadOnlyAccess",
    ),
]
SamlProviderName = Annotated[
    str, _shape(r"[A-Za-z0-9._-]{1,128}", "the name of a SAML provider: 1 to 128 letters, digits and . _ -")
]
InstanceArn = Annotated[
    str,
    _shape(
        rf"{_SSO}instance/{_INSTANCE}",
        "the ARN of an Identity Center instance, such as arn:aws:sso:::instance/ssoins-0123456789abcdef",
    ),
]
PermissionSetArn = Annotated[
    str,
    _shape(
        rf"{_SSO}(?:permissionSet|instance)/{_INSTANCE}/ps-[A-Za-z0-9.-]+",
        "the ARN of a permission set, such as arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef",
    ),
]
IdentityStoreId = Annotated[
    str,
    _shape(
        r"d-[0-9a-z]{10,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "the id of an identity store, such as d-0123456789",
    ),
]
ProductId = Annotated[
    str, _shape(r"prod-[A-Za-z0-9]+", "the id of a Service Catalog product, such as prod-abcdefghijklm")
]
TargetUnitId = Annotated[
    str,
    _shape(
        r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32}",
        "the id of an organizational unit (ou-ab12-cdefghij) or of the root (r-ab12)",
    ),
]
LambdaArn = Annotated[
    str,
    _shape(
        LAMBDA_ARN.pattern,
        "the ARN of a Lambda function, such as arn:aws:lambda:eu-central-1:123456789012:function:on-account",
    ),
]
StackSetArn = Annotated[
    str,
    _shape(
        STACK_SET_ARN.pattern,
        "the ARN of a StackSet, such as arn:aws:cloudformation:eu-central-1:123456789012:stackset/baseline:1a2b3c4d",
    ),
]
TenantName = Annotated[
    str,
    _shape(r"[^.\s]+\.[^.\s]+", "a workspace and a project, such as platform-team.management"),
]
WebAddress = Annotated[str, _shape(r"https?://[^\s/]+(/\S*)?", "an address that starts with https:// or http://")]
ScimEndpoint = Annotated[
    str,
    _shape(
        r"https://[^\s/]+(/[^\s/]+)*/scim/v2/?",
        "the SCIM endpoint that Identity Center shows, such as https://scim.eu-central-1.amazonaws.com/1a2b3c4d/scim/v2/",
    ),
]
HttpsAddress = Annotated[str, _shape(r"https://[^\s/]+(/\S*)?", "an address that starts with https://")]
