#!/bin/sh
# Runs a broker and a processor for a moment, checks the metrics by promtool, and
# that the alert rules name only metrics that are there. Usage: check-metrics.sh PROMTOOL
set -eu
promtool=$1
dir=$(mktemp -d)
pids=
trap 'kill $pids; wait; rm -rf "$dir"' EXIT
bin/producer broker --listen 127.0.0.1:0 --data-dir "$dir/broker" 2>"$dir/broker.log" &
pids=$!
until broker=$(sed -n 's/.*broker ready on \([^ ]*\).*/\1/p' "$dir/broker.log") && [ -n "$broker" ]; do sleep 0.1; done
bin/producer generate -b "$broker" --count 100 2>/dev/null
bin/processor run -b "$broker" --metrics-addr 127.0.0.1:0 2>"$dir/processor.log" &
pids="$pids $!"
until url=$(sed -n 's/.*serving metrics.*url=\([^ ]*\).*/\1/p' "$dir/processor.log") && [ -n "$url" ]; do sleep 0.1; done
until curl -sf "$url" >"$dir/metrics" && grep -q '^processor_consumer_lag_seconds' "$dir/metrics"; do sleep 0.1; done
"$promtool" check metrics <"$dir/metrics"
for name in $(grep -o 'processor_[a-z_]*' deploy/prometheus/alerts.yaml deploy/grafana/operations.json | sed 's/.*://; s/_bucket$//' | sort -u); do
	[ "$name" = processor_dead_letters_total ] && continue # appears with the first dead letter
	grep -q "^# TYPE $name " "$dir/metrics" || { echo "no program has the metric $name" >&2; exit 1; }
done
curl -sf "${url%/metrics}/readyz"
