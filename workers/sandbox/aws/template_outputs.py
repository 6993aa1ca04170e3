"""Outputs of CloudFormation templates, resolved as far as a simulator can know them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workers.sandbox.aws.templates import IAM_NAME_PROPERTIES, REFERENCE_IN_TEXT, Template

ARN_KINDS = {
    "AWS::IAM::Group": "group",
    "AWS::IAM::InstanceProfile": "instance-profile",
    "AWS::IAM::ManagedPolicy": "policy",
    "AWS::IAM::Role": "role",
    "AWS::IAM::User": "user",
}


@dataclass(frozen=True)
class Place:
    """Where a stack stands: what pseudo parameters answer."""

    account_id: str
    region: str
    stack_name: str
    stack_id: str

    def pseudo(self, name: str) -> str:
        """Answer AWS::AccountId and its like."""
        return {
            "AWS::AccountId": self.account_id,
            "AWS::Region": self.region,
            "AWS::StackName": self.stack_name,
            "AWS::StackId": self.stack_id,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }.get(name, "")


@dataclass(frozen=True)
class Resolver:
    """Resolves functions over one stack's parameters and resources."""

    template: Template
    parameters: Mapping[str, str]
    place: Place

    def text(self, value: Any) -> str:
        """Answer the value as text; a function this resolver does not know stays as its JSON."""
        if isinstance(value, dict) and len(value) == 1:
            function, argument = next(iter(value.items()))
            if function == "Ref":
                return self.reference(argument)
            if function == "Fn::GetAtt":
                return self.attribute(*argument)
            if function == "Fn::Sub":
                return self.substitute(argument)
            if function == "Fn::Join":
                return str(argument[0]).join(self.text(item) for item in argument[1])
            if function == "Fn::Select" and isinstance(argument[1], list):
                return self.text(argument[1][int(argument[0])])
        return json.dumps(value, default=str) if isinstance(value, (dict, list)) else str(value)

    def reference(self, name: str) -> str:
        """Answer Ref: a parameter, a pseudo parameter or a resource's physical id."""
        if name in self.parameters:
            return self.parameters[name]
        if name in self.template.resources:
            return self._name(name)
        return self.place.pseudo(name)

    def attribute(self, logical_id: str, attribute: str) -> str:
        """Answer GetAtt: real ARNs for IAM resources, a readable stand-in for all others."""
        kind = ARN_KINDS.get(self.template.resources[logical_id]["Type"])
        if attribute == "Arn" and kind is not None:
            return f"arn:aws:iam::{self.place.account_id}:{kind}/{self._name(logical_id)}"
        return f"{self._name(logical_id)}.{attribute}"

    def substitute(self, argument: Any) -> str:
        """Answer Sub, in its text form and with variables."""
        text, variables = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def value(name: str) -> str:
            if name in variables:
                return self.text(variables[name])
            return self.attribute(*name.split(".", 1)) if "." in name else self.reference(name)

        return REFERENCE_IN_TEXT.sub(lambda match: value(match.group(1).strip()), text).replace("${!", "${")

    def _name(self, logical_id: str) -> str:
        resource = self.template.resources[logical_id]
        own = (resource.get("Properties") or {}).get(IAM_NAME_PROPERTIES.get(resource["Type"], ""))
        return self.text(own) if own is not None else physical_id(logical_id, resource, self.place)


def physical_id(logical_id: str, resource: Mapping[str, Any], place: Place) -> str:
    """Answer a resource's physical id: its own IAM name when that is plain text, else made as AWS makes it."""
    own = (resource.get("Properties") or {}).get(IAM_NAME_PROPERTIES.get(resource["Type"], ""))
    if isinstance(own, str):
        return own
    random = hashlib.sha256(f"{place.stack_id}/{logical_id}".encode()).hexdigest()[:12].upper()
    return f"{place.stack_name}-{logical_id}-{random}"


def outputs(template: Template, parameters: Mapping[str, str], place: Place) -> list[dict[str, str]]:
    """Answer the members of CloudFormation's Output shape."""
    resolver = Resolver(template, parameters, place)
    return [
        {
            "OutputKey": name,
            "OutputValue": resolver.text(output.get("Value")),
            **({"Description": output["Description"]} if "Description" in output else {}),
            **({"ExportName": resolver.text(output["Export"]["Name"])} if "Export" in output else {}),
        }
        for name, output in (template.document.get("Outputs") or {}).items()
    ]
