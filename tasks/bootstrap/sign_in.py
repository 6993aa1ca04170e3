"""How the workers sign in, and whom the role that they run as must trust for that.

Source: docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html and associate-service-account-role.html,
docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html,
docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from config.policy_document import PolicyDocument


class Way(StrEnum):
    """Where the workers have their identity from."""

    POD_IDENTITY = "pod-identity"
    IRSA = "irsa"
    ECS = "ecs"
    EC2 = "ec2"
    OIDC = "oidc"  # any cluster that issues tokens, outside of AWS too
    USER = "user"  # an IAM user with an access key, which must be stored and rotated


SERVICES = {
    Way.POD_IDENTITY: "pods.eks.amazonaws.com",
    Way.ECS: "ecs-tasks.amazonaws.com",
    Way.EC2: "ec2.amazonaws.com",
}
"""Who hands the role to the workers. China has names of its own for EC2 only, and takes this one too."""
BY_TOKEN = frozenset({Way.IRSA, Way.OIDC})


@dataclass(frozen=True)
class SignIn:
    """How the workers sign in."""

    way: Way
    issuer: str | None = None  # of the tokens, without https://; with IRSA and OIDC only
    subject: str | None = None  # of the tokens: system:serviceaccount:<namespace>:<name>
    audience: str = "sts.amazonaws.com"

    @property
    def is_user(self) -> bool:
        """Whether an access key is stored."""
        return self.way is Way.USER

    def trust(self, partition: str, account: str) -> PolicyDocument:
        """Return the trust policy of the role that the workers run as."""
        if self.way in BY_TOKEN:
            return _document(self._by_token(partition, account))
        # Pod Identity asks for sts:TagSession too, even where the association adds no tags.
        more = ["sts:TagSession"] if self.way is Way.POD_IDENTITY else []
        principal = {"Service": SERVICES[self.way]}
        return _document({"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", *more]})

    def _by_token(self, partition: str, account: str) -> PolicyDocument:
        expected = {f"{self.issuer}:aud": self.audience, f"{self.issuer}:sub": self.subject}
        return {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:{partition}:iam::{account}:oidc-provider/{self.issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": expected},
        }


def _document(statement: PolicyDocument) -> PolicyDocument:
    return {"Version": "2012-10-17", "Statement": [statement]}
