"""What landing zones deploy: StackSets, templates, functions, and accounts enrolled in Control Tower."""

from __future__ import annotations

from collections.abc import Iterator

from config.printable import counted
from tasks.aws.lambda_functions import READY
from tasks.doctor.finding import Finding, error, ok, warning
from tasks.doctor.patient import Patient
from tasks.errors import AccessDenied, NotFound


def stack_sets(patient: Patient) -> Iterator[Finding]:
    """See that every StackSet exists and is managed by its own account. cloudformation:DescribeStackSet 1 for each."""
    for stack_set in {zone.stack_set.arn: zone.stack_set for zone in patient.zones if zone.stack_set}.values():
        try:
            found = patient.aws.stack_sets(stack_set.region).describe(stack_set.name)
        except NotFound as missing:
            yield error(f"{stack_set.arn} does not exist ({missing})", "Correct stackSet.arn of the landing zone.")
            continue
        if not found.self_managed:
            yield error(
                f"{stack_set.name} is service-managed: it deploys to OUs and not to single accounts",
                "Create a StackSet with self-managed permissions, and its execution role in every account.",
            )
        else:
            queues = "queues operations" if found.managed_execution else "takes one operation at a time"
            yield ok(f"{stack_set.name} exists, is self-managed and {queues}")


def templates(patient: Patient) -> Iterator[Finding]:
    """See that templates behind addresses can be read, from a tenant's account. GetTemplateSummary 1 for each."""
    for zone in patient.zones:
        stack = zone.access_stack
        if stack is None:
            continue
        if stack.template_url is None:
            yield ok(f"the template of landing zone {zone.name} is part of the configuration")
        elif patient.account_id is None:
            yield ok(f"{stack.template_url} is not checked: no tenant has an account yet that could read it")
        else:
            patient.aws.stacks(patient.account_id, stack.region or patient.platform.region).summary(stack.template_url)
            yield ok(f"{stack.template_url} can be read from account {patient.account_id}")


def functions(patient: Patient) -> Iterator[Finding]:
    """See that every Lambda function can run, and ends before we stop waiting. GetFunctionConfiguration 1 for each."""
    for hook in (zone.lambda_hook for zone in patient.zones if zone.lambda_hook):
        try:
            found = patient.aws.functions(hook.region, hook.timeout).describe(hook.arn)
        except NotFound as missing:
            yield error(f"{hook.arn} does not exist ({missing})", "Correct awsLambdaArn of the landing zone.")
            continue
        except AccessDenied as denied:  # the right to look is only the doctor's
            yield warning(f"{hook.arn} cannot be checked ({denied})", denied.remedy)
            continue
        if found.state not in READY:
            yield error(f"{hook.arn} is {found.state}: {found.reason}", "Fix the function in the Lambda console.")
        elif found.timeout > hook.timeout:
            yield warning(
                f"{hook.arn} may run for {found.timeout.total_seconds():.0f} s, but the connector waits only "
                f"{hook.timeout.total_seconds():.0f} s",
                "Raise lambdaTimeoutSeconds of the landing zone, or lower the function's own time-out.",
            )
        else:
            yield ok(f"{hook.arn} is {found.state}")


def control_tower(patient: Patient) -> Iterator[Finding]:
    """See that Control Tower has a landing zone, and we its account factory. Reads 2 calls each at most."""
    enrollment = patient.platform.enrollment
    if enrollment is None or not any(zone.enroll_account for zone in patient.zones):
        return
    own = patient.aws.control_tower.own_accounts()
    yield ok(f"Control Tower has a landing zone with {counted(len(own), 'account')} of its own")
    launch = patient.aws.service_catalog.launch(enrollment.account_factory_product_id)
    yield ok(f"{launch.product} can be launched in version {launch.artifact}")
