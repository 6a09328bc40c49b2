# shellcheck shell=sh
# What the scripts of the packages of dpkg and rpm have in common.
unit=sts-agent.service
share=/opt/sts-agent/share
. $share/interpreter.sh

# The user and its directories; the configuration is no file of the package, since every site has its own.
prepare_host() {
    systemd-sysusers sts-agent.conf
    systemd-tmpfiles --create sts-agent.conf || :
}

write_first_configuration() {
    [ -e /etc/sts-agent/agent.yaml ] || install -m 0644 $share/agent.yaml /etc/sts-agent/agent.yaml
}

# The service may not write byte code, and without it each start and each command takes a second.
make_byte_code() {
    [ -n "$python" ] || return 0
    "$python" -I -S -m compileall -q /opt/sts-agent/lib >/dev/null || echo "sts-agent: no byte code was made" >&2
}

remove_byte_code() {
    find /opt/sts-agent/lib -name __pycache__ -type d -prune -exec rm -rf {} +
}

# Before 257 a fresh /proc for the service hides the boot id that a container's manager mounted over it.
fit_unit_into_container() {
    drop_in=/etc/systemd/system/$unit.d/container.conf
    systemd=$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')
    if [ "${systemd:-0}" -lt 257 ] && systemd-detect-virt --quiet --container; then
        [ -e $drop_in ] || install -D -m 0644 $share/$unit.d/container.conf $drop_in
    elif [ -e $drop_in ] && cmp -s $drop_in $share/$unit.d/container.conf; then
        rm -f $drop_in
        rmdir --ignore-fail-on-non-empty ${drop_in%/*}
    fi
}

reload_manager() {
    [ ! -d /run/systemd/system ] || systemctl --system daemon-reload >/dev/null || :
}

running_pid() {
    if [ -d /run/systemd/system ] && systemctl --quiet is-active $unit; then
        systemctl show --value --property=MainPID $unit
    fi
}

# Whether this version may take the place of the one that runs, if one does: 0; 2 where the configuration is wrong, 1
# where the version itself does not run. It says so, and the one that runs goes on.
may_take_over() {
    unfit=0
    # shellcheck disable=SC2046 # no word, where none runs
    said=$("$python" -I -S -B $share/fit.py $(running_pid) 2>&1) || unfit=$?
    case $unfit in
        0) return 0 ;;
        2)
            cat >&2 <<TEXT
sts-agent: the configuration is wrong, so the version that ran before goes on with the one that it has in memory:
$said
Correct it, then: systemctl restart sts-agent
TEXT
            return 2
            ;;
        *)
            echo "sts-agent: this version does not run here: $said" >&2
            [ -z "$(running_pid)" ] || echo "sts-agent: the one that ran before goes on; install another" >&2
            return 1
            ;;
    esac
}

# Another Python came or went.
follow_interpreter() {
    make_byte_code
    pid=$(running_pid)
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe")" != "$python" ]; then
        systemctl try-restart $unit || :
    fi
}
