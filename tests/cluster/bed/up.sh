#!/bin/bash
# Start the cluster: STATE=dir BIN=dir [IMAGES="a.tar b.tar"] up.sh. Real API server, etcd, controllers, scheduler, kubelet,
# containerd and Volcano with its webhooks, as kind runs them, minus Docker. All of it lives in the network namespace `bed`; reach it with
#   nsenter --net=/var/run/netns/bed <command>        (not `ip netns exec`: that hides /sys/fs/cgroup)
# Measured: API server ready after 3 s, node Ready after 4 s, Volcano answering after 8 s.
# Needs root and Debian's containerd, runc, containernetworking-plugins, iproute2, openssl (cluster.sh installs them).
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd); NS=bed
mkdir -p "$STATE/log" "$STATE/cni"; rm -rf "$STATE/etcd" "$STATE/volumes"; STATE=$(cd "$STATE" && pwd); BIN=$(cd "$BIN" && pwd); cd "$STATE"
bash "$HERE/certs.sh" "$STATE"
ip netns list | grep -qw $NS || ip netns add $NS
N="nsenter --net=/var/run/netns/$NS"; K="$N $BIN/kubectl --kubeconfig $STATE/kubeconfig"
$N ip link set lo up
if ! $N ip link show cni0 >/dev/null 2>&1; then
  $N ip link add cni0 address 0a:58:0a:58:00:01 type bridge;   # a fixed MAC: otherwise it changes as pods come and go, and they lose the gateway for 10 s
   $N ip addr add 10.88.0.1/16 dev cni0; $N ip link set cni0 up
  $N ip addr add 10.96.0.1/32 dev lo       # the `kubernetes` service's address, answered by the API server itself on 443: no kube-proxy
fi
$N sysctl -qw net.ipv4.ip_forward=1
start() { local name=$1; shift; setsid $N "$@" >"log/$name.log" 2>&1 & echo $! >"$name.pid"; }
until_ok() { for _ in $(seq 240); do "$@" >/dev/null 2>&1 && return; sleep 0.25; done; echo "timed out: $*" >&2; exit 1; }

start etcd "$BIN/server" --data-dir "$STATE/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
  --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
cat >audit.yaml <<EOC
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  nonResourceURLs: ["/readyz*", "/livez*", "/healthz*"]
- level: Metadata                          # who requested what: API requests are counted from this
EOC
start apiserver "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --secure-port=443 --advertise-address=10.88.0.1 \
  --tls-cert-file=apiserver.crt --tls-private-key-file=apiserver.key --client-ca-file=ca.crt --token-auth-file=tokens.csv \
  --authorization-mode=RBAC --service-cluster-ip-range=10.96.0.0/16 --allow-privileged=true \
  --audit-policy-file=audit.yaml --audit-log-path=log/audit.log --audit-log-maxsize=200 \
  --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=sa.pub --service-account-signing-key-file=sa.key \
  --kubelet-preferred-address-types=InternalIP --kubelet-client-certificate=apiserver.crt --kubelet-client-key=apiserver.key
until_ok $N curl -skf https://127.0.0.1:443/readyz
auth="--kubeconfig=kubeconfig --authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig --leader-elect=false"
start kcm "$BIN/kube-controller-manager" $auth --root-ca-file=ca.crt --service-account-private-key-file=sa.key --use-service-account-credentials=false
start ksched "$BIN/kube-scheduler" $auth

cat >cni/10-bed.conflist <<EOC
{"cniVersion": "0.4.0", "name": "bed", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false,
 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]], "dataDir": "$STATE/ipam", "routes": [{"dst": "0.0.0.0/0"}]}}]}
EOC
cat >containerd.toml <<EOC
version = 2
root = "$STATE/containerd"
state = "$STATE/containerd-run"
[grpc]
  address = "$STATE/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true            # without CAP_SYS_RESOURCE runc dies on the sandbox's oom_score_adj
  disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "/usr/lib/cni"
  conf_dir = "$STATE/cni"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
  SystemdCgroup = false
EOC
cat >kubelet.yaml <<EOC
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
containerRuntimeEndpoint: unix://$STATE/containerd.sock
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
failSwapOn: false
evictionHard: {memory.available: "50Mi", nodefs.available: "1%", nodefs.inodesFree: "1%", imagefs.available: "1%"}
imageGCHighThresholdPercent: 100           # images come from tar files: never collect them
podLogsDir: "$STATE/pod-logs"
oomScoreAdj: 0
maxPods: 60
clusterDomain: cluster.local
clusterDNS: ["10.88.0.1"]
enableControllerAttachDetach: false
syncFrequency: 10s
nodeStatusUpdateFrequency: 4s
EOC
# from Kubernetes 1.35 on the kubelet also needs `failCgroupV1: false` where the machine has cgroup v1
start containerd unshare -m --propagation private containerd --config containerd.toml
until_ok ctr -a "$STATE/containerd.sock" version
for t in ${IMAGES:-}; do ctr -a "$STATE/containerd.sock" -n k8s.io images import "$t" >/dev/null; done   # the pause image is one of them
cpid=$(pgrep -P "$(cat containerd.pid)" -x containerd || cat containerd.pid)
start kubelet nsenter --mount=/proc/$cpid/ns/mnt "$BIN/kubelet" --config="$STATE/kubelet.yaml" --kubeconfig="$STATE/kubeconfig" \
  --hostname-override=node1 --node-ip=10.88.0.1 --root-dir="$STATE/kubelet"
until_ok $K wait --for=condition=Ready node/node1 --timeout=5s

# As in kind, a default class binds claims; here from a pool of folders.
{ echo '{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}, provisioner: kubernetes.io/no-provisioner}'
  for i in $(seq 100); do
    mkdir -p -m 0777 "volumes/$i"; chmod 0777 "volumes/$i"   # fsGroup does not apply to a hostPath
    echo "---"; echo "{apiVersion: v1, kind: PersistentVolume, metadata: {name: folder-$i}, spec: {storageClassName: standard, capacity: {storage: 10Gi}, accessModes: [ReadWriteOnce, ReadWriteMany], hostPath: {path: $STATE/volumes/$i}}}"
  done; } | $K apply -f - >/dev/null

cat >Corefile <<EOC
cluster.local:53 in-addr.arpa:53 {
  bind 10.88.0.1
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $STATE/kubeconfig paretonas-bed
    pods insecure
    ttl 5
  }
}
.:53 {
  bind 10.88.0.1
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
EOC
start coredns "$BIN/coredns" -conf Corefile

# Volcano: its CRDs first (one that is missing stalls every informer), then scheduler, hooks, webhook manager
"${PYTHON:-python3}" "$HERE/volcano.py" "$(cd "$HERE/module" && export GOTOOLCHAIN=local && go mod download volcano.sh/volcano && go list -m -f '{{.Dir}}' volcano.sh/volcano)" "$STATE"
$K get ns volcano-system >/dev/null 2>&1 || $K create ns volcano-system
$K get crd jobs.batch.volcano.sh >/dev/null 2>&1 || $K create -f crds.yaml
until_ok $K wait --for=condition=Established crd --all --timeout=10s   # fails at once if a CRD has no conditions yet
start vc-controller "$BIN/controller-manager" --kubeconfig="$STATE/kubeconfig" --leader-elect=false --scheduler-name=volcano
DEBUG_SOCKET_DIR="$STATE" start vc-scheduler "$BIN/scheduler" --kubeconfig="$STATE/kubeconfig" --leader-elect=false --schedule-period=200ms --cache-dumper=false
until_ok $K get queue default
$K apply -f hooks.yaml >/dev/null
# Without the mutating webhook a failed TorchX job ends as Completed (minAvailable stays 0): the webhook manager is not optional.
start vc-webhook "$BIN/webhook-manager" --kubeconfig="$STATE/kubeconfig" --webhook-url=https://127.0.0.1:8443 --port=8443 \
  --listen-address=127.0.0.1 --tls-cert-file=webhook.crt --tls-private-key-file=webhook.key --ca-cert-file=ca.crt \
  --enabled-admission=/jobs/mutate,/jobs/validate,/queues/mutate,/queues/validate
until_ok $N curl -sk https://127.0.0.1:8443/
