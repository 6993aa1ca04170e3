"""botocore's service models, loaded once: they say how each request is decoded and each answer is written."""

from __future__ import annotations

from functools import cache

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

SERVICES_BY_SIGNING_NAME = {"sso": "sso-admin"}
"""Signing name in the credential scope -> botocore's service name, where they differ."""


@cache
def service_model(service: str) -> ServiceModel:
    """Give botocore's model of a service."""
    return ServiceModel(_loader().load_service_model(service, "service-2"), service)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    """Give botocore's model of an operation; OperationNotFoundError if there is none."""
    return service_model(service).operation_model(operation)


def service_of(signing_name: str) -> str:
    """Give botocore's name of the service that signs with this name."""
    return SERVICES_BY_SIGNING_NAME.get(signing_name, signing_name)


def is_document(shape: Shape) -> bool:
    """Say whether a shape is a document: any JSON at all."""
    return bool(getattr(shape, "is_document_type", False))


@cache
def _loader() -> Loader:
    return Loader()
