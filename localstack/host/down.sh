#!/usr/bin/env bash
# Stops the LocalStack that up.sh started on this port, and every process it started.
set -euo pipefail
home=${SPILLWAY_LOCALSTACK_HOME:-$HOME/.cache/spillway-localstack}
port=${LOCALSTACK_PORT:-4566}
run=$home/run-$port

if [ -f "$run/pid" ] && pid=$(cat "$run/pid") && grep -qs localstack.runtime.main "/proc/$pid/cmdline"; then
  kill -TERM "$pid" 2>/dev/null || true
  for _ in $(seq 1 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
fi
# Node.js workers end with LocalStack and DynamoDB Local with its shutdown. What is left has this run's folder in
# its command line.
for pid in $(pgrep -f -- " $run/|-javaagent:$run/" || true); do kill -KILL "$pid" 2>/dev/null || true; done
rm -f "$run/pid"
echo "LocalStack on port $port is down"
