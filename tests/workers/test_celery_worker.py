"""Workers on one machine are as many as they are."""

from __future__ import annotations

from celery.utils.nodenames import default_nodename

from workers.celery_worker import unique


def test_each_worker_of_a_machine_has_a_name_of_its_own() -> None:
    name = default_nodename(None)

    assert len({unique(name), unique(name), name}) == 3
    assert unique(name).endswith(name.partition("celery")[2])


def test_a_name_that_was_chosen_stays() -> None:
    assert unique("first@here") == "first@here"
