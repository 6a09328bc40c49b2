"""Bodies share one budget: large ones wait for each other, small ones never wait for large ones."""

import threading
import zlib

import pytest

from agent.http import Response
from agent.http.budget import MOST_BYTES, UNCOUNTED_BYTES, Budget, Pool, budget_of_this_process
from agent.http.limits import Limits

MIB = 1024 * 1024


def post(length: int, *lines: bytes, body: bytes | None = None) -> bytes:
    head = (b"POST / HTTP/1.1", b"Host: localhost", b"Content-Length: %d" % length, *lines)
    return b"\r\n".join(head) + b"\r\n\r\n" + (b"x" * length if body is None else body)


def test_a_pool_lends_what_it_has_and_no_more():
    pool = Pool(10)
    share = pool.take(6, 0)
    assert pool.take(5, 0.01) is None
    assert pool.take(4, 0) is not None
    share.release()
    share.release()
    assert pool.take(6, 0) is not None
    assert pool.take(1, 0) is None


def test_more_than_all_is_all():
    pool = Pool(10)
    with pool.take(1000, 0):
        assert pool.take(1, 0) is None
    assert pool.take(10, 0) is not None


def test_who_came_first_is_served_first():
    pool = Pool(10)
    held = pool.take(10, 0)
    served: list[int] = []
    threads = []
    for size in (9, 1):
        threads.append(threading.Thread(target=lambda size=size: _take(pool, size, served)))
        threads[-1].start()
        while len(pool._waiting) < len(threads):
            pass
    held.release()
    for thread in threads:
        thread.join()
    assert served == [9, 1]


def _take(pool: Pool, size: int, served: list[int]) -> None:
    share = pool.take(size, 30)
    served.append(size)
    share.release()


def test_who_does_not_want_any_more_is_woken():
    pool = Pool(1)
    pool.take(1, 0)
    over = threading.Event()
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(pool.take(1, 1000, over.is_set)))
    thread.start()
    while not pool._waiting:
        pass
    over.set()
    pool.wake()
    thread.join()
    assert got == [None]


def test_work_on_small_bodies_never_waits_for_work_on_large_ones():
    budget = Budget(8 * MIB)
    with budget.work(MIB, 0):
        assert budget.work(MIB, 0) is None
        assert budget.work(500, 0) is not None


def test_it_is_32_mib_or_a_quarter_of_what_the_cgroup_allows(tmp_path):
    own, root = tmp_path / "cgroup", tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    own.write_text("0::/a/b\n")
    assert budget_of_this_process(own, root).size == MOST_BYTES
    (root / "a" / "b" / "memory.max").write_text("max\n")
    assert budget_of_this_process(own, root).size == MOST_BYTES
    (root / "a" / "memory.max").write_text(f"{64 * MIB}\n")
    assert budget_of_this_process(own, root).size == 16 * MIB


def test_the_older_cgroups_are_read_too(tmp_path):
    own, root = tmp_path / "cgroup", tmp_path / "root"
    (root / "memory" / "a").mkdir(parents=True)
    own.write_text("3:cpu,cpuacct:/a\n2:memory:/a\n")
    (root / "memory" / "a" / "memory.limit_in_bytes").write_text(f"{40 * MIB}\n")
    assert budget_of_this_process(own, root).size == 10 * MIB


def test_without_cgroups_it_is_32_mib(tmp_path):
    assert budget_of_this_process(tmp_path / "none", tmp_path).size == MOST_BYTES


def test_large_bodies_are_worked_on_one_after_the_other_and_all_are_answered(http):
    at_once: list[int] = []
    working: set[int] = set()

    def answer(request):
        working.add(id(request))
        at_once.append(len(working))
        working.discard(id(request))
        return Response(200, b"%d" % len(request.body))

    server = http.unix(answer, budget=Budget())
    clients = [http.client(server) for _ in range(16)]
    threads = [threading.Thread(target=client.send, args=(post(MIB),)) for client in clients]
    for thread in threads:
        thread.start()
    assert [client.answer()[2] for client in clients] == [b"%d" % MIB] * 16
    for thread in threads:
        thread.join()
    assert max(at_once) == 1


def test_a_small_post_is_answered_while_a_large_one_is_worked_on(http):
    asked, go_on = threading.Event(), threading.Event()

    def answer(request):
        if len(request.body) > 1000:
            asked.set()
            go_on.wait(30)
        return Response()

    server = http.unix(answer, budget=Budget())
    large = http.client(server).send(post(MIB))
    asked.wait(30)
    assert http.client(server).send(post(400)).status() == 200
    go_on.set()
    assert large.status() == 200


def test_who_waits_too_long_for_his_share_is_told_to_come_again(http):
    asked, go_on = threading.Event(), threading.Event()

    def answer(_):
        asked.set()
        go_on.wait(30)
        return Response()

    server = http.unix(answer, Limits(share_seconds=0.05), budget=Budget())
    first = http.client(server).send(post(MIB))
    asked.wait(30)
    status, headers, _ = http.client(server).send(post(MIB)).answer()
    assert (status, headers["Retry-After"]) == (503, "1")
    go_on.set()
    assert first.status() == 200


def test_large_bodies_that_stop_in_the_middle_give_way_to_one_that_comes(http):
    server = http.unix(budget=Budget(8 * MIB))
    half = post(MIB)[: -MIB // 2]
    stalled = [http.client(server).send(half) for _ in range(4)]
    assert http.client(server).send(post(MIB)).status() == 200
    assert any(client.rest() == b"" for client in stalled[:1])


def test_a_share_is_given_back_when_the_client_goes_away_in_the_middle(http):
    budget = Budget(8 * MIB)
    server = http.unix(budget=budget)
    for _ in range(5):
        client = http.client(server).send(post(MIB)[: -MIB // 2])
        client.socket.close()
    assert http.client(server).send(post(MIB)).status() == 200
    server.stop()
    assert budget.arriving.take(budget.arriving.size, 0) is not None


@pytest.mark.parametrize(("size", "status"), [(UNCOUNTED_BYTES, 200), (UNCOUNTED_BYTES + 1, 503)])
def test_only_the_smallest_bodies_need_no_share(http, size, status):
    budget = Budget()
    server = http.unix(limits=Limits(share_seconds=0.05), budget=budget)
    lane = budget._small
    with lane.take(lane.size, 0):
        assert http.client(server).send(post(size)).status() == status


def test_what_a_small_body_may_become_is_what_counts(http):
    budget = Budget()
    server = http.unix(limits=Limits(share_seconds=0.05), budget=budget)
    body = zlib.compress(b"a" * 400)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    lane = budget._small
    with lane.take(lane.size, 0):
        assert http.client(server).send(head + body).status() == 503


@pytest.mark.parametrize("status", [200, 500])
def test_a_share_is_given_back_whatever_the_answer(http, status):
    def answer(_):
        if status == 500:
            raise ValueError("broken on purpose")
        return Response()

    budget = Budget()
    server = http.unix(answer, budget=budget)
    client = http.client(server)
    for _ in range(5):
        assert client.send(post(MIB)).status() == status
    server.stop()
    assert budget.work(MIB, 0) is not None
