# server.sh - for test scripts: one server on a free port, counting, waiting. Sourced, not run.
#
# Gives $work, a directory that is removed at exit, and $url once a server is up. SERVER names
# another program to test against (a real etcd, to prove a test); it gets the same flags.
# A script ends with `finish`.
# shellcheck shell=sh

: "${TOP_SRCDIR:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${SERVER:=${COPSE:?the program to test} serve}"
passed=0 failed=0
server_pid=
work=$(mktemp -d)

server_cleanup() {
    [ -z "$server_pid" ] || kill -9 "$server_pid" 2>/dev/null || :
    rm -rf "$work"
}
trap server_cleanup EXIT
trap 'exit 1' HUP INT TERM

ok() { # WHAT: counts a test that held
    passed=$((passed + 1))
}

not_ok() { # WHAT [DETAIL]
    failed=$((failed + 1))
    printf 'not ok: %s\n' "$*"
}

# check WHAT COMMAND...: counts one test, good when COMMAND succeeds.
check() {
    what=$1
    shift
    if "$@"; then ok "$what"; else not_ok "$what"; fi
}

finish() {
    if [ "$failed" -gt 0 ] && [ -f "$work/server.log" ]; then
        echo '--- the end of the server log ---'
        tail -n 20 "$work/server.log"
    fi
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}

# wait_until COMMAND...: looks again until COMMAND succeeds; gives up after a minute.
wait_until() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || return 1
        sleep 0.05
    done
}

free_port() {
    python3 "$TOP_SRCDIR/tests/lib/ports.py" $$
}

server_answers() {
    kill -0 "$server_pid" 2>/dev/null || return 0 # nothing to wait for any more
    curl -fs -o /dev/null "$url/health"
}

# server_start DATA-DIR [FLAGS...]: starts the server at $url (chosen once), waits until it answers.
server_start() {
    data=$1
    shift
    : "${url:=http://127.0.0.1:$(free_port)}"
    # shellcheck disable=SC2086  # SERVER is a program and its first words
    $SERVER --data-dir "$data" --listen-client-urls "$url" --advertise-client-urls "$url" "$@" \
        >>"$work/server.log" 2>&1 &
    server_pid=$!
    wait_until server_answers
    curl -fs -o /dev/null "$url/health" || {
        cat "$work/server.log"
        echo 'the server does not answer'
        exit 1
    }
}

server_kill() {
    kill -9 "$server_pid"
    wait "$server_pid" 2>/dev/null || :
    server_pid=
}

# server_stop: SIGTERM; sets $stop_status to the exit status.
server_stop() {
    kill -TERM "$server_pid"
    stop_status=0
    wait "$server_pid" || stop_status=$?
    server_pid=
}
