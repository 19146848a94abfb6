#!/bin/bash
# Build the project's images from its own Dockerfile and give them to the running test cluster: images.sh (called by cluster.sh)
# No registry is needed: python.sh has a stand-in for python:3.11-slim. Layers are kept beside the cluster's state, so
# that a change of the code costs a minute, and nothing is done for an image when nothing that goes into it has changed.
set -euo pipefail
: "${STATE:?}" "${CACHE:?}"
HERE=$(cd "$(dirname "$0")" && pwd); ROOT=$(cd "$HERE/../../.." && pwd); cd "$ROOT"
# shellcheck source=python.sh
. "$HERE/python.sh"
TAG=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
ctr() { command ctr -a "$STATE/containerd.sock" -n k8s.io "$@"; }
inputs() { # of a target: what its Dockerfile stages copy
  tar --sort=name --mtime=@0 --owner=0 --group=0 --exclude=__pycache__ --exclude='*.egg-info' -c \
    Dockerfile "requirements/torch.txt" "requirements/$1.txt" pyproject.toml README.md LICENSE "$1" | sha256sum
}

rm -rf "$CACHE"/layout.????   # of a run that was killed
layout=$(mktemp -d "$CACHE/layout.XXXX"); trap 'rm -rf "$layout"' EXIT
for target in operator trainer; do
  name=paretonas-$target:$TAG stamp=$STATE/image-$target.stamp
  [ "$(cat "$stamp" 2>/dev/null)" = "$(inputs $target)" ] && continue
  python_image
  echo "bed: building $name (minutes the first time) ..." >&2
  store bud -q --layers --isolation chroot --network host --pull-never --build-arg PYTHON_IMAGE="$PYTHON_STAND_IN" --target $target \
    -t "localhost/$name" . >"$CACHE/build-$target.log" 2>&1 || { tail -30 "$CACHE/build-$target.log" >&2; exit 1; }
  store push -q -D --format v2s2 "localhost/$name" "dir:$layout/$target"
  python3 "$HERE/layout.py" "$layout" "docker.io/library/$name=$layout/$target"; rm -rf "${layout:?}/$target"
  for blob in $(ctr content ls -q); do rm -f "$layout/blobs/sha256/${blob#sha256:}"; done   # what the cluster has already
  echo "bed: importing $name ..." >&2
  tar -C "$layout" -c . | ctr images import - >/dev/null
  inputs $target >"$stamp"; rm -rf "${layout:?}"/*
done
