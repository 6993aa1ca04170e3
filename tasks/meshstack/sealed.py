"""The runner's key pair, and the inputs that meshStack has encrypted for it.

An encrypted text is Base64 of four parts: an AES key, encrypted with the runner's public key (RSA-OAEP with SHA-1, as
long as the modulus), the length of the IV (4 bytes, the highest first), the IV, and the text (AES-128-GCM with its
16-byte tag). Source: the building block runner of meshcloud, which is public.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BITS = 4096  # of a new key
FEWEST_BITS = 2048
AES_BYTES = 16
LENGTH_BYTES = 4
IV_BYTES = range(12, 16)
OTHER_KEY = "it was encrypted for another key, or is damaged"
LARGEST_KEY_FILE = 65_536  # bytes
OAEP = padding.OAEP(
    mgf=padding.MGF1(algorithm=hashes.SHA1()),  # noqa: S303  # meshStack's choice; OAEP does not rest on collisions
    algorithm=hashes.SHA1(),  # noqa: S303  # as above
    label=None,
)


class KeyUnusable(ValueError):
    """The file of the private key cannot be used; the text says why, and what it should hold."""


class NotForUs(ValueError):
    """A text that was not encrypted with our public key, or is damaged."""


class PrivateKey:
    """The private half of the runner's key pair."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key

    @classmethod
    def new(cls) -> Self:
        """Draw a key pair; takes a second or more."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=BITS))

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a PEM file (PKCS#8 or PKCS#1, without a passphrase); raises KeyUnusable."""
        try:
            if file.stat().st_size > LARGEST_KEY_FILE:
                raise KeyUnusable(f"{file} is too large for a key")
            key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        except OSError as error:
            raise KeyUnusable(f"{file} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError) as error:  # TypeError: it has a passphrase
            raise KeyUnusable(f"{file} contains no RSA private key in PEM format without a passphrase") from error
        if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < FEWEST_BITS:
            raise KeyUnusable(f"{file} must hold an RSA key of at least {FEWEST_BITS} bits")
        return cls(key)

    def pem(self) -> bytes:
        """Write the private key as PKCS#8."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def public_pem(self) -> str:
        """Write the public key as meshStack wants it: PEM, "PUBLIC KEY"."""
        public = self._key.public_key()
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(serialization.Encoding.PEM, form).decode()

    def open(self, sealed: str) -> str:
        """Decrypt a text; an empty one is empty. Raises NotForUs."""
        if not sealed:
            return ""
        try:
            whole = base64.b64decode(sealed, validate=True)
        except (binascii.Error, ValueError) as error:
            raise NotForUs("it is not Base64") from error
        size = self._key.key_size // 8
        rest = whole[size + LENGTH_BYTES :]
        length = int.from_bytes(whole[size : size + LENGTH_BYTES], "big")
        if len(whole) < size + LENGTH_BYTES or length not in IV_BYTES or len(rest) < length:
            raise NotForUs(OTHER_KEY)
        try:
            key = self._key.decrypt(whole[:size], OAEP)
            if len(key) != AES_BYTES:
                raise NotForUs(OTHER_KEY)
            return AESGCM(key).decrypt(rest[:length], rest[length:], None).decode()
        except (ValueError, InvalidTag) as error:
            raise NotForUs(OTHER_KEY) from error


def same_key(one: str, other: str) -> bool:
    """Tell whether two PEM texts hold the same public key, each of them as such or in a certificate."""
    found = [_public_bytes(text) for text in (one, other)]
    return found[0] is not None and found[0] == found[1]


def _public_bytes(pem: str) -> bytes | None:
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415  # takes a moment, and is seldom needed

    try:
        key = (
            load_pem_x509_certificate(pem.encode()).public_key()
            if "CERTIFICATE" in pem
            else serialization.load_pem_public_key(pem.encode())
        )
    except ValueError:
        return None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


class TokenBox:
    """Keeps run tokens unreadable for whoever reads Redis: AES-256-GCM under a key made of our own client secret."""

    def __init__(self, client_secret: str) -> None:
        derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"run tokens").derive(
            client_secret.encode()
        )
        self._cipher = AESGCM(derived)

    def lock(self, run: str, token: str, nonce: bytes) -> str:
        """Encrypt the token of a run; `nonce` is 12 random bytes."""
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, token.encode(), run.encode())).decode()

    def unlock(self, run: str, locked: str) -> str | None:
        """Decrypt it; None: it is another run's, or the client secret has changed since."""
        try:
            whole = base64.b64decode(locked, validate=True)
            return self._cipher.decrypt(whole[:12], whole[12:], run.encode()).decode()
        except (binascii.Error, ValueError, InvalidTag):
            return None
