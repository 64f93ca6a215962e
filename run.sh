#!/usr/bin/env bash
# Runs broker, processor and analytics on this machine, imports the sample once,
# shows what was counted, and lets a slow stream of purchases go on until Ctrl-C.
set -euo pipefail
set -m # each program in a process group of its own: Ctrl-C reaches this script, which ends them in order
cd "$(dirname "$0")"

# Whatever cluster the environment names, this is about the one started here.
export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 ANALYTICS_DB=data/analytics.db
unset KAFKA_CONFIG
logs=data/logs
mkdir -p "$logs"
names=() pids=()

start() { # NAME COMMAND...: runs the command in the background
    local name=$1
    shift
    "$@" >>"$logs/$name.log" 2>&1 &
    names+=("$name") pids+=($!)
}

stop() { # ends what runs, the last started first, so that each can finish its work
    trap - EXIT
    trap '' INT TERM
    local i
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill -TERM "${pids[i]}" 2>/dev/null && wait "${pids[i]}" 2>/dev/null || true
    done
    echo "everything has stopped; the data is in data/, run again to go on" >&2
}
trap stop EXIT
trap 'exit 130' INT TERM

check() { # fails when one of the programs has ended by itself
    local i
    for i in "${!pids[@]}"; do
        kill -0 "${pids[i]}" 2>/dev/null || {
            echo "${names[i]} has ended; the last it said (all is in $logs/${names[i]}.log):" >&2
            tail -n 3 "$logs/${names[i]}.log" >&2
            exit 1
        }
    done
}

until_true() { # COMMAND...: waits until the command succeeds
    until "$@"; do
        check
        sleep 0.2
    done
}

broker_listens() { (exec 3<>"/dev/tcp/127.0.0.1/9092") 2>/dev/null; }

stored_all() { # whether analytics has stored all that the logs hold
    [ "$(bin/analytics status --output csv 2>/dev/null | awk -F, 'NR > 1 { lag += $5 } END { print (NR > 1) ? lag + 0 : "unknown" }')" = 0 ]
}

if broker_listens; then
    echo "127.0.0.1:9092 is in use already: end what listens there (another make run?) and try again" >&2
    trap - EXIT
    exit 1
fi
start broker bin/producer broker
until_true broker_listens
start processor bin/processor run
start analytics bin/analytics run
check

if [ ! -e data/sample-imported ]; then
    echo "importing the sample, 541,909 real purchases (see producer/sample/README.md)" >&2
    bin/producer import --sample
    touch data/sample-imported
fi
echo "waiting until everything has been counted" >&2
bin/processor run --drain 2>>"$logs/processor.log"
until_true stored_all

bin/analytics query summary
bin/analytics query top-items
start generate bin/producer generate --count 0 --rate 5
cat >&2 <<'TEXT'

A slow stream of purchases goes on. In another terminal:
  bin/analytics query top-items --by revenue
  bin/analytics query recent
  bin/analytics status
  sqlite3 -readonly data/analytics.db 'SELECT * FROM item_sales LIMIT 10'
Ctrl-C ends all of it.
TEXT
trap 'exit 0' INT TERM # stopped by its user, it has done its work
until_true false
