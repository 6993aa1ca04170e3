"""SAML metadata documents for tests."""

from __future__ import annotations


def saml_metadata(
    entity: str = "https://idp.example.com/realms/mesh", certificate: str = "A", *, spaced: bool = False
) -> str:
    """Build what an identity broker publishes; `spaced` writes the same with other spaces, ID and signature."""
    gap = "\n    " if spaced else ""
    signature = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo/></ds:Signature>' * spaced
    return (
        f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}" ID="_{int(spaced)}">{gap}'
        f"{signature}"
        f'<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{gap}'
        '<KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
        f"<ds:X509Certificate>{certificate * 1000}</ds:X509Certificate>"
        f"</ds:X509Data></ds:KeyInfo></KeyDescriptor>{gap}"
        '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" '
        f'Location="{entity}/protocol/saml"/>{gap}'
        "</IDPSSODescriptor></EntityDescriptor>"
    )
