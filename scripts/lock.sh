#!/bin/sh
# Pin every requirement with its hashes and without any address. Usage: lock.sh (needs uv)
#   dev.txt               everything, for .venv
#   torch.txt             torch and its dependencies: the layer that both images share
#   operator.txt, trainer.txt   what else each image needs, in the same versions as in dev.txt
set -eu
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv-uv/bin/uv)
compile() { "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate "$@"; }
compile --extra operator --extra trainer --extra dev pyproject.toml -o requirements/dev.txt
echo torch | compile -c requirements/dev.txt - -o requirements/torch.txt
below=$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements/torch.txt | sort -u)
for extra in operator trainer; do
  # shellcheck disable=SC2086 # each word is one option
  compile --extra $extra -c requirements/dev.txt $below pyproject.toml -o requirements/$extra.txt
done
