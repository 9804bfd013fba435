"""A page never asks the kernel for memory at every call of a loop, however deep that runs."""

import resource

from django.http import HttpResponse
from django.test import RequestFactory

from syncadmin.middleware import RoomMiddleware


def deep(levels: int) -> int:
    """Run a loop of calls so many levels down; answers how often memory came new from the kernel."""
    if levels:
        return deep(levels - 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(500):
        sum(len(text) for text in ("one", "two"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_a_loop_costs_the_same_wherever_on_the_stack_it_runs() -> None:
    answer = RoomMiddleware(lambda request: HttpResponse(str(max(deep(levels) for levels in range(150)))))

    assert int(answer(RequestFactory().get("/")).content) < 250
