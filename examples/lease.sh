# lease.sh - for leader, lock, work-queue and scheduler: asking a server, and keeping a key alive while a command runs.
# Sourced, not run.
#
# A key with a time to live says who has something. It is refreshed three times in that time; whoever cannot do so any more
# ends the command in time, before the server gives the key to another one.
# shellcheck shell=sh disable=SC2034

: "${COPSE_URL:=http://127.0.0.1:2379}" "${TTL:=10}"
every=$((TTL > 2 ? TTL / 3 : 1))
working=
scratch=$(mktemp -d)

# Seconds that no change of the clock moves.
now() {
    cut -d. -f1 /proc/uptime 2>/dev/null || date +%s
}

# ask CURL-WORDS...: one request. Sets $code to the status, 000 where no answer came; the answer is in $scratch/body,
# $index is X-Etcd-Index.
ask() {
    code=$(curl -s -o "$scratch/body" -D "$scratch/head" --connect-timeout 5 -w '%{http_code}' "$@") || code=000
    index=$(sed -n 's/^[Xx]-[Ee]tcd-[Ii]ndex: *\([0-9]*\).*/\1/p' "$scratch/head" 2>/dev/null)
    : "${index:=0}"
}

# wait_behind URL SECONDS [QUERY]: until something happens to it behind the answer before this, for SECONDS at most. Beside
# us, so that a signal is heard at once.
wait_behind() {
    curl -s -o /dev/null --max-time "$2" "$1?wait=true&waitIndex=$((index + 1))${3:-}" &
    waiting=$!
    wait "$waiting" || [ $? = 28 ] || sleep 1
    waiting=
}

# Ends the command with all that it started: asked first, after five seconds not any more.
end_working() {
    [ -n "$working" ] || return 0
    kill -- "-$working" 2>/dev/null || kill "$working" 2>/dev/null || return 0
    for _ in $(seq 50); do
        kill -s 0 -- "-$working" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -s KILL -- "-$working" 2>/dev/null || :
}

# refresh KEY OWNER: sets $code.
refresh() {
    ask -X PUT "$1" --max-time "$every" -d refresh=true -d ttl="$TTL" --data-urlencode prevValue="$2"
}

# Refreshes until it is told to stop; ends with 75 when it had to end the command.
beat() {
    nap=
    trap 'kill "$nap" 2>/dev/null; exit 0' TERM
    kept=$(now)
    while :; do
        sleep "$every" &
        nap=$!
        wait "$nap"
        kill -0 $$ 2>/dev/null || break # nobody is left who could say that the command is done
        begun=$(now)
        refresh "$1" "$2"
        case $code in
        2??)
            kept=$begun
            continue
            ;;
        404 | 412) ;; # it has gone, or is another's
        *) [ $(($(now) - kept)) -ge $((TTL - every)) ] || continue ;;
        esac
        break
    done
    trap '' TERM
    echo "${0##*/}: $2 could not keep ${1#"$COPSE_URL/v2/keys"}" >&2
    end_working
    exit 75
}

# while_held KEY OWNER COMMAND...: runs COMMAND while KEY, whose value is OWNER, is kept alive. Gives its status, or 75 when
# the key was lost and COMMAND ended for that.
while_held() {
    key=$1 owner=$2
    shift 2
    setsid "$@" </dev/null &
    working=$!
    beat "$key" "$owner" &
    beating=$!
    status=0 beaten=0
    wait "$working" || status=$?
    # Again, for a signal that comes while a shell is being made is lost.
    while kill "$beating" 2>/dev/null; do sleep 0.01; done
    wait "$beating" || beaten=$?
    working=
    beating=
    [ "$beaten" != 75 ] || status=75
    return "$status"
}

# give_back KEY OWNER: deletes it, if it is ours.
give_back() {
    curl -s -o /dev/null --max-time 5 -X DELETE -G "$1" --data-urlencode prevValue="$2" || :
}

# What a script that was told to stop has to do first; its own end comes behind that.
leave() {
    trap '' TERM INT HUP
    end_working
    for pid in ${waiting:-} ${beating:-}; do kill "$pid" 2>/dev/null || :; done
    rm -rf "$scratch"
}
