"""A report processor inside a real Puppet, which posts to the agent as it would to StackState."""

import pytest
from harness.free_ports import free_port

TOKEN = "a-token-of-the-tests"

PROCESSOR = """\
require 'puppet'
require 'json'
require 'net/http'
require 'uri'

Puppet::Reports.register_report(:stackstate) do
  desc 'Posts each run to the address in STS_STS_URL.'

  def process
    event = {
      'context' => {
        'category' => 'Changes',
        'data' => {
          'configuration_version' => configuration_version.to_s,
          'transaction_uuid' => transaction_uuid,
          'catalog_uuid' => catalog_uuid,
          'status' => status,
        },
        'element_identifiers' => ["urn:host:/#{host}"],
        'source' => 'Puppet',
        'source_links' => [{ 'title' => 'Console', 'url' => "https://console.example.com/#{transaction_uuid}" }],
      },
      'event_type' => 'ConfigurationChangedEvent',
      'msg_title' => "Puppet run for #{host} #{status}",
      'msg_text' => logs.map(&:to_report).join("\\n"),
      'source_type_name' => 'ConfigurationChangedEvent',
      'tags' => ["environment:#{environment}", "status: #{status}"],
      'timestamp' => time.to_i,
    }
    body = {
      'collection_timestamp' => Time.now.to_i, 'internalHostname' => host, 'events' => { 'puppet' => [event] },
      'metrics' => [], 'service_checks' => [], 'topologies' => []
    }
    address = URI("#{ENV.fetch('STS_STS_URL')}/intake/?api_key=#{ENV.fetch('STS_API_KEY')}")
    answer = Net::HTTP.post(address, JSON.generate(body), 'Content-Type' => 'application/json')
    raise "#{answer.code} #{answer.body}" unless answer.is_a?(Net::HTTPSuccess)
  end
end
"""

MANIFEST = """
file { '/etc/motd.puppet': ensure => file, content => "hello\\n" }
notify { 'a "quoted" \\\\ message': }
"""


def posted(events):
    return [event for event in events if event["context"]["source"] == "Puppet"]


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def puppet(new_host, port):
    """Boot a host with Puppet, the processor in its library, and a port of the agent."""
    host = new_host(packages=("puppet-agent",))
    host.configure(
        f"intake: {{http: {{listen: '127.0.0.1:{port}', token_file: /etc/sts-agent/intake_token}}}}\n"
    )
    host.write("/etc/sts-agent/intake_token", f"{TOKEN}\n", mode=0o644)
    host.write("/var/cache/puppet/lib/puppet/reports/stackstate.rb", PROCESSOR)
    host.write("/root/site.pp", MANIFEST)
    host.boot()
    return host


def apply(host, port):
    """Run Puppet as the tutorial does: with the variables that lead to the agent."""
    variables = (f"STS_STS_URL=http://127.0.0.1:{port}/stsAgent", f"STS_API_KEY={TOKEN}")
    said = host.run(
        "env", *variables, "puppet", "apply", "--reports=stackstate", "/root/site.pp", check=False
    )
    assert "stackstate failed" not in said.stdout + said.stderr, said.stdout + said.stderr
    return said


def test_a_run_of_puppet_arrives_by_its_report_processor_and_the_agent(puppet, port):
    apply(puppet, port)
    (event,) = puppet.receiver.wait_for(posted)
    data = event["context"]["data"]
    assert data["status"] == "changed"
    assert data["configuration_version"]
    assert 'a "quoted" \\ message' in event["msg_text"]
    assert "status: changed" in event["tags"]
    assert event["context"]["source_links"][0]["url"].endswith(data["transaction_uuid"])
    assert event["context"]["source_identifier"]


def test_it_arrives_as_well_when_the_receiver_is_away_and_the_host_loses_its_power(puppet, port):
    puppet.receiver.go_away()
    apply(puppet, port)
    puppet.power_loss()
    puppet.boot()
    puppet.receiver.come_back()
    (event,) = puppet.receiver.wait_for(posted)
    assert event["msg_title"].endswith(" changed")
