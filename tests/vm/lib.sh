# Helpers for tests of the guest that are written in shell. Source it first, end with `finish`.
# shellcheck shell=bash
set -u

tap_count=0
tap_failed=0

ok() {
    tap_count=$((tap_count + 1))
    echo "ok $tap_count - $1"
}

not_ok() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_count - $1"
}

diag() {
    local text="$*"
    echo "# ${text//$'\n'/$'\n'# }"
}

# check NAME COMMAND...: passes where the command does, and shows what it printed where not.
check() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        ok "$name"
    else
        not_ok "$name"
        diag "$(printf '%q ' "$@")"
        diag "$output"
    fi
}

# wait_for SECONDS COMMAND...: until the command succeeds; 1 where it does not in time. For what
# offers no event to wait on; where there is one, use wait_for_file, wait_for_pid, or the
# program's own way to wait (`sandboxctl wait`, `systemctl start` without --no-block).
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.05
    done
}

# wait_for_pid SECONDS PID: until the process is gone, also one that is no child of ours.
wait_for_pid() {
    timeout "$1" tail --pid="$2" -f /dev/null
}

# wait_for_event SECONDS FILE LINE: until the kernel's flat-keyed file (cgroup.events,
# memory.events) has this line, woken by its POLLPRI.
wait_for_event() {
    python3 - "$@" <<'PYTHON'
import select, sys, time
deadline = time.monotonic() + float(sys.argv[1])
with open(sys.argv[2]) as file:
    poll = select.poll()
    poll.register(file, select.POLLPRI)
    while True:
        file.seek(0)
        if sys.argv[3] in file.read().splitlines():
            sys.exit(0)
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            sys.exit(1)
PYTHON
}

finish() {
    echo "1..$tap_count"
    exit $((tap_failed > 0))
}
