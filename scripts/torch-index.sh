# shellcheck shell=sh
# Sourced by the scripts that install torch: where its wheels come from.
#   TORCH_INDEX   an index with torch's wheels. Not set: pytorch.org's CPU wheels where they can be reached, else PyPI's; empty: PyPI's
# The versions are the pinned ones either way. Those of another index have other hashes than the pinned ones, so theirs are not checked.
CPU_INDEX=https://download.pytorch.org/whl/cpu

# choose_torch_index WORDS: set TORCH_INDEX; WORDS say what PyPI's torch costs the caller
choose_torch_index() {
  [ -z "${TORCH_INDEX+set}" ] || return 0
  TORCH_INDEX=
  if ! command -v curl >/dev/null; then say "curl is not installed, so pytorch.org's CPU wheels were not looked for: $1"
  elif curl -fsIL --max-time 15 -o /dev/null "$CPU_INDEX/torch/" 2>/dev/null; then TORCH_INDEX=$CPU_INDEX
  else say "$CPU_INDEX cannot be reached: $1"; fi
}

# pinned NAME: the pinned requirement of a package, such as torch==2.15.0
pinned() { cat requirements/torch.txt requirements/demo.txt | sed -n "s/^\($1==[^ ]*\).*/\1/p"; }
