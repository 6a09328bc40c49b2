# An example of how Puppet has the agent on a host: adapt it, or call it from your own profile.
#
#   class { 'sts_agent':
#     deb    => '/srv/packages/sts-agent_1.0.0_amd64.deb',
#     config => file('profile/agent.yaml'),
#     conf_d => { 'nginx' => file('profile/nginx.yaml') },
#   }
#
# `config` and the values of `conf_d` are the texts of the files, `api_key` the key of `api_key_file: /etc/sts-agent/api_key`.
# A file that `sts-agent check` refuses is not put in place, and the run fails.
class sts_agent (
  Optional[String]            $deb     = undef,
  Optional[String]            $config  = undef,
  Optional[Sensitive[String]] $api_key = undef,
  Hash[String, String]        $conf_d  = {},
) {
  $agent = '/opt/sts-agent/bin/sts-agent'

  if $deb {
    package { 'sts-agent':
      ensure   => installed,
      provider => dpkg,
      source   => $deb,
      before   => [File['/etc/sts-agent', '/etc/sts-agent/conf.d'], Service['sts-agent']],
    }
  }

  file { ['/etc/sts-agent', '/etc/sts-agent/conf.d']:
    ensure => directory,
    mode   => '0755',
  }

  if $config {
    file { '/etc/sts-agent/agent.yaml':
      content      => $config,
      mode         => '0644',
      validate_cmd => "${agent} check --no-keys --config %",
      notify       => Exec['reload sts-agent'],
    }
  }

  if $api_key {
    file { '/etc/sts-agent/api_key':
      content   => Sensitive("${api_key.unwrap}\n"),
      group     => 'sts-agent',
      mode      => '0640',
      show_diff => false,
      notify    => Exec['reload sts-agent'],
    }
  }

  $conf_d.each |$name, $content| {
    file { "/etc/sts-agent/conf.d/${name}.yaml":
      content      => $content,
      mode         => '0644',
      validate_cmd => "${agent} check --no-keys %",
      notify       => Exec['reload sts-agent'],
    }
  }

  service { 'sts-agent':
    ensure => running,
    enable => true,
  }

  exec { 'reload sts-agent':
    command     => '/usr/bin/systemctl reload sts-agent.service',
    refreshonly => true,
    require     => Service['sts-agent'],
  }
}
