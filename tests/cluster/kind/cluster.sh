#!/bin/bash
# What `make kind-up` takes from the Internet, made on this machine: cluster.sh up|down|purge|e2e, or cluster.sh run COMMAND.
# Needs root on Debian and package registries (Debian, Go modules, PyPI), no container registry; builds what it needs once and keeps it.
#   up     packages, binaries, Docker's daemon, kind's node image, Volcano's images, a stand-in for python:3.11-slim; no cluster yet
#   run    a command with the shims in PATH: `cluster.sh run make kind-up`
#   e2e    up, make kind-up, the tests of this folder on what it has made, make kind-down, down
#   down   delete the cluster with its volume, stop Docker; the images stay     purge   remove all that was kept, too
# shellcheck disable=SC2030,SC2031   # CACHE is the bed's in one subshell alone
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
export KUBECONFIG=$CACHE/kubeconfig   # not the user's own

packages() {
  local missing=()
  for p in dockerd:docker.io debootstrap:debootstrap iptables:iptables gcc:gcc busybox:busybox-static jq:jq curl:curl pkg-config:pkg-config; do
    command -v "${p%%:*}" >/dev/null || missing+=("${p##*:}")
  done
  [ -f /usr/include/seccomp.h ] || missing+=(libseccomp-dev libc6-dev)
  [ ${#missing[@]} = 0 ] && return
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null   # 1: starts no daemon
}

run() { # COMMAND...
  export SHIM_KIND=$BIN/kind SHIM_KUBECTL=$BED_BIN/kubectl SHIM_NODE_IMAGE=$NODE_IMAGE SHIM_VOLCANO=$VOLCANO SHIM_NODE=$CLUSTER-control-plane
  export MNIST=${MNIST-${PARETONAS_DATA_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/paretonas/mnist}}
  PATH=$HERE/shims:$PATH "$@"
}

up() {
  mkdir -p "$CACHE"; rm -rf "$CACHE"/{work,source}.????   # of a run that was killed
  "$BED_DIR/cluster.sh" binaries; packages
  [ -f "$BIN/.complete" ] || "$HERE/build.sh"
  "$HERE/dockerd.sh" up
  { docker image inspect "$NODE_IMAGE" && [ -f "$VOLCANO.tar" ]; } >/dev/null 2>&1 || "$HERE/node.sh"
  docker image inspect "$PYTHON_IMAGE" >/dev/null 2>&1 || (
    CACHE=$(dirname "$CACHE")/bed
    # shellcheck source=../bed/python.sh
    . "$BED_DIR/python.sh"
    python_image; store push -q "$PYTHON_STAND_IN" "docker-daemon:$PYTHON_IMAGE" )
}

down() {
  if docker info >/dev/null 2>&1; then
    [ ! -x "$BIN/kind" ] || "$BIN/kind" delete cluster --name "$CLUSTER"
    docker image prune -f >/dev/null   # of former code
  fi
  "$HERE/dockerd.sh" down
}

case ${1:-} in
  up) up ;;
  run) shift; run "$@" ;;
  e2e)
    up; trap down EXIT
    cd "$ROOT"
    run make kind-up
    run make e2e KUBECONFIG="$KUBECONFIG" TESTS=tests/cluster/kind
    run make kind-down ;;
  down) down ;;
  purge) down; rm -rf "$CACHE" ;;
  *) sed -n '2,7s/^# //p' "$0" >&2; exit 2 ;;
esac
