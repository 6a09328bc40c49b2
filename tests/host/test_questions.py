"""What an operator asks, answered by one command each on a booted host."""

from harness.outage import play


def test_three_questions_of_an_operator_are_answered_by_one_command_each(host):
    host.boot()
    answers = play(host)

    assert "all is well" in answers.working[1]
    assert "ACTION NEEDED" not in answers.working[1]

    before = answers.before_the_outage[1]
    in_order = ("shop 2.4.1 is deployed", "/etc/nginx/nginx.conf", "nginx.service failed")
    assert sorted(before.index(words) for words in in_order) == [before.index(words) for words in in_order]
    assert "+    worker_connections 4096\n" in before.replace("\t", "    ")

    assert "destination stackstate is paused" in answers.nothing_arrives[1]
    assert "-> `sts-agent doctor`" in answers.nothing_arrives[1]
    assert "does not know the key" in answers.tried[1]
