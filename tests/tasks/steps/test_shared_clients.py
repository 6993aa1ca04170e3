"""Accounts share clients and connections; who acts is said with each call, and never mixed up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tasks.aws.session import Sessions
from tests.support.waiting import eventually
from tests.tasks.steps.world import World

ACCOUNTS, CALLS = 3, 60


def test_many_threads_act_in_many_accounts_through_one_client(world: World) -> None:
    world.sessions = Sessions()
    accounts = [world.created(world.tenant(f"p{number}")).account_id for number in range(ACCOUNTS)]
    aws = world.aws(world.tenant())

    def who(number: int) -> bool:
        account = accounts[number % ACCOUNTS]
        assert account is not None
        return aws.identity(account).whoami().account_id == account

    mark = world.simulator.mark()
    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(who, range(CALLS)))

    entered = [call for call in world.simulator.calls(mark) if call.operation == "AssumeRole"]
    assert len(entered) <= ACCOUNTS + 1  # each role once, however many threads ask for it


def test_credentials_near_their_end_serve_on_while_new_ones_are_made(world: World) -> None:
    world.sessions = Sessions()
    world.simulator.set_options(longest_session_seconds=12 * 60)  # the SDK: renewed in the last 15, awaited in 10
    aws = world.aws(world.tenant())
    aws.organizations.root()
    world.simulator.inject(operation="AssumeRole")  # one that fails is nobody's trouble yet
    mark = world.simulator.mark()

    aws.organizations.root()
    eventually(lambda: [call for call in world.simulator.calls(mark) if call.operation == "AssumeRole"])
    eventually(lambda: aws.organizations.root() and renewed(world, mark))


def renewed(world: World, mark: int) -> bool:
    return any((call.operation, call.outcome) == ("AssumeRole", "ok") for call in world.simulator.calls(mark))
