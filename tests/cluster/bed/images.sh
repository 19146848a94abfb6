#!/bin/bash
# Build the project's images from its own Dockerfile and give them to the running test cluster: images.sh (called by cluster.sh)
# No registry is needed: a Debian tree with Python stands in for python:3.11-slim. Layers are kept beside the cluster's state, so
# that a change of the code costs seconds, and nothing is done when nothing that goes into the images has changed.
set -euo pipefail
: "${STATE:?}" "${CACHE:?}"
HERE=$(cd "$(dirname "$0")" && pwd); ROOT=$(cd "$HERE/../../.." && pwd); cd "$ROOT"
BASE=localhost/python:3.11-slim-bookworm
TAG=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
STAMP=$STATE/images.stamp
wanted=$(tar --sort=name --mtime=@0 --owner=0 --group=0 --exclude=__pycache__ --exclude='*.egg-info' -c \
  Dockerfile requirements pyproject.toml README.md LICENSE operator trainer "$HERE/images.sh" 2>/dev/null | sha256sum)
[ "$(cat "$STAMP" 2>/dev/null)" = "$wanted" ] && exit 0

ctr() { command ctr -a "$STATE/containerd.sock" -n k8s.io "$@"; }
store() { buildah --root "$CACHE/storage" --runroot "$CACHE/storage-run" --storage-driver overlay "$@"; }

stand_in() { # the machine's own certificates go with it, so that pip and uv reach what the machine reaches
  local tree container; tree=$(mktemp -d "$CACHE/tree.XXXX")
  echo "bed: making a stand-in for python:3.11-slim ..." >&2
  debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates bookworm "$tree" \
    "$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | head -1)" >"$CACHE/debootstrap.log"
  rm -f "$tree"/usr/lib/python3*/EXTERNALLY-MANAGED; rm -rf "$tree"/var/cache/apt "$tree"/var/lib/apt/lists
  cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
  ln -s /usr/bin/python3 "$tree/usr/local/bin/python"
  container=$(store from scratch)
  store add -q "$container" "$tree" / >/dev/null
  store config --env PATH=/usr/local/bin:/usr/bin:/bin --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt "$container"
  store commit -q "$container" $BASE >/dev/null
  store rm "$container" >/dev/null; rm -rf "$tree"
}

store inspect --type image $BASE >/dev/null 2>&1 || stand_in
layout=$(mktemp -d "$CACHE/layout.XXXX"); trap 'rm -rf "$layout"' EXIT
# Layers that the cluster has already are shown to the builder as there (hard links), so that 6 GB of torch are not written again.
mkdir -p "$layout/blobs/sha256"
find "$STATE/containerd/io.containerd.content.v1.content/blobs/sha256" -type f -exec ln -t "$layout/blobs/sha256" {} + 2>/dev/null || true
for target in operator trainer; do
  name=paretonas-$target:$TAG
  echo "bed: building $name (minutes the first time) ..." >&2
  store bud -q --layers --isolation chroot --network host --pull-never --build-arg PYTHON_IMAGE=$BASE --target $target -t "localhost/$name" . >"$CACHE/build-$target.log" 2>&1 ||
    { tail -30 "$CACHE/build-$target.log" >&2; exit 1; }
  store push -q -D "localhost/$name" "oci:$layout:docker.io/library/$name"   # the two share their layers
done
echo "bed: importing the images ..." >&2
find "$layout/blobs" -type f -links +1 -delete
tar -C "$layout" -c . | ctr images import - >/dev/null
echo "$wanted" >"$STAMP"
