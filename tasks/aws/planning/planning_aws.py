"""Plan mode: the seam of `calls.py` with writes that are noted instead of sent, so that no step knows of plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tasks.aws.actions import Kind, check_declared
from tasks.aws.boundary import Aws
from tasks.aws.calls import Calls, Observer, Response
from tasks.aws.planning.planned import Change, Parameters, Planned, Where, not_plannable, stack_name
from tasks.aws.planning.planned_reads import READS
from tasks.aws.planning.planned_writes import WRITES
from tasks.aws.run import Run
from tasks.aws.session import Sessions
from tasks.model.batch import Batch, Wants
from tasks.model.call import Intent
from tasks.model.handles import Handles
from tasks.model.lane import Lane

METADATA = {"ResponseMetadata": {"RequestId": "planned-request"}}


class PlanningCalls(Calls):
    """The calls of one client: reads go to AWS as far as it can answer them, writes only into the plan."""

    def __init__(
        self,
        client: Any,
        observer: Observer,
        planned: Planned,
        account_id: str | None,
        *,
        young: bool,
        expired: Callable[[], None],
    ) -> None:
        """Wrap a client; the plan is shared with all others."""
        super().__init__(client, observer, account_id, young=young, expired=expired)
        self._planned = planned
        self._where = Where(self._service, account_id, getattr(client.meta, "region_name", ""))

    def _call(self, intent: Intent, *, write: bool) -> Response:
        """Note a write, or answer a read. Nothing is changed, so nobody is asked whether it may be."""
        operation, parameters = intent.operation, intent.arguments
        check_declared(self._service, operation, Kind.WRITE if write else Kind.READ)
        self.request_id = METADATA["ResponseMetadata"]["RequestId"]
        answer = self._planned_write(operation, parameters) if write else self._planned_read(operation, parameters)
        return Response({**METADATA, **answer})

    def _planned_read(self, operation: str, parameters: Parameters) -> Mapping[str, Any]:
        """Answer a read; raises what AWS would, NotPlannable for what only the account itself could tell."""
        where, planned = self._where, self._planned
        if where.account in planned.shut and operation != "get_caller_identity":
            raise not_plannable(f"account {where.account} can be accessed only after its access role is created")
        answer = READS.get((where.service, operation))
        if answer is not None:
            return answer(planned, where, parameters, self._ask)
        if where.is_planned:
            raise not_plannable(f"only the new account can answer {where.service}:{operation}")
        return self._ask(operation, **parameters)

    def _ask(self, operation: str, **parameters: Any) -> Response:
        return super()._call(Intent(self._service, operation, self._account_id, parameters), write=False)

    def _planned_write(self, operation: str, parameters: Parameters) -> Mapping[str, Any]:
        where, planned = self._where, self._planned
        before = _before(planned, where, operation, parameters)
        planned.changes.append(Change(where.service, operation, where.account, where.region, parameters, before))
        return WRITES[where.service, operation](planned, where, parameters) or {}


class PlanningAws(Aws):
    """AWS as a step sees it when its writes are only planned."""

    def __init__(self, planned: Planned, sessions: Sessions, run: Run) -> None:
        super().__init__(planned.platform, sessions, run)
        self._planned = planned

    @property
    def refuses_what_is_there(self) -> bool:
        """No planned write is refused: who would make something must look whether it is there."""
        return False

    def remember(self, handles: Handles) -> None:
        """Remember nothing: a plan leaves no trace."""

    def enter(self, lane: Lane, of: str, place: str, wants: Wants | None = None) -> None:
        """Take no place: nothing is in flight."""

    def gather(self, lane: Lane, of: str, place: str, batch: Batch) -> tuple[str, ...]:  # noqa: ARG002 (as in Aws)
        """Take nobody along."""
        return ()

    def leave(self, lane: Lane, of: str, place: str) -> None:
        """Give no place back: a running replication of this tenant may have it."""

    def has_seen(self, fact: tuple[str, ...], within: timedelta) -> bool:  # noqa: ARG002 (as in Aws)
        """Look again: a plan tells what AWS has now."""
        return False

    def note_seen(self, fact: tuple[str, ...]) -> None:
        """Note nothing: what is planned is not so yet."""

    def _calls(self, client: Any, account_id: str | None = None, *, young: bool = False, **_: Any) -> Calls:
        """Nobody waits for a plan: what AWS refuses to the platform is a refusal as any other."""
        forget = self._sign_in_anew
        return PlanningCalls(client, self._run.observer, self._planned, account_id, young=young, expired=forget)


def _before(planned: Planned, where: Where, operation: str, parameters: Parameters) -> Mapping[str, str | None]:
    """Return what stands in AWS in place of what is written, as far as a read of this plan has shown it."""
    match operation:
        case "tag_resource" | "untag_resource":
            return planned.seen.get(("tags", parameters["ResourceId"]), {})
        case "update_stack":
            return planned.seen.get(("stack", where.account, where.region, stack_name(parameters)), {})
        case "create_account_alias":
            return planned.seen.get(("alias", where.account), {})
        case _:
            return {}
