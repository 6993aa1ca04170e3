"""Nothing secret is recorded: AWS may repeat an external id or a key in an error's text, and people read these texts.

Secrets are replaced by value, as in the logs (config/log.py), before a step's answer is recorded, shown or raised.
"""

from __future__ import annotations

from dataclasses import replace

from config.log import MASKER
from tasks.errors import StepError
from tasks.model.replication import LastError
from tasks.state.outcome import StepRecord


def masked_error(error: StepError) -> StepError:
    """Replace secrets in what the error says, in place, and cut off what caused it: tracebacks show causes whole."""
    error.code, error.message, error.remedy = map(MASKER.mask, (error.code, error.message, error.remedy))
    error.args = tuple(MASKER.mask(each) if isinstance(each, str) else each for each in error.args)
    error.__cause__ = error.__context__ = None
    return error


def masked_outcome(outcome: StepRecord) -> StepRecord:
    """Replace secrets in the step's note."""
    note = outcome.document.note
    if note is None or (masked := MASKER.mask(note)) == note:
        return outcome
    return replace(outcome, document=outcome.document.model_copy(update={"note": masked}))


def shown_error(error: StepError) -> LastError:
    """Show an error to people."""
    return LastError(
        code=error.code,
        message=error.message,
        request_id=error.request_id,
        remedy=error.remedy,
        documentation=error.documentation,
    )
