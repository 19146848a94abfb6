#!/bin/sh
# Render what `kubectl apply -k` would apply into one file each, with the names of published images. Usage: install-yaml.sh REGISTRY [TAG]
#   dist/install.yaml                  deploy/base: kubectl apply -n NAMESPACE -f it
#   dist/install-all-namespaces.yaml   deploy/overlays/all-namespaces: kubectl apply -f it
# (deploy/overlays/cluster-wide lists the namespaces that it serves, so it has to be edited before it is applied.)
set -eu
cd "$(dirname "$0")/.."
registry=${1:?usage: install-yaml.sh REGISTRY [TAG], as in install-yaml.sh ghcr.io/me}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
tag=${2:-$version}
rendered() { if command -v kustomize >/dev/null; then kustomize build "$1"; else kubectl kustomize "$1"; fi; }
command -v kustomize >/dev/null || command -v kubectl >/dev/null || { echo "install-yaml: needs kubectl or kustomize; install one" >&2; exit 2; }

mkdir -p dist
work=$(mktemp -d dist/render.XXXX); trap 'rm -rf "$work"' EXIT
render() { # FILE FOLDER COMMAND
  cat >"$work/kustomization.yaml" <<KUSTOMIZATION
resources: [../../$2]
images: [{name: paretonas-operator, newName: $registry/paretonas-operator, newTag: "$tag"}]
KUSTOMIZATION
  { echo "# ParetoNAS $version: $2 of its repository, rendered. To install it: $3"; rendered "$work"; } >"$work/rendered"
  mv "$work/rendered" "dist/$1"
  echo "dist/$1"
}
render install.yaml deploy/base "kubectl apply -n NAMESPACE -f install.yaml"
render install-all-namespaces.yaml deploy/overlays/all-namespaces "kubectl apply -f install-all-namespaces.yaml"
