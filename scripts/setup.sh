#!/bin/sh
# Create .venv from the pinned, hashed requirements. Usage: setup.sh. It returns at once if nothing has changed since the last call.
# uv takes half a minute where pip takes several minutes, so uv is installed first if it is available.
set -eu
cd "$(dirname "$0")/.."

stamp=.venv/.requirements
wanted=$(cat requirements/dev.txt pyproject.toml scripts/setup.sh | cksum)
[ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && exit 0

python=
for candidate in "${PYTHON:-}" python3 python3.11 python3.12 python3.13 python; do
  [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || { echo "setup: needs Python 3.11 or newer; install it, or set PYTHON=/path/to/python3" >&2; exit 2; }

echo "setup: creating .venv with $("$python" --version 2>&1) (some 6 GB with the default torch wheel) ..." >&2
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
  tools=.venv-uv   # separate from .venv, whose packages are exactly the pinned ones
  { [ -x $tools/bin/uv ] || { "$python" -m venv $tools && $tools/bin/pip install -q uv; }; } >/dev/null 2>&1 && uv=$tools/bin/uv
fi
rm -f "$stamp"
if [ -n "$uv" ]; then
  "$uv" venv -q --allow-existing --python "$python" .venv
  VIRTUAL_ENV=$PWD/.venv "$uv" pip sync -q --compile-bytecode --require-hashes requirements/dev.txt
  VIRTUAL_ENV=$PWD/.venv "$uv" pip install -q --no-deps --editable .
else
  echo "setup: uv is not available; pip takes some minutes ..." >&2
  "$python" -m venv .venv
  .venv/bin/pip install -q --require-hashes -r requirements/dev.txt
  .venv/bin/pip install -q --no-deps --editable .
fi
echo "$wanted" >"$stamp"
echo "setup: done" >&2
