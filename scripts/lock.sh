#!/bin/sh
# Pin every requirement with its hashes and without any address: lock.sh. Needs uv.
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv-uv/bin/uv)
compile() { "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate "$@" pyproject.toml; }
compile --extra operator --extra trainer --extra dev -o requirements/dev.txt
for extra in operator trainer; do compile --extra $extra -c requirements/dev.txt -o requirements/$extra.txt; done
