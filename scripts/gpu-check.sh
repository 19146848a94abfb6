#!/bin/sh
# Try the convolutional trainer on this machine's GPUs and print a table. Usage: gpu-check.sh [GPUS], by default as many as there are
#   one        a network on one GPU, in fp32, bf16 and bf16 compiled
#   two        two trials at once, each with a GPU of its own where there are two
#   gang       one network in two processes (torchrun, NCCL); needs two GPUs
#   memory     a network that is too large for any GPU, which must end as CUDA's own error
# It uses a data set of random images, as nothing has to be fetched for it.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
say() { echo "gpu-check: $*" >&2; }
gpus=${1:-$("$python" -c 'import torch; print(torch.cuda.device_count())')}
[ "$gpus" -gt 0 ] || { say "torch finds no GPU here; it needs one, a driver, and torch with CUDA (PyPI's)"; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m scripts.gpu_check "$work" "$gpus"
