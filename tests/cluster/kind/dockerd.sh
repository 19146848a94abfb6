#!/bin/bash
# Docker's daemon where there is no systemd, listening where the docker command looks: dockerd.sh up|down. One that answers is left as it is.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
pid=$CACHE/dockerd.pid
case ${1:-} in
  up)
    docker info >/dev/null 2>&1 && exit
    mkdir -p "$CACHE/docker"
    runtime=()   # where this machine lacks CAP_SYS_RESOURCE, --privileged cannot give it
    capabilities=0x$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
    (( capabilities >> 24 & 1 )) || runtime=(--add-runtime "runc-less=$HERE/runc-wrapper" --default-runtime runc-less)
    setsid dockerd --data-root "$CACHE/docker" --exec-opt native.cgroupdriver=cgroupfs "${runtime[@]}" >"$CACHE/dockerd.log" 2>&1 &
    echo $! >"$pid"
    for _ in $(seq 150); do docker info >/dev/null 2>&1 && exit; kill -0 "$(cat "$pid")" 2>/dev/null || break; sleep 0.2; done
    echo "kind: Docker's daemon does not start; it needs root and the rights of a whole machine:" >&2
    tail -20 "$CACHE/dockerd.log" >&2; exit 1 ;;
  down)
    [ -f "$pid" ] || exit 0
    kill "$(cat "$pid")" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$(cat "$pid")" 2>/dev/null || break; sleep 0.2; done
    rm -f "$pid" ;;
  *) sed -n '2s/^# //p' "$0" >&2; exit 2 ;;
esac
