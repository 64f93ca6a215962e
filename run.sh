#!/usr/bin/env bash
# Runs broker, processor and analytics on this machine, imports the sample once,
# shows what was counted, and runs a slow stream of purchases until Ctrl-C.
set -euo pipefail
set -m # each program in a process group of its own: Ctrl-C reaches this script, which ends them in order
cd "$(dirname "$0")"

# Whatever cluster the environment names, this is about the one started here.
unset "${!KAFKA_@}" "${!ANALYTICS_@}"
export KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092 ANALYTICS_DB=data/analytics.db
logs=data/logs
names=() pids=() interrupted= status=130
mkdir -p "$logs"
trap 'interrupted=yes' INT TERM # acted upon in pause: an exit from here could leave programs running
trap stop EXIT

start() { # NAME COMMAND...: runs the command in the background
    name=$1
    shift
    "$@" >>"$logs/$name.log" 2>&1 &
    names+=("$name") pids+=($!)
}

stop() { # ends what runs, the last started first, so that each can finish its work
    for ((n = ${#pids[@]} - 1; n >= 0; n--)); do
        kill -TERM "${pids[n]}" 2>/dev/null || continue
        while kill -0 "${pids[n]}" 2>/dev/null; do wait "${pids[n]}" 2>/dev/null || true; done
    done
    echo "everything has stopped; the data is in data/, run again to resume" >&2
}

pause() { # a moment, in which a program may turn out to have ended, or Ctrl-C may come
    sleep 0.2 &
    wait $! || true
    [ -z "$interrupted" ] || exit "$status"
    for n in "${!pids[@]}"; do
        kill -0 "${pids[n]}" 2>/dev/null || {
            echo "${names[n]} exited; the last lines of its log, $logs/${names[n]}.log:" >&2
            tail -n 3 "$logs/${names[n]}.log" >&2
            exit 1
        }
    done
}

broker_listens() { (exec 3<>"/dev/tcp/127.0.0.1/9092") 2>/dev/null; }

stored_all() { # whether analytics has stored all that the logs hold
    [ "$(bin/analytics status --output csv 2>/dev/null | awk -F, 'NR > 1 { lag += $5 } END { print (NR > 1) ? lag + 0 : "unknown" }')" = 0 ]
}

if broker_listens; then
    trap - EXIT
    echo "127.0.0.1:9092 is in use: stop the program that listens there (another make run?) and try again" >&2
    exit 1
fi
start broker bin/producer broker
until broker_listens; do pause; done
start processor bin/processor run
start analytics bin/analytics run
pause

if [ ! -e data/sample-imported ]; then
    echo "importing the sample, 541,909 real purchases (see producer/sample/README.md)" >&2
    bin/producer import --sample
    touch data/sample-imported
fi
echo "waiting until everything has been counted" >&2
bin/processor run --drain 2>>"$logs/processor.log"
until stored_all; do pause; done

bin/analytics query summary
bin/analytics query top-items
start generate bin/producer generate --count 0 --rate 5
cat >&2 <<'TEXT'

A slow stream of purchases continues. Open http://127.0.0.1:8080/, or in another terminal:
  bin/analytics query top-items --by revenue
  bin/analytics query recent
  bin/analytics status
  curl 'http://127.0.0.1:8080/api/v1/queries/top-items?limit=3'
  sqlite3 -readonly data/analytics.db 'SELECT * FROM item_sales LIMIT 10'
Ctrl-C stops everything.
TEXT
status=0 # from here on Ctrl-C is the way to end it
while true; do pause; done
