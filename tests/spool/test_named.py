import pytest

from spool.named import Named, at_first


class Kept(Named):
    name: str
    count: int = 0
    gaps: list[int] = at_first(default_factory=list)


def test_values_are_taken_in_order_or_by_name_and_others_are_as_at_first():
    kept = Kept("a", gaps=[1])
    assert kept.values() == {"name": "a", "count": 0, "gaps": [1]}
    assert Kept(**kept.values()).values() == kept.values()


def test_what_is_made_anew_is_nobody_elses():
    one, other = Kept("a"), Kept("b")
    one.gaps.append(1)
    assert other.gaps == []


@pytest.mark.parametrize(("values", "named"), [((), {}), (("a", 1, [], 2), {}), (("a",), {"other": 1})])
def test_a_value_that_is_missing_or_that_there_is_not_is_refused(values, named):
    with pytest.raises(TypeError):
        Kept(*values, **named)
