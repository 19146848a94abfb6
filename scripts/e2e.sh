#!/bin/sh
# Run the cluster tests: e2e.sh KUBECONFIG [PYTEST ARGUMENTS]; tests/cluster/kind is for make kind-e2e. Without a kubeconfig ("") the test cluster of tests/cluster/bed is started.
set -eu
cd "$(dirname "$0")/.."
kubeconfig=$1; shift
if [ -n "$kubeconfig" ]; then
  export KUBECONFIG="$kubeconfig"
  [ $# -gt 0 ] || set -- tests/cluster --ignore tests/cluster/faults --ignore tests/cluster/kind   # faults are done to daemons of this machine
else
  [ $# -gt 0 ] || set -- tests/cluster --ignore tests/cluster/kind -m "not thorough"   # make chaos does all the faults
  PYTHON=$PWD/.venv/bin/python tests/cluster/bed/cluster.sh up
  eval "$(tests/cluster/bed/cluster.sh env)"
fi
exec ${BED:-} .venv/bin/python -m pytest --timeout 600 "$@"
