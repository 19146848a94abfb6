#!/bin/sh
# Print the part of CHANGELOG.md about a release. Usage: release-notes.sh TAG, as in release-notes.sh v1.2.3
# It fails if the tag is not the version in pyproject.toml, which is the one place where the version is written.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
if [ "$1" != "v$version" ]; then
  echo "release-notes: the tag is $1, and the version in pyproject.toml is $version; tag v$version, or change the version first" >&2; exit 2
fi
notes=$(awk -v version="$version" '/^## /{inside = ($2 == version)} inside' CHANGELOG.md)
[ -n "$notes" ] || { echo "release-notes: CHANGELOG.md has no section \"## $version\"; write it first" >&2; exit 2; }
echo "$notes"
