# shellcheck shell=bash disable=SC2034
# What every script here reads: pins, and where things are kept. Kubernetes, etcd, CoreDNS, Volcano and their binaries are the bed's.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd); ROOT=$(cd "$HERE/../../.." && pwd); BED_DIR=$HERE/../bed
KIND_VERSION=v0.30.0                                  # the kind whose default node is the one that kind-config.yaml pins
CONTAINERD_VERSION=v2.1.4 RUNC_VERSION=v1.3.0 CNI_VERSION=v1.7.1   # of that kind's images/base/Dockerfile
CRICTL_VERSION=v1.34.0                                # it names 1.33.0, which not every module proxy has
LOCAL_PATH_VERSION=v0.0.30
PYTHON_IMAGE=$(sed -n 's/^ARG PYTHON_IMAGE=//p' "$ROOT/Dockerfile")
CLUSTER=$(sed -n 's/^name: //p' "$ROOT/kind-config.yaml")
BED_BIN=$("$BED_DIR/cluster.sh" env | sed -n 's/.* BED_BIN=//p')
CACHE=${PARETONAS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/paretonas}/kind
key() { cat "$@" | sha256sum | cut -c1-16; }
BIN=$CACHE/bin-$(key "$HERE/settings.sh" "$HERE/build.sh" <(basename "$BED_BIN"))
KEY=$(key "$HERE"/{settings,build,node,kindnetd}.sh "$HERE/archive.py" <(basename "$BED_BIN"))   # of what is made of the binaries
NODE_IMAGE=paretonas-kind-node:$KEY VOLCANO=$CACHE/volcano-$KEY
export GOTOOLCHAIN=local GOFLAGS=-mod=mod
module() { (cd / && go mod download -json "$1" | jq -r .Dir); }       # NAME@VERSION: the folder of its source
