#!/bin/bash
# Build what the bed has not, from published Go modules: kind, what its node runs (containerd, runc, crictl, CNI plugins, the storage
# provisioner), kubeadm and kube-proxy. Cold on 2 cores 3 minutes. Called by cluster.sh, which has built the bed's binaries before.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
rm -rf "$CACHE"/bin-*; mkdir -p "$BIN/cni"
source=$(mktemp -d "$CACHE/source.XXXX"); trap 'rm -rf "$source"' EXIT
enter() { # NAME@VERSION: a copy that can be built in, for replace directives forbid `go install NAME@VERSION`
  echo "kind: building ${1##*/} ..." >&2
  rm -rf "${source:?}"/*; cp -r "$(module "$1")/." "$source/"; chmod -R u+w "$source"; cd "$source"
}
export CGO_ENABLED=0
build() { go build -trimpath -buildvcs=false "$@"; }

enter "sigs.k8s.io/kind@$KIND_VERSION"; build -o "$BIN/kind" .
enter "github.com/containernetworking/plugins@$CNI_VERSION"
build -ldflags "-s -w" -o "$BIN/cni/" ./plugins/ipam/host-local ./plugins/main/loopback ./plugins/main/ptp ./plugins/meta/portmap
enter "github.com/opencontainers/runc@$RUNC_VERSION"; CGO_ENABLED=1 build -tags "seccomp urfave_cli_no_docs" -ldflags "-s -w" -o "$BIN/runc" .
enter "github.com/containerd/containerd/v2@$CONTAINERD_VERSION"
build -tags "no_btrfs no_devmapper no_zfs" -ldflags "-s -w -X github.com/containerd/containerd/v2/version.Version=$CONTAINERD_VERSION" \
  -o "$BIN/" ./cmd/ctr ./cmd/containerd-shim-runc-v2 ./cmd/containerd
enter "sigs.k8s.io/cri-tools@$CRICTL_VERSION"; build -ldflags "-s -w" -o "$BIN/crictl" ./cmd/crictl
enter "github.com/rancher/local-path-provisioner@$LOCAL_PATH_VERSION"; build -ldflags "-s -w" -o "$BIN/local-path-provisioner" .

rm -rf "${source:?}"/*; cp -r "$BED_DIR/module/." "$source/"; cd "$source"   # the bed's pins; its tools lack these two
K8S=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
echo "kind: building kubeadm and kube-proxy $K8S ..." >&2
flags="-s -w"
for p in k8s.io/component-base/version k8s.io/client-go/pkg/version; do   # as the bed's build.sh
  flags+=" -X $p.gitVersion=$K8S -X $p.gitMajor=1 -X $p.gitMinor=$(echo "$K8S" | cut -d. -f2) -X $p.gitCommit=module -X $p.gitTreeState=clean"
done
go get "k8s.io/kubernetes/cmd/kubeadm@$K8S" "k8s.io/kubernetes/cmd/kube-proxy@$K8S"
build -pgo=off -ldflags "$flags" -o "$BIN/" k8s.io/kubernetes/cmd/kubeadm k8s.io/kubernetes/cmd/kube-proxy
echo "$K8S" >"$BIN/kubernetes-version"
touch "$BIN/.complete"
