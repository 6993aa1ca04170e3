"""Each alert is played: series with which it fires, what it says then, and series with which it does not.

A series is written as promtool reads it: `a+bxn` is a, and then n more values, each b larger. One value is a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

AWS = 'platform="aws.sandbox"'
HOURS = 60  # minutes


@dataclass(frozen=True)
class Played:
    """One alert."""

    alert: str
    fires: tuple[tuple[str, str], ...]  # series, and its values
    at: int  # when it fires (minutes)
    summary: str
    labels: str = ""  # as in a series
    silent: tuple[tuple[str, str], ...] = ()  # with these it does not


def one(alert: str, series: str, fires: str, silent: str, at: int, summary: str, labels: str | None = None) -> Played:
    """Play an alert on one series, whose labels it has unless others are given."""
    shown = series.partition("{")[2].removesuffix("}") if labels is None else labels
    return Played(alert, ((series, fires),), at, summary, shown, ((series, silent),))


FAILED = f'connector_replication_seconds_count{{{AWS},cause="order",chain="replication",state="FAILED"}}'
CALLS = 'connector_aws_call_seconds_count{service="organizations",operation="list_accounts",code="%s"}'
RUNNER = '{runner_uuid="u"}'
WITHDRAWN = f"connector_withdrawal_seconds_%s{{{AWS}%s}}"

ALERTS = (
    one(
        "ConnectorHasNoWorker",
        "connector_workers",
        "1 0x10",
        "1x10",
        4,
        "No worker is online, or the API cannot be reached.",
    ),
    one(
        "ConnectorHasNoBeat",
        "connector_beat_last_tick_timestamp_seconds",
        "0x10",
        "0+60x10",
        5,
        "Beat has sent nothing for 5m 0s.",
    ),
    one(
        "ConnectorKeepsWithdrawnPeopleIn",
        f"connector_withdrawn_people{{{AWS}}}",
        "2x10",
        "2x3 0x10",
        6,
        "People on aws.sandbox who still have access that no order gives: 2",
    ),
    one(
        "ConnectorQueueHasStrangers",
        'connector_rejected_messages_total{reason="no JSON"}',
        "0x5 1x60",
        "5x60",
        10,
        "The queue held a message that the connector did not send: no JSON.",
    ),
    one(
        "ConnectorTenantsFailed",
        f'connector_failed_tenants{{{AWS},code="AccessDenied"}}',
        "3x30",
        "3x10 _x20",
        16,
        "Tenants on aws.sandbox that failed with AccessDenied: 3",
    ),
    one(
        "ConnectorReplicationsFail",
        FAILED,
        "0x5 4x60",
        "0x5 1x60",
        60,
        "4 replications on aws.sandbox failed within an hour.",
        AWS,
    ),
    one(
        "ConnectorDeletionAwaitsApproval",
        f'connector_open_replications{{{AWS},state="APPROVAL"}}',
        "1x90",
        "1x30 0x60",
        61,
        "Deletions on aws.sandbox that wait for an approval: 1",
    ),
    one(
        "ConnectorWaitsForAPerson",
        f'connector_open_replications{{{AWS},state="PARKED"}}',
        "2x30",
        "2x10 0x20",
        16,
        "Replications on aws.sandbox that wait for a person: 2",
    ),
    one(
        "ConnectorIsRefused",
        f'connector_refused_seconds{{{AWS},refused="sign-in to AWS"}}',
        "0+60x30",
        "0x10 0+60x3 0x20",
        6,
        "AWS has refused the sign-in to AWS of aws.sandbox for 6m 0s.",
    ),
    Played(
        "ConnectorWithdrawsSlowly",
        ((WITHDRAWN % ("count", ""), "0x5 2x60"), (WITHDRAWN % ("bucket", ',le="15.0"'), "0x5 1x60")),
        30,
        "On aws.sandbox within the last hour, removing people took longer than 15 seconds.",
        AWS,
        ((WITHDRAWN % ("count", ""), "0x5 2x60"), (WITHDRAWN % ("bucket", ',le="15.0"'), "0x5 2x60")),
    ),
    one(
        "ConnectorOrderIsOld",
        f'connector_oldest_open_seconds{{{AWS},state="WAITING"}}',
        "7200+60x20",
        "0+60x20",
        10,
        "An order on aws.sandbox has not finished for 2h 10m 0s.",
    ),
    one(
        "ConnectorIsPaused",
        'connector_paused{kind="tenant"}',
        "1x1500",
        "1x1400 0x100",
        1445,
        "Paused for a day or longer, by kind (tenant): 1",
    ),
    one(
        "ConnectorFallsBehind",
        "connector_due_late_seconds",
        "301x20",
        "30x20",
        6,
        "Replications wait 5m 1s for a worker.",
    ),
    one("ConnectorQueueGrows", "connector_queue_messages", "101x20", "100x20", 11, "101 messages wait in the queue."),
    Played(
        "ConnectorLineIsLong",
        (('connector_lane_longest_wait_seconds{lane="account creation"}', "3601x20"),),
        6,
        "The first in line for account creation has waited for 1h 0m 1s.",
        'lane="account creation"',
        (('connector_lane_longest_wait_seconds{lane="threads of aws.sandbox"}', "3601x20"),),
    ),
    one(
        "ConnectorLimitIsSlowed",
        'connector_limit_used_ratio{limit="account creation"}',
        "0.5x40",
        "0.5x20 1x20",
        31,
        "AWS leaves 50% of account creation.",
    ),
    one(
        "ConnectorIsThrottled",
        CALLS % "ThrottlingException",
        "0+60x60",
        "0+1x60",
        50,
        "AWS throttles organizations.",
        'service="organizations"',
    ),
    one(
        "ConnectorIsDenied",
        CALLS % "AccessDeniedException",
        "0+1x60",
        "0+1x5 5x60",
        50,
        "AWS denies organizations:list_accounts.",
        'service="organizations",operation="list_accounts"',
    ),
    one(
        "ConnectorDriftIsUnrepaired",
        f'connector_drifted_tenants{{{AWS},found="differs"}}',
        "4x90",
        "4x30 0x60",
        61,
        "Tenants on aws.sandbox that differ from what was ordered: 4",
    ),
    one(
        "ConnectorHasNoDailyRound",
        "connector_daily_round_last_end_timestamp_seconds",
        "60x1700",
        "0x1700",
        1620,
        "Daily replications have not reached all tenants for 1d 2h 59m 0s.",
    ),
    one(
        "ConnectorMessagesAreNotTaken",
        "connector_notifications_waiting",
        "3x40",
        "3x20 0x20",
        31,
        "Messages to people not accepted for half an hour: 3",
    ),
    one(
        "ConnectorMessagesAreLost",
        "connector_notifications_dropped_total",
        "0x5 6x60",
        "6x60",
        60,
        "Messages to people that were dropped within an hour: 6",
    ),
    one(
        "ConnectorCostsAreExpensive",
        f"connector_metering_dollars_total{{{AWS}}}",
        "0+0.01x1500",
        "0+0.001x1500",
        1450,
        "Questions about the costs of aws.sandbox have cost $14.4 in a day.",
    ),
    one(
        "ConnectorMeteringIsCapped",
        f'connector_metering_runs_total{{{AWS},outcome="capped"}}',
        "0+0.2x200",
        "0x200",
        190,
        "Costs of aws.sandbox are not read any more today: the budget for that is spent.",
        AWS,
    ),
    one(
        "ConnectorMeteringFails",
        f'connector_metering_runs_total{{{AWS},outcome="failed"}}',
        "0x5 1x60",
        "1x60",
        30,
        "Costs of aws.sandbox could not be read.",
        AWS,
    ),
    one(
        "ConnectorRunnerIsSilent",
        "connector_runners",
        "1x60 0x60",
        "0x120",
        70,
        "No runner has asked for meshStack's runs for 5 minutes.",
    ),
    Played(
        "ConnectorRunnerIsNotHeard",
        ((f"runner_poll_errors_total{RUNNER}", "0+1x60"), (f"runner_report_errors_total{RUNNER}", "0x60")),
        50,
        "meshStack does not answer the runner, or refuses it.",
        'runner_uuid="u"',
        ((f"runner_poll_errors_total{RUNNER}", "0x5 3x60"), (f"runner_report_errors_total{RUNNER}", "0x60")),
    ),
)
