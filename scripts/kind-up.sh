#!/bin/bash
# On a machine with Docker, kind and kubectl: a kind cluster, the images, Volcano, the operator and the example. A second call brings
# what has changed since to the cluster that runs.
#   TORCH_INDEX   see torch-index.sh
set -euo pipefail
cd "$(dirname "$0")/.."
VOLCANO=v1.14.1   # the release that is compiled against the Kubernetes of kind-config.yaml; tests/cluster/bed pins the same
CLUSTER=paretonas NODE=paretonas-control-plane
TAG=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
NEEDS_CORES=2 NEEDS_MIB=6000   # system pods and operator ask for 1.5 cores and 1.3 GiB, two trials for 0.2 and 3 GiB; Docker has its share

say() { echo "kind-up: $*" >&2; }
stop() { say "$*"; exit 2; }
. scripts/torch-index.sh

device() { df -P "$1" 2>/dev/null | awk 'NR == 2 {print $1}'; }

need_disk() { # GB FOLDER REMEDY
  local free
  free=$(df -Pk "$2" 2>/dev/null | awk 'NR == 2 {print int($4 * 1024 / 10^9)}') || true   # nothing where Docker is in a machine of its own
  [ -z "$free" ] || [ "$free" -ge "$1" ] || stop "$2 has $free GB free, and needs $1; make room$3"
}

# Images whose label says that they have the Python and the torch that are built now: only the layers behind those are new.
labelled() { grep -qE "\"paretonas.io/torch\": ?\"$torch\"" <<<"$1"; }
same_torch() {
  local here there
  here=$(docker image inspect paretonas-trainer:"$TAG" 2>/dev/null) && there=$(docker exec $NODE crictl inspecti paretonas-trainer:"$TAG" 2>/dev/null) &&
    labelled "$here" && labelled "$there"
}

forget_images() { # PATTERN: remove these names from the node, and what has no other name
  docker exec $NODE sh -c "ctr -n k8s.io images ls -q | grep -E '$1' | xargs -r ctr -n k8s.io images rm --sync" >/dev/null
}

for command in docker kind kubectl; do
  command -v $command >/dev/null || stop "needs $command; install it, or try make demo, which needs no cluster"
done
docker=$(docker info --format '{{.NCPU}} {{.MemTotal}} {{.DockerRootDir}}' 2>/dev/null) || stop "the Docker daemon does not answer; docker info says why"
read -r cores bytes root <<<"$docker"

choose_torch_index "the images get PyPI's torch, which brings CUDA (6 GB in place of 1.5; TORCH_INDEX names another index)"
torch=$({ sed '/^FROM torch /,$d' Dockerfile; cat requirements/torch.txt; echo "$TORCH_INDEX"; } | cksum | cut -d' ' -f1)

clusters=$(kind get clusters)
if ! grep -qx $CLUSTER <<<"$clusters"; then plan=create; elif same_torch; then plan=update; else plan=replace; fi

# Gigabytes of disk at the peak. Both images pass through an archive in TMPDIR. Besides, a new cluster needs them in Docker, and packed and
# unpacked in the node; an update needs what is installed after torch; where torch is another one, the old images make room in the node first.
gigabytes() { if [ "$TORCH_INDEX" = "$CPU_INDEX" ]; then echo "$1"; else echo "$2"; fi; } # WITH_CPU_WHEELS WITH_PYPIS
archive=$(gigabytes 2 6)
case $plan in
  create)
    images=$(gigabytes 8 24)
    say "needs $NEEDS_CORES cores, $NEEDS_MIB MiB of memory and $((images + archive)) GB of disk"
    [ "$cores" -ge $NEEDS_CORES ] || stop "Docker has $cores core, and needs $NEEDS_CORES; give it more (Docker Desktop: Settings, Resources)"
    [ $((bytes >> 20)) -ge $NEEDS_MIB ] || stop "Docker has $((bytes >> 20)) MiB of memory, and needs $NEEDS_MIB; give it more (Docker Desktop: Settings, Resources)" ;;
  update)
    images=3
    say "updates the cluster that exists; needs $((images + archive)) GB of disk" ;;
  replace)
    images=$(gigabytes 5 14)
    say "updates the cluster that exists, to images with another torch; needs $((images + archive)) GB of disk" ;;
esac
archives=${TMPDIR:-/tmp}
if [ "$(device "$root")" = "$(device "$archives")" ]; then images=$((images + archive))
else need_disk "$archive" "$archives" ", or set TMPDIR to a folder that has it"; fi
need_disk "$images" "$root" " (docker system df says what there is)"
[ $plan != create ] || kind create cluster --config kind-config.yaml
kubectl config use-context kind-$CLUSTER

for target in operator trainer; do
  docker build --target $target --build-arg TORCH_INDEX="$TORCH_INDEX" --label "paretonas.io/torch=$torch" -t paretonas-$target:"$TAG" .
done
if [ $plan = replace ]; then
  say "removing the old images from the node; the operator stops until it has the new one, and trials that run go on"
  if kubectl -n paretonas get deployment paretonas-operator >/dev/null 2>&1; then
    kubectl -n paretonas scale deployment paretonas-operator --replicas=0
    kubectl -n paretonas wait --for=delete pod -l app.kubernetes.io/component=operator --timeout=60s
  fi
  forget_images '/(import-|paretonas-(operator|trainer):)'
fi
kind load docker-image --name $CLUSTER paretonas-operator:"$TAG" paretonas-trainer:"$TAG"   # at once: they share most of their layers
forget_images '/import-'   # a second name that each load gives, which would keep the images of former calls

kubectl apply -f "https://raw.githubusercontent.com/volcano-sh/volcano/$VOLCANO/installer/volcano-development.yaml"
kubectl -n volcano-system rollout status deployment --timeout=300s
images=$(kubectl -n volcano-system get deployments -o jsonpath='{range .items[*]}{.spec.template.spec.containers[*].image}{" "}{end}')
say "installed is Volcano by its manifest of $VOLCANO, which names the images $images"

kubectl -n paretonas delete job mnist --ignore-not-found   # of a former call; where the claim has MNIST, the new one ends at once
kubectl apply -k deploy/overlays/kind
# The tag is the same after a change of code, so the pod says which image it was made of: another one makes another pod.
id=$(docker image inspect --format '{{.Id}}' paretonas-operator:"$TAG")
kubectl -n paretonas patch deployment paretonas-operator \
  -p "{\"spec\": {\"template\": {\"metadata\": {\"annotations\": {\"paretonas.io/image-id\": \"$id\"}}}}}"
kubectl -n paretonas rollout status deployment/paretonas-operator --timeout=300s

ended() { kubectl -n paretonas get job mnist -o jsonpath='{.status.conditions[?(@.status=="True")].type}'; }
for _ in $(seq 600); do
  state=$(ended)
  case $state in *Complete* | *Failed*) break ;; esac
  sleep 1
done
case $state in
  *Complete*) ;;
  *) say "MNIST did not get into the claim \`datasets\`; the job says:"
    kubectl -n paretonas logs job/mnist --tail=20 >&2 || kubectl -n paretonas describe job mnist >&2
    exit 1 ;;
esac
kubectl -n paretonas apply -f examples/mnist-nas.yaml
echo "Watch it:         kubectl -n paretonas get nasexperiments -w"
if command -v kubectl-nas >/dev/null; then echo "Its Pareto set:   kubectl nas pareto mnist-nas -n paretonas"
else
  [ -x .venv/bin/kubectl-nas ] || echo "The plugin:       make setup-demo     (once; it makes .venv/bin/kubectl-nas)"
  echo "Its Pareto set:   PATH=$PWD/.venv/bin:\$PATH kubectl nas pareto mnist-nas -n paretonas"
fi
echo "Remove it all:    make kind-down"
