#!/bin/sh
# Pin every requirement with its hashes and without any address. Usage: lock.sh (needs uv)
#   torch.txt     torch and its dependencies: installed first, and the layer that both images share
#   demo.txt      what .venv needs beside it for `make demo`; dev.txt, for everything else
#   operator.txt, trainer.txt   what each image needs beside it
# Every file has the same versions. A version changes only when pyproject.toml asks for another; to take newer ones, delete the files first.
set -eu
cd "$(dirname "$0")/.."
PATH=$PATH:$PWD/.venv/bin:$PWD/.venv-uv/bin
compile() { uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate "$@"; }

all=$(mktemp); trap 'rm -f "$all"' EXIT
cat requirements/torch.txt requirements/dev.txt >"$all" 2>/dev/null || true   # the versions so far, which uv keeps
compile --extra operator --extra local --extra trainer --extra dev pyproject.toml -o "$all"
echo torch | compile -c "$all" - -o requirements/torch.txt
below=$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements/torch.txt | sort -u)
# shellcheck disable=SC2086 # each word is one option
beside() { file=$1; shift; compile -c "$all" $below "$@" -o "requirements/$file"; }
beside demo.txt --extra local --extra trainer pyproject.toml
beside dev.txt --extra operator --extra local --extra trainer --extra dev pyproject.toml
beside operator.txt --extra operator pyproject.toml
# of the trainer its own requirements alone: its image has no `paretonas` to run
python3 -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["trainer"], sep="\n")' |
  beside trainer.txt -
