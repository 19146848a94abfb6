#!/bin/sh
# Build both images, tag them for a registry and push them. Usage: images.sh REGISTRY [TAG], as in images.sh registry.example.org/me
#   BUILDER       docker, podman or buildah; not set: the first that is installed
#   PUSH_FLAGS    further options of its push, such as --tls-verify=false for podman and a registry without TLS
#   TORCH_INDEX   see torch-index.sh; empty, for GPUs: PyPI's torch, with CUDA
set -eu
cd "$(dirname "$0")/.."
say() { echo "images: $*" >&2; }
. scripts/torch-index.sh
registry=${1:-}
[ -n "$registry" ] || { say "needs a registry, as in: make images REGISTRY=registry.example.org/me"; exit 2; }
tag=${2:-$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)}
for builder in ${BUILDER:-docker podman buildah} ''; do command -v "$builder" >/dev/null && break; done
[ -n "$builder" ] || { say "needs ${BUILDER:-docker, podman or buildah}; install it"; exit 2; }

choose_torch_index "the images get PyPI's torch, which brings CUDA (6 GB in place of 1.5; TORCH_INDEX names another index)"
for target in operator trainer; do
  image=$registry/paretonas-$target:$tag
  say "building $image with $builder"
  "$builder" build --target $target --build-arg TORCH_INDEX="$TORCH_INDEX" -t "$image" .
  # shellcheck disable=SC2086 # each word is one option
  "$builder" push ${PUSH_FLAGS:-} "$image"
done
say "pushed; to install them: make install-yaml REGISTRY=$registry${2:+ TAG=$tag}, and name $registry/paretonas-trainer:$tag in spec.trial.image"
