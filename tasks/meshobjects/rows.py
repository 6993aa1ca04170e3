"""What an import answers of each meshObject, in meshStack's own words. Source: meshStack API, Declarative Import."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ResultCode(StrEnum):
    """Why an object was not imported."""

    WORKSPACE_NOT_FOUND = "WORKSPACE_NOT_FOUND"
    PROJECT_NOT_FOUND = "PROJECT_NOT_FOUND"
    INVALID_MESH_OBJECT = "INVALID_MESH_OBJECT"
    SERVER_ERROR = "SERVER_ERROR"


class Invalid(ValueError):
    """An object that cannot be imported as it is."""

    def __init__(self, message: str, code: ResultCode = ResultCode.INVALID_MESH_OBJECT) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Row:
    """What became of one object."""

    name: str  # kind[name]
    code: ResultCode | None = None  # None: it is imported
    message: str | None = None
    remarks: str | None = None

    @property
    def failed(self) -> bool:
        """Tell whether the object was not imported, or not all that follows from it was done."""
        return self.code is not None

    def fail(self, message: str, code: ResultCode = ResultCode.INVALID_MESH_OBJECT) -> None:
        """Say why it was not imported; several reasons are all told."""
        self.code = code
        self.message = message if self.message is None else f"{self.message}; {message}"

    def remark(self, text: str) -> None:
        """Say something beside."""
        self.remarks = text if self.remarks is None else f"{self.remarks}; {text}"

    def document(self) -> dict[str, str | None]:
        """Return it as it is answered."""
        return {
            "meshObject": self.name,
            "status": "FAILED" if self.failed else "SUCCESS",
            "resultCode": self.code,
            "message": self.message,
            "remarks": self.remarks,
        }
