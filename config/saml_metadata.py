"""SAML metadata documents: whether AWS would take one, whose it is, and whether two say the same.

Source: docs.aws.amazon.com/IAM/latest/APIReference/API_CreateSAMLProvider.html; SAML 2.0 metadata, section 2.4.3.
"""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

SIZE = range(1_000, 10_000_001)
"""Characters of a document that AWS takes."""

_METADATA = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_DOCUMENT_TYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def read_metadata(path: Path) -> str:
    """Return the text of a metadata file. Raises ValueError that says why AWS would refuse it."""
    try:
        return check_metadata(path.read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror} ({path})") from error


def check_metadata(content: bytes) -> str:
    """Return the text of a metadata document. Raises ValueError that says why AWS would refuse it.

    It describes one identity provider. A document type declaration is refused: no metadata needs one, and its entities
    could grow without bound.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text") from error
    if len(text) not in SIZE:
        raise ValueError(f"has {len(text)} characters; AWS accepts {SIZE.start} to {SIZE.stop - 1}")
    root = _root(text)
    if root.tag != f"{_METADATA}EntityDescriptor" or not root.get("entityID"):
        raise ValueError("must be a SAML 2.0 EntityDescriptor with an entityID")
    provider = root.find(f"{_METADATA}IDPSSODescriptor")
    if provider is None or provider.find(f"{_METADATA}SingleSignOnService") is None:
        raise ValueError("must describe an identity provider: an IDPSSODescriptor with a SingleSignOnService")
    return text


def entity_id(text: str) -> str | None:
    """Return the name that an identity provider has for ever, or None where a text is no metadata."""
    try:
        return _root(text).get("entityID")
    except ValueError:
        return None


def same_metadata(one: str, other: str) -> bool:
    """Tell whether two documents say the same of the identity provider.

    Spaces, the document's ID and its signature do not count: some servers make them anew for every answer.
    """
    try:
        return _said(one) == _said(other)
    except ValueError:
        return one == other


def _said(text: str) -> str:
    _root(text)  # refuses what must not be parsed
    return ET.canonicalize(text, strip_text=True, exclude_attrs=["ID"], exclude_tags=[_SIGNATURE])


def _root(text: str) -> ET.Element:
    if _DOCUMENT_TYPE.search(text):
        raise ValueError("must not hold a document type declaration (<!DOCTYPE …>)")
    try:
        return ET.fromstring(text)  # noqa: S314 (entities cannot be declared: refused above)
    except (ET.ParseError, ValueError) as error:
        raise ValueError(f"is not XML: {error}") from None
