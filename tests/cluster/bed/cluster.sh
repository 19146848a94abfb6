#!/bin/bash
# The test cluster on this machine: cluster.sh up|down|purge|env. Needs root on Debian; builds what it needs once and keeps it.
#   up     packages, binaries (cached by their pins), a fresh cluster in 9 s, the project's images (cached by what goes into them);
#          a cluster that runs is left as it is, but for images that have changed
#   down   stop it; the images stay      purge   stop it and remove its state
#   binaries   no more than the packages and the binaries, for tests/cluster/kind
#   env    print the settings that `eval` gives to a shell: KUBECONFIG, BED (run a command in its network), BED_STATE, BED_BIN
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
CACHE=${PARETONAS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/paretonas}/bed
PIN=$(cat "$HERE"/module/go.sum "$HERE"/module/dns/go.sum "$HERE/build.sh" | sha256sum | cut -c1-16)
export CACHE STATE=$CACHE/state BIN=$CACHE/bin-$PIN PYTHON=${PYTHON:-python3}
NET=/var/run/netns/bed

packages() {
  local missing=()
  for p in containerd:containerd runc:runc ip:iproute2 openssl:openssl curl:curl pgrep:procps buildah:buildah debootstrap:debootstrap gcc:gcc; do
    command -v "${p%%:*}" >/dev/null || missing+=("${p##*:}")
  done
  [ -x /usr/lib/cni/bridge ] || missing+=(containernetworking-plugins)
  [ ${#missing[@]} = 0 ] || { apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null; }
}

binaries() {
  [ -f "$BIN/.complete" ] && return
  command -v go >/dev/null || { echo "bed: needs Go, as new as tests/cluster/bed/module/go.mod says, to build Kubernetes" >&2; exit 2; }
  rm -rf "$BIN"; mkdir -p "$BIN"
  "$HERE/build.sh" "$BIN"
  touch "$BIN/.complete"
}

pause_image() {
  [ -f "$CACHE/pause.tar" ] && return
  local root; root=$(mktemp -d)
  gcc -static -O1 -o "$root/pause" "$HERE/pause.c"
  python3 "$HERE/image.py" "$CACHE/pause.tar" localhost/pause:1 "$root" '{"Entrypoint": ["/pause"]}'
  rm -r "$root"
}

running() { [ -e "$NET" ] && nsenter --net=$NET "$BIN/kubectl" --kubeconfig "$STATE/kubeconfig" --request-timeout=3s get queue default >/dev/null 2>&1; }

case ${1:-} in
  up)
    mkdir -p "$CACHE"; packages; binaries; pause_image
    if ! running; then
      "$HERE/down.sh" >/dev/null 2>&1 || true
      IMAGES=$CACHE/pause.tar "$HERE/up.sh"
    fi
    "$HERE/images.sh" ;;
  binaries) mkdir -p "$CACHE"; packages; binaries ;;
  down) "$HERE/down.sh" ;;
  purge) "$HERE/down.sh" --purge ;;
  env) printf 'export KUBECONFIG=%q BED=%q BED_STATE=%q BED_BIN=%q\n' "$STATE/kubeconfig" "nsenter --net=$NET" "$STATE" "$BIN" ;;
  *) sed -n '2,7s/^# //p' "$0" >&2; exit 2 ;;
esac
