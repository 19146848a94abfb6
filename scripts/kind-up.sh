#!/bin/bash
# On a machine with Docker, kind and kubectl: a kind cluster, the images, Volcano, the operator and the example.
set -euo pipefail
cd "$(dirname "$0")/.."
VOLCANO=v1.14.1   # the release that is compiled against the Kubernetes of kind-config.yaml; tests/cluster/bed pins the same
TAG=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
for command in docker kind kubectl; do
  command -v $command >/dev/null || { echo "kind-up: needs $command; install it, or try make demo, which needs no cluster" >&2; exit 2; }
done
kind get clusters | grep -qx paretonas || kind create cluster --config kind-config.yaml
kubectl config use-context kind-paretonas
for target in operator trainer; do
  docker build --target $target ${TORCH_INDEX:+--build-arg TORCH_INDEX="$TORCH_INDEX"} -t paretonas-$target:"$TAG" .
  kind load docker-image --name paretonas paretonas-$target:"$TAG"
done
kubectl apply -f "https://raw.githubusercontent.com/volcano-sh/volcano/$VOLCANO/installer/volcano-development.yaml"
kubectl -n volcano-system rollout status deployment --timeout=300s
kubectl apply -k deploy/overlays/kind
kubectl -n paretonas rollout status deployment/paretonas-operator --timeout=300s
kubectl -n paretonas wait --for=condition=Complete job/mnist --timeout=600s
kubectl -n paretonas apply -f examples/mnist-nas.yaml
echo "Watch it:   kubectl -n paretonas get nasexperiments -w"
