"""What can be done with a CloudFormation stack, by its status. A status that is not here is an error.

Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html, "Stack status codes"
"""

from __future__ import annotations

from enum import Enum, auto


class Standing(Enum):
    """How a stack stands."""

    RESERVED = auto()  # a change set waits for the stack that it would make; there is nothing in it
    MOVING = auto()  # CloudFormation works on it
    SETTLED = auto()  # it can be updated
    HALF_BUILT = auto()  # its creation failed: AWS lets nobody update it, only delete it
    HALF_DELETED = auto()  # its deletion failed: something is left in it
    STUCK = auto()  # a change failed and could not be taken back: a person must look


STANDINGS = {
    "REVIEW_IN_PROGRESS": Standing.RESERVED,
    "CREATE_IN_PROGRESS": Standing.MOVING,
    "ROLLBACK_IN_PROGRESS": Standing.MOVING,
    "DELETE_IN_PROGRESS": Standing.MOVING,
    "UPDATE_IN_PROGRESS": Standing.MOVING,
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": Standing.MOVING,
    "UPDATE_ROLLBACK_IN_PROGRESS": Standing.MOVING,
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": Standing.MOVING,
    "IMPORT_IN_PROGRESS": Standing.MOVING,
    "IMPORT_ROLLBACK_IN_PROGRESS": Standing.MOVING,
    "CREATE_COMPLETE": Standing.SETTLED,
    "UPDATE_COMPLETE": Standing.SETTLED,
    "UPDATE_FAILED": Standing.SETTLED,
    "UPDATE_ROLLBACK_COMPLETE": Standing.SETTLED,
    "IMPORT_COMPLETE": Standing.SETTLED,
    "IMPORT_ROLLBACK_COMPLETE": Standing.SETTLED,
    "CREATE_FAILED": Standing.HALF_BUILT,
    "ROLLBACK_COMPLETE": Standing.HALF_BUILT,
    "ROLLBACK_FAILED": Standing.HALF_BUILT,
    "DELETE_FAILED": Standing.HALF_DELETED,
    "UPDATE_ROLLBACK_FAILED": Standing.STUCK,
    "IMPORT_ROLLBACK_FAILED": Standing.STUCK,
}
