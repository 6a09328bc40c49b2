"""From the spool to a receiver: everything arrives, in order, whatever happens in between."""

import logging
import threading

from harness.free_ports import free_port

from agent.configuration import types
from agent.delivery.correction import UNTRUSTED_TAG
from agent.delivery.state import Phase
from agent.stand_in import Reply
from agent.systems.stackstate.stand_in import Receiver


def titles(receiver):
    return [one.event["msg_title"] for one in receiver.received]


def test_what_waits_is_delivered_in_order_and_acknowledged(host, receiver, loop_to):
    numbers = [f"{at}" for at in range(2500)]
    for start in range(0, 2500, 50):
        host.keep(*numbers[start : start + 50])
    loop = loop_to(receiver.url)
    assert loop.flush(120)
    assert titles(receiver) == numbers
    assert receiver.report.requests == 3
    assert receiver.report.broken == {}
    assert host.totals() == (2500, 0, 0)
    assert loop.state().phase in {Phase.IDLE, Phase.SENDING}
    assert loop.state().last_success


def test_events_that_come_later_are_sent_without_being_asked_for(host, receiver, loop_to):
    loop_to(receiver.url)
    for at in range(5):
        host.keep(str(at))
        receiver.wait_for(at + 1)
    assert titles(receiver) == ["0", "1", "2", "3", "4"]


def test_the_first_event_after_silence_goes_at_once_and_those_after_it_together(host, receiver, loop_to):
    loop = loop_to(receiver.url, batch=types.Batch(linger=types.Duration(600)))
    host.keep("first")
    receiver.wait_for(1)
    host.keep("second")
    host.keep("third")
    assert loop.flush(120)  # else they wait for the ten minutes
    assert [one.request for one in receiver.received] == [1, 2, 2]


def test_order_holds_within_a_name_when_names_are_mixed(host, receiver, loop_to):
    for at in range(30):
        host.keep(str(at), name=f"n{at % 3}")
    assert loop_to(receiver.url).flush(120)
    for name in ("n0", "n1", "n2"):
        own = [int(one.event["msg_title"]) for one in receiver.received if one.name == name]
        assert own == sorted(own)
        assert len(own) == 10


def test_a_receiver_that_is_down_gets_everything_when_it_is_back(host, loop_to, until, caplog):
    caplog.set_level(logging.INFO)
    port = free_port()
    with Receiver(port=port) as first:
        pass
    loop = loop_to(first.url)
    for at in range(10):
        host.keep(str(at))
    until(lambda: loop.state().phase is Phase.BACKING_OFF and loop.state().failures > 2)
    assert loop.state().reason == "Connection refused"
    assert loop.state().until is not None
    with Receiver(port=port) as second:
        assert [one.event["msg_title"] for one in second.wait_for(10)] == [str(at) for at in range(10)]
        assert loop.flush(120)
    told = [message for message in caplog.messages if message.startswith("sts:")]
    assert len(told) == 2  # not one for each try
    assert told[0] == "sts: Connection refused; events are kept and sent later"
    assert "delivering again" in told[1]


def test_retry_after_is_waited_for(host, receiver, loop_to, until):
    receiver.intercept = lambda _: Reply(503, headers={"Retry-After": "1000"})
    loop = loop_to(receiver.url)
    host.keep("kept")
    state = until(lambda: loop.state() if loop.state().phase is Phase.BACKING_OFF else None)
    assert state.until - state.last_failure >= 1000
    receiver.intercept = None
    loop.poke()
    receiver.wait_for(1)


def test_a_wrong_key_pauses_once_and_a_new_key_file_ends_it(host, receiver, loop_to, until, caplog):
    file = host.directory / "api_key"
    file.write_text("wrong")
    host.keep("kept")
    backoff = types.Backoff(initial=types.Duration(0.01), max=types.Duration(600))
    loop = loop_to(receiver.url, api_key_file=file, backoff=backoff)
    until(lambda: loop.state().phase is Phase.PAUSED)
    assert loop.state().reason == "403 Forbidden Invalid API key"
    file.write_text("s3cr3t-k3y")
    receiver.wait_for(1)
    assert len([message for message in caplog.messages if "paused" in message]) == 1


def test_a_missing_key_file_pauses_until_it_is_there(host, receiver, loop_to, until, tmp_path):
    file = tmp_path / "api_key"
    host.keep("kept")
    backoff = types.Backoff(initial=types.Duration(0.01), max=types.Duration(600))
    loop = loop_to(receiver.url, api_key_file=file, backoff=backoff)
    until(lambda: loop.state().phase is Phase.PAUSED)
    assert "the file that api_key_file names cannot be read" in loop.state().reason
    file.write_text("s3cr3t-k3y")
    receiver.wait_for(1)


def test_a_pause_is_probed_again_and_said_once(host, receiver, loop_to, until, caplog):
    refusals = []
    receiver.intercept = lambda _: refusals.append(1) or Reply(404)
    loop = loop_to(receiver.url)
    host.keep("kept")
    until(lambda: len(refusals) > 4)
    assert loop.state().phase in {Phase.PAUSED, Phase.SENDING}
    receiver.intercept = None
    receiver.wait_for(1)
    assert len([message for message in caplog.messages if "paused" in message]) == 1


def test_a_poke_probes_a_paused_destination_at_once(host, receiver, loop_to, until):
    receiver.intercept = lambda _: Reply(404)
    backoff = types.Backoff(initial=types.Duration(600), max=types.Duration(600))
    loop = loop_to(receiver.url, backoff=backoff)
    host.keep("kept")
    until(lambda: loop.state().phase is Phase.PAUSED)
    receiver.intercept = None
    loop.poke()
    receiver.wait_for(1)


def test_a_dead_destination_does_not_delay_another(host, receiver, loop_to, wire):
    stuck = wire(lambda _connection, side: side.over.wait())
    loop_to(stuck.url, name="dead", timeout=types.Duration(600))
    loop_to(receiver.url, name="well")
    for at in range(20):
        host.keep(str(at))
        receiver.wait_for(at + 1)
    assert host.waiting()["dead"] == 20


def test_a_batch_after_a_cut_is_halved_and_grows_back(host, loop_to, receiver, until):
    sizes = []
    limit = [100]

    def weak_line(request):
        events = request.body.count(b'"msg_title"')
        sizes.append(events)
        return Reply(cut=True) if events > limit[0] else None

    receiver.intercept = weak_line
    loop = loop_to(receiver.url, compression="none", start=False)
    for at in range(0, 4000, 40):
        host.keep(*map(str, range(at, at + 40)))
    loop.start()
    until(lambda: len(receiver.received) > 1000)
    assert sizes[:5] == [1000, 480, 240, 120, 40]  # records of 40 are not cut for that
    limit[0] = 10_000
    assert loop.flush(120)
    assert max(sizes[10:]) > 100
    assert titles(receiver) == [str(at) for at in range(4000)]


def test_a_poisoned_event_among_ten_thousand_is_rejected_alone(host, receiver, loop_to, caplog):
    receiver.intercept = lambda request: Reply(400, b"no") if b'"7777"' in request.body else None
    for at in range(0, 10_000, 50):
        host.keep(*map(str, range(at, at + 50)))
    loop = loop_to(receiver.url, compression="none")
    assert loop.flush(120)
    assert titles(receiver) == [str(at) for at in range(10_000) if at != 7777]
    assert host.totals() == (9999, 0, 1)
    assert receiver.report.requests < 50
    assert [message for message in caplog.messages if "rejected" in message] == [
        "sts: rejected for good: a custom event: 400 Bad Request no; see `sts-agent rejected list`"
    ]


def test_the_first_of_a_backlog_may_be_the_poisoned_one(host, receiver, loop_to):
    receiver.intercept = lambda request: Reply(400, b"no") if b'"0"' in request.body else None
    host.keep(*map(str, range(50)))
    assert loop_to(receiver.url, compression="none").flush(120)
    assert titles(receiver) == [str(at) for at in range(1, 50)]
    assert host.totals() == (49, 0, 1)


def test_a_receiver_that_refuses_everything_empties_no_spool(host, receiver, loop_to, until):
    receiver.intercept = lambda _: Reply(400, b"broken proxy")
    host.keep(*map(str, range(64)))
    loop = loop_to(receiver.url)
    until(lambda: receiver.report.requests > 300)
    assert "it may refuse everything" in loop.state().reason or loop.state().phase is Phase.SENDING
    assert host.totals() == (0, 0, 0)
    receiver.intercept = None
    receiver.wait_for(64)
    assert sorted(map(int, titles(receiver))) == list(range(64))


def test_what_fits_in_no_request_together_waits_for_no_more_of_its_kind(host, receiver, loop_to, until):
    for at in range(10):
        host.keep(str(at), hostname=f"h{at % 2}")
        host.keep(f"m{at}", kind="stackstate/metrics")
    loop_to(receiver.url, batch=types.Batch(linger=types.Duration(600)))
    until(lambda: host.totals() == (20, 0, 0))
    assert titles(receiver) == [str(at) for at in range(10)]


def test_a_lone_refused_event_waits_for_another_and_is_then_rejected(host, receiver, loop_to, until):
    receiver.intercept = lambda request: Reply(422, b"no") if b'"bad"' in request.body else None
    backoff = types.Backoff(initial=types.Duration(600), max=types.Duration(600))
    loop = loop_to(receiver.url, compression="none", backoff=backoff)
    host.keep("bad")
    until(lambda: loop.state().phase is Phase.PAUSED)
    host.keep("good")
    receiver.wait_for(1)
    until(lambda: host.totals() == (1, 0, 1))


def test_a_body_too_large_is_split_and_what_fits_is_learnt(host, loop_to):
    with Receiver(max_body_bytes=20_000) as receiver:
        for at in range(0, 1000, 20):
            host.keep(*map(str, range(at, at + 20)))
        assert loop_to(receiver.url, compression="none").flush(120)
        assert titles(receiver) == [str(at) for at in range(1000)]
        host.keep("x" * 30_000)
        host.keep("after")
        receiver.wait_for(lambda _: titles(receiver)[-1:] == ["after"])
    assert host.totals()[2] == 1


def test_filtered_events_are_passed_over_and_counted(host, receiver, loop_to):
    only = types.Only(types=("Wanted",))
    loop = loop_to(receiver.url, only=only)
    for title in "abcd":
        host.keep(title, event_type="Wanted" if title in "ac" else "Unwanted")
    assert loop.flush(120)
    assert titles(receiver) == ["a", "c"]
    assert host.totals() == (2, 2, 0)


def test_without_a_host_name_everything_is_held_and_then_named(host, receiver, loop_to, until):
    names = []
    backoff = types.Backoff(initial=types.Duration(600), max=types.Duration(600))
    loop = loop_to(receiver.url, hostname=lambda: names[0] if names else None, backoff=backoff)
    host.keep("early", hostname="")
    host.keep("late", hostname="edge")
    until(lambda: loop.state().phase is Phase.PAUSED)
    assert "host name" in loop.state().reason
    names.append("edge")
    early, late = receiver.wait_for(2)
    assert (early.hostname, late.hostname) == ("edge", "edge")
    assert early.event["host"] == "edge"
    assert early.event["context"]["element_identifiers"][0] == "urn:host:/edge"


def test_each_host_name_has_a_request_of_its_own(host, receiver, loop_to):
    host.keep("a", hostname="old")
    host.keep("b", hostname="new")
    assert loop_to(receiver.url).flush(120)
    assert [one.hostname for one in receiver.received] == ["old", "new"]


def test_times_of_an_untrusted_clock_are_corrected_or_marked(host, receiver, loop_to):
    wrong = {"clock_trusted": False, "captured": 1_700_000_001.0}
    host.keep("same boot", **wrong)
    host.keep("earlier boot", boot_id="earlier", **wrong)
    assert loop_to(receiver.url).flush(120)
    same, earlier = (one.event for one in receiver.received)
    assert same["timestamp"] > 1_750_000_000
    assert UNTRUSTED_TAG not in same["tags"]
    assert earlier["timestamp"] == 1_700_000_000
    assert UNTRUSTED_TAG in earlier["tags"]


def test_a_stop_sends_what_waits(host, receiver, loop_to):
    loop = loop_to(receiver.url, batch=types.Batch(linger=types.Duration(600)))
    host.keep("first")
    receiver.wait_for(1)
    host.keep("last")
    assert loop.stop(10)
    assert titles(receiver) == ["first", "last"]
    assert loop.state().phase is Phase.STOPPED


def test_a_stop_tries_once_more_while_backing_off(host, receiver, loop_to, until):
    receiver.intercept = lambda _: Reply(503, headers={"Retry-After": "600"})
    loop = loop_to(receiver.url)
    host.keep("kept")
    until(lambda: loop.state().phase is Phase.BACKING_OFF)
    receiver.intercept = None
    assert loop.stop(10)
    assert titles(receiver) == ["kept"]


def test_a_stop_gives_up_at_the_first_failure(host, receiver, loop_to, until):
    receiver.intercept = lambda _: Reply(503)
    loop = loop_to(receiver.url, backoff=types.Backoff(initial=types.Duration(600), max=types.Duration(600)))
    host.keep("kept")
    until(lambda: loop.state().phase is Phase.BACKING_OFF)
    assert loop.stop(600)
    assert receiver.report.requests == 2


def test_a_stop_cuts_a_request_that_hangs(host, loop_to, wire, until):
    stuck = wire(lambda _connection, side: side.over.wait())
    loop = loop_to(stuck.url, timeout=types.Duration(600))
    host.keep("kept")
    until(lambda: stuck.connections)
    assert loop.stop(0.1)
    assert host.waiting() == {"sts": 1}


def test_a_flush_says_whether_everything_was_delivered(host, receiver, loop_to):
    loop = loop_to(receiver.url)
    assert loop.flush(120)
    host.keep("kept")
    assert loop.flush(120)
    receiver.intercept = lambda _: Reply(404)
    host.keep("not now")
    assert not loop.flush(120)


def test_rejected_events_are_tried_again_when_asked(host, receiver, loop_to, until):
    receiver.intercept = lambda request: Reply(400, b"no") if b'"bad"' in request.body else None
    loop = loop_to(receiver.url, compression="none")
    host.keep("bad", "good")
    assert loop.flush(120)
    assert host.spool.rejected.retry(None) == 1
    loop.poke()
    until(lambda: receiver.report.refused.total() >= 4 and not host.spool.rejected.retries("sts"))
    assert titles(receiver) == ["good"]
    receiver.intercept = None
    assert host.spool.rejected.retry(None) == 1
    loop.poke()
    receiver.wait_for(2)
    assert titles(receiver) == ["good", "bad"]
    until(lambda: host.spool.status().rejected == 0)


class Through:
    """The spool, with some of its methods replaced."""

    def __init__(self, spool, **methods):
        self._spool = spool
        self.__dict__.update(methods)

    def __getattr__(self, name):
        return getattr(self._spool, name)


def test_an_idle_loop_sleeps_without_a_timeout(host, receiver, loop_to):
    waits = []

    def wait(destination, timeout_seconds, interrupt=None):
        waits.append(timeout_seconds)
        return host.spool.records.wait(destination, timeout_seconds, interrupt)

    loop = loop_to(receiver.url, through=Through(host.spool, records=Through(host.spool.records, wait=wait)))
    assert loop.flush(120)
    host.keep("one")
    receiver.wait_for(1)
    assert loop.flush(120)
    assert {seconds for seconds in waits if seconds != 0} == {None}


def test_nothing_that_goes_wrong_inside_ends_the_loop(host, receiver, loop_to):
    failures = []

    def read(*arguments, **options):
        if not failures:
            failures.append(1)
            raise RuntimeError("a bug")
        return host.spool.records.read(*arguments, **options)

    loop = loop_to(receiver.url, through=Through(host.spool, records=Through(host.spool.records, read=read)))
    host.keep("kept")
    receiver.wait_for(1)
    assert "RuntimeError" in loop.state().last_failure_reason


def test_what_cannot_be_acknowledged_is_sent_again_ever_more_rarely(host, receiver, loop_to, until):
    failures = []

    def acknowledge(*arguments, **options):
        if len(failures) < 3:
            failures.append(1)
            raise RuntimeError("the disk is gone")
        host.spool.records.acknowledge(*arguments, **options)

    loop = loop_to(
        receiver.url,
        through=Through(host.spool, records=Through(host.spool.records, acknowledge=acknowledge)),
    )
    host.keep("sent again")
    until(lambda: host.totals() == (1, 0, 0))
    assert titles(receiver) == ["sent again"] * 4
    assert len({one.identifier for one in receiver.received}) == 1
    assert loop.state().last_failure_reason


def test_pokes_flushes_and_stops_from_many_threads_do_no_harm(host, receiver, loop_to):
    loop = loop_to(receiver.url)

    def bother():
        for _ in range(20):
            loop.poke()
            loop.flush(120)

    threads = [threading.Thread(target=bother) for _ in range(4)]
    for thread in threads:
        thread.start()
    for at in range(50):
        host.keep(str(at))
    for thread in threads:
        thread.join()
    assert loop.flush(120)
    assert titles(receiver) == [str(at) for at in range(50)]
