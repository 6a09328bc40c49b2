"""What the events of processes tell, and what they never do."""

from collectors._processes.events import tell_started
from collectors._processes.match import Known


def test_a_secret_in_the_path_of_a_program_is_not_told():
    secret = "ghp_" + "a1B2" * 9
    known = Known(mark="boot", label="worker", pid=7, ticks=1, created=1.0, exe=f"/opt/{secret}/worker")
    event = tell_started(known, (), late=False)
    assert secret not in f"{event.title} {event.text} {event.data}"
    assert str(event.data["exe"]).startswith("/opt/<masked:")
