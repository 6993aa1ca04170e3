"""What `status` shows first: the overview of the page, in its words and its order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from config.printable import counted, short
from tasks.documents import LimitUse, Matter, Overview, UnderWay
from workers.cli.output import facts, flat, shown_moment
from workers.standing import place

NOTHING = "Nothing. Every tenant is as it was ordered, or on its way."


def overview_text(overview: Overview) -> RenderableType:
    """Show it; what is empty is left out, but for what needs a person."""
    parts: list[RenderableType] = [Text("Needs a person", style="bold")]
    parts += [line for each in overview.needs for line in _matter(each)] or [Text(f"  {NOTHING}")]
    if overview.under_way:
        parts += ["", Text("Under way", style="bold"), *map(_under_way, overview.under_way)]
    if overview.limits:
        parts += ["", Text("AWS limits", style="bold"), *map(_limit, overview.limits)]
    parts += ["", Text("Workers and queue", style="bold"), facts(_working(overview)), ""]
    return Group(*parts)


def _matter(matter: Matter) -> Iterator[Text]:
    yield Text(f"  {flat(matter.what)}")
    yield Text(f"    {flat(matter.remedy)}", style="dim")
    if matter.detail:
        yield Text(f"    {flat(matter.detail)}", style="dim")
    if matter.tenants:
        more = matter.number - len(matter.tenants)
        yield Text(f"    {', '.join(matter.tenants)}{f' and {more} more' if more > 0 else ''}")


def _under_way(each: UnderWay) -> Text:
    where = place(each.state, each.number)
    return Text(f"  {each.number} {where}, the oldest was ordered {shown_moment(each.since)}")


def _limit(each: LimitUse) -> Text:
    waiting = f", {each.waiting} waiting" if each.waiting else ""
    since = f" since {shown_moment(each.waiting_since)}" if each.waiting_since else ""
    slowed = f", throttled to {each.slowed:.0%}" if each.slowed < 1 else ""
    return Text(f"  {short(each.name)}: {each.taken} of {each.places} in use{waiting}{since}{slowed}")


def _working(overview: Overview) -> dict[str, str]:
    working = overview.machinery
    behind = f", {working.late_seconds:.0f} s behind" if working.late_seconds >= 1 else ""
    return {
        "  workers": f"{working.workers}{behind}",
        "  messages in the queue": str(working.queued),
        "  beat last sent something": _moment(working.beat_at),
        "  checked longest ago": _moment(overview.oldest_look),
        "  changed by somebody else": counted(overview.drifted, "tenant"),
        "  without a tenant": counted(overview.unmanaged, "account"),
    }


def _moment(moment: datetime | None) -> str:
    return shown_moment(moment) if moment else "never"
