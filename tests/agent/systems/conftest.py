"""A system's destination beside its stand-in, for the suites that run every one of them."""

import pytest
from destination_example import Trial, examples


@pytest.fixture(params=examples())
def trial(request, tmp_path):
    """Each system of the table in turn."""
    one = Trial(request.param, tmp_path)
    yield one
    one.close()


@pytest.fixture(params=examples(with_credential=True))
def trial_with_credential(request, tmp_path):
    """Each system of the table in turn that knows a credential."""
    one = Trial(request.param, tmp_path)
    yield one
    one.close()
