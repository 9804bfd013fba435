"""`pytest tests/simulation --seed N` replays one history."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="replay this one history of the simulation")


@pytest.fixture
def staff(django_user_model):
    """A person who decides."""
    return django_user_model.objects.create_user("rita", is_staff=True)
