#!/bin/bash
# Without a registry, what kind would pull: its node image, by `kind build node-image` itself, and Volcano's images with their manifest.
# kind's node base is a Debian tree with kind's own files, out of its module. The server tarball that kind builds from is laid out as
# Kubernetes' own; the images that kind would pull besides (etcd, CoreDNS, pause, kindnetd, local-path) come along in kube-apiserver.tar:
# kind finds their tags there. -> $NODE_IMAGE in Docker, $VOLCANO.yaml, $VOLCANO.tar. Called by cluster.sh.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "$0")/settings.sh"
W=$(mktemp -d "$CACHE/work.XXXX"); trap 'rm -rf "$W"' EXIT
chmod 755 "$W"
KIND=$(module "sigs.k8s.io/kind@$KIND_VERSION")
PATHS='["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]'

put() { install -D -m 755 "$1" "$W/$2"; }   # FILE PATH: the first part of the path names a layer
image() { # TAG CONFIG LAYER...: one entry of archive.py's list
  local tag=$1 config=$2; shift 2
  jq -n --arg tag "$tag" --arg w "$W/" --argjson config "$config" '{tags: [$tag], layers: ($ARGS.positional | map($w + .)), config: $config}' --args "$@"
}

debian_tree() {
  echo "kind: making a Debian tree ..." >&2
  local mirror
  # shellcheck disable=SC2016 # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 1p)   # the machine's own
  debootstrap --variant=minbase --include=systemd,dbus,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,pigz,bash,ca-certificates,curl,jq,procps \
    bookworm "$W/debian" ${mirror:+"$mirror"} >"$CACHE/debootstrap.log" || { tail -20 "$CACHE/debootstrap.log" >&2; exit 1; }
  rm -rf "$W"/debian/var/cache/apt/* "$W"/debian/var/lib/apt/lists/*
}

base_image() { # as kind's images/base/Dockerfile does it
  local t=$W/base files=$KIND/images/base/files
  echo "kind: making the node's base ..." >&2
  cp -a "$W/debian" "$t"
  cp -r "$files"/usr "$files"/kind "$files"/etc "$t/"
  chmod -R u+w "$t/usr/local/bin" "$t/kind" "$t/etc"; find "$t/kind" "$t/etc/containerd" "$t/etc/systemd" -type d -exec chmod 755 {} +
  chmod 755 "$t"/usr/local/bin/* "$t"/kind/bin/*
  rm -f "$t"/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service "$t"/lib/systemd/system/multi-user.target.wants/* \
    "$t"/etc/systemd/system/*.wants/* "$t"/lib/systemd/system/local-fs.target.wants/* "$t"/lib/systemd/system/sockets.target.wants/*udev* \
    "$t"/lib/systemd/system/sockets.target.wants/*initctl* "$t"/lib/systemd/system/basic.target.wants/*
  echo ReadKMsg=no >>"$t/etc/systemd/journald.conf"
  ln -sfn /usr/bin/systemd "$t/sbin/init"; [ -e "$t/usr/bin/systemd" ] || ln -sfn /lib/systemd/systemd "$t/sbin/init"
  install -D -m 755 -t "$t/usr/local/bin" "$BIN/containerd" "$BIN/ctr" "$BIN/containerd-shim-runc-v2" "$BIN/crictl"
  install -D -m 755 "$BIN/runc" "$t/usr/local/sbin/runc"
  install -D -m 755 -t "$t/opt/cni/bin" "$BIN"/cni/*
  mkdir -p "$t/etc/kubernetes/manifests"
  chroot "$t" systemctl enable kubelet.service containerd.service undo-mount-hacks.service 2>/dev/null
  chroot "$t" systemctl mask systemd-binfmt.service 2>/dev/null
  "$BIN/ctr" oci spec | jq '.hooks.createContainer[.hooks.createContainer | length] |= . + {"path": "/kind/bin/mount-product-files.sh"}' \
    | jq 'del(.process.rlimits)' >"$t/etc/containerd/cri-base.json"
  # not in kind's: a machine that gives containers no CAP_SYS_RESOURCE does not let runc lower oom_score_adj
  sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$t/etc/containerd/config.toml"
  tar -C "$t" -c . | docker import --change 'ENV container=docker' \
    --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' - paretonas-kind-base:local >/dev/null
  rm -rf "$t"
}

node_image() {
  local n server=$W/server/kubernetes version constants=$KIND/pkg/build/nodeimage
  version=$(cat "$BIN/kubernetes-version"); mkdir -p "$server/server/bin"
  for n in kube-apiserver kube-controller-manager kube-scheduler; do put "$BED_BIN/$n" $n/usr/local/bin/$n; done
  put "$BIN/kube-proxy" kube-proxy/usr/local/bin/kube-proxy
  put "$BED_BIN/server" etcd/usr/local/bin/etcd
  put "$BED_BIN/coredns" coredns/coredns
  gcc -static -O1 -o "$W/pause.bin" "$BED_DIR/pause.c"; put "$W/pause.bin" pause/pause
  put "$HERE/kindnetd.sh" kindnetd/kindnetd
  put "$BIN/local-path-provisioner" local-path/usr/local/bin/local-path-provisioner; mkdir -p "$W/local-path/tmp"
  put "$(command -v busybox)" helper/bin/busybox; for n in sh mkdir rm; do ln -s busybox "$W/helper/bin/$n"; done
  "$BIN/kubeadm" config images list --kubernetes-version "$version" >"$W/kubeadm-images"
  wanted() { grep "/$1:" "$W/kubeadm-images"; }
  constant() { sed -n "s/^const $1 = \"\(.*\)\"/\1/p" "$constants"/const_*.go; }
  sandbox=$(sed -n 's/ *sandbox_image = "\(.*\)"/\1/p' "$KIND/images/base/files/etc/containerd/config.toml")
  env="{\"Env\": $PATHS}"
  for n in kube-controller-manager kube-scheduler kube-apiserver kube-proxy; do
    case $n in
      kube-proxy)
        image "$(wanted $n)" "$env" debian $n
        image "$(constant kindnetdImage)" "{\"Env\": $PATHS, \"Entrypoint\": [\"/kindnetd\"]}" debian kindnetd ;;
      kube-apiserver)
        image "$(wanted $n)" "$env" $n
        image "$(wanted etcd)" "$env" etcd
        image "$(wanted coredns)" '{"Entrypoint": ["/coredns"]}' coredns
        image "$sandbox" '{"Entrypoint": ["/pause"]}' pause
        image "$(constant storageProvisionerImage)" "$env" local-path
        image "$(constant storageHelperImage)" "$env" helper ;;
      *) image "$(wanted $n)" "$env" $n ;;
    esac | jq -s . >"$W/images.json"
    python3 "$HERE/archive.py" "$server/server/bin/$n.tar" "$W/images.json"
  done
  echo "$version" >"$server/version"
  install -m 755 -t "$server/server/bin" "$BIN/kubeadm" "$BED_BIN/kubelet" "$BED_BIN/kubectl"
  tar -C "$W/server" -c kubernetes | gzip -1 >"$W/server.tar.gz"; rm -rf "$W/server"
  echo "kind: kind build node-image ..." >&2
  "$BIN/kind" build node-image --type file --base-image paretonas-kind-base:local --image "$NODE_IMAGE" "$W/server.tar.gz" >"$CACHE/node-image.log" 2>&1 ||
    { tail -20 "$CACHE/node-image.log" >&2; exit 1; }
  rm "$W/server.tar.gz"
}

volcano() {
  local V n kind_of=; V=$(cd "$BED_DIR/module" && GOFLAGS=-mod=readonly go list -m -f '{{.Dir}}' volcano.sh/volcano)
  put "$BED_BIN/controller-manager" vc-controller-manager/vc-controller-manager
  put "$BED_BIN/scheduler" vc-scheduler/vc-scheduler; mkdir -m 1777 "$W/vc-scheduler/tmp"
  put "$BED_BIN/webhook-manager" vc-webhook-manager/vc-webhook-manager
  put "$V/installer/dockerfile/webhook-manager/gen-admission-secret.sh" vc-webhook-manager/gen-admission-secret.sh
  put "$BED_BIN/kubectl" vc-webhook-manager/usr/local/bin/kubectl
  mkdir -p "$W/vc-webhook-manager/usr/bin"; ln -s bash "$W/vc-webhook-manager/usr/bin/sh"   # its script wants a sh that knows [[, as Alpine's
  for n in vc-controller-manager vc-scheduler vc-webhook-manager; do
    kind_of=; [ $n = vc-webhook-manager ] && kind_of=debian
    image "$(grep -o "docker.io/volcanosh/$n:[^ ]*" "$V/installer/volcano-development.yaml" | sort -u)" \
      "{\"Env\": $PATHS, \"Entrypoint\": [\"/$n\"]}" $kind_of $n
  done | jq -s . >"$W/images.json"
  python3 "$HERE/archive.py" "$W/volcano.tar" "$W/images.json"
  rm -f "$CACHE"/volcano-*
  # the manifest's policy Always asks a registry even for an image that the node has
  sed 's/imagePullPolicy: Always/imagePullPolicy: IfNotPresent/' "$V/installer/volcano-development.yaml" >"$VOLCANO.yaml"
  mv "$W/volcano.tar" "$VOLCANO.tar"
}

for old in $(docker image ls -q paretonas-kind-node); do docker image rm -f "$old" >/dev/null; done
debian_tree
volcano
base_image
node_image
docker image rm paretonas-kind-base:local >/dev/null   # its layers stay as the node image's
