#!/bin/sh
# Create .venv from the pinned, hashed requirements, or complete it. Usage: setup.sh [demo | dev]. It returns at once if nothing has changed.
#   demo   what `make demo` needs; dev, the default: also the operator, the tests, the linters and the benchmarks
#   PYTHON        the Python to create it with
#   TORCH_INDEX   see torch-index.sh. On a Mac, and where there is an NVIDIA GPU, PyPI's torch is the right one
# uv takes half a minute where pip takes several minutes, so uv is installed first if it is available.
set -eu
cd "$(dirname "$0")/.."
say() { echo "setup: $*" >&2; }
. scripts/torch-index.sh

for_what=${1:-dev}
stamp=.venv/.requirements
state() { echo "$1 ${TORCH_INDEX-} $(cat requirements/torch.txt "requirements/$1.txt" pyproject.toml scripts/setup.sh | cksum)"; }
current=$(cat "$stamp" 2>/dev/null || true)
case $current in
  "$(state "$for_what")" | "$(state dev)") exit 0 ;;
  "dev "*) for_what=dev ;;   # an environment that had everything keeps it
esac
done=$(state "$for_what")

python=
for candidate in "${PYTHON:-}" python3 python3.11 python3.12 python3.13 python; do
  [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { say "needs Python 3.11 or newer; install it, or set PYTHON=/path/to/python3"; exit 2; }

if [ "$(uname -s)" != Linux ] || command -v nvidia-smi >/dev/null; then : "${TORCH_INDEX=}"; fi
choose_torch_index "PyPI's torch brings CUDA (a download of 3 GB, 6 GB of disk; without it, 0.4 and 1.5 GB; TORCH_INDEX names another index)"

count=$(cat requirements/torch.txt "requirements/$for_what.txt" | grep -c '^[a-z]')
say "installing up to $count pinned packages into .venv with $("$python" --version 2>&1), torch from ${TORCH_INDEX:-PyPI}; what is in the cache is not fetched again"
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  tools=.venv-uv   # separate from .venv, whose packages are exactly the pinned ones
  if [ -x $tools/bin/uv ] || { say "fetching uv, the installer, into $tools" && "$python" -m venv $tools && $tools/bin/pip install -q uv; }; then
    uv=$tools/bin/uv
  else say "uv is not available, so pip installs, which takes some minutes more"; fi
fi

rm -f "$stamp"
if [ -n "$uv" ]; then
  "$uv" venv -q --allow-existing --python "$python" .venv
  export VIRTUAL_ENV="$PWD/.venv"
  install() { "$uv" pip install "$@"; }
else
  "$python" -m venv .venv
  install() { .venv/bin/pip install "$@"; }
fi
if [ -n "$TORCH_INDEX" ]; then
  install --no-deps --index-url "$TORCH_INDEX" "$(pinned torch)" "$(pinned torchvision)"
  awk '/^[a-z]/ {skip = /^(torch|triton|nvidia|cuda)[a-z0-9-]*==/} !skip' requirements/torch.txt >.venv/.beside-torch.txt   # without CUDA
  install --no-deps --require-hashes -r .venv/.beside-torch.txt -r "requirements/$for_what.txt"
elif [ -n "$uv" ]; then
  # All of it is compiled for the tests, which start many processes at once. A demo compiles what it imports, as it imports it.
  compile=--compile-bytecode; [ "$for_what" = dev ] || compile=--no-compile-bytecode
  "$uv" pip sync $compile --require-hashes requirements/torch.txt "requirements/$for_what.txt"
else install --no-deps --require-hashes -r requirements/torch.txt -r "requirements/$for_what.txt"; fi
install -q --no-deps --editable .
echo "$done" >"$stamp"
say "done; to have \`paretonas\` and \`kubectl nas\` in this shell, type: . .venv/bin/activate"
