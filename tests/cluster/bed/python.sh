# shellcheck shell=bash
# To be sourced, with CACHE set: buildah's images of this machine, and among them a Debian tree with Python for python:3.11-slim-bookworm,
# for the images of both test clusters. The machine's own certificates go with it, so that pip and uv reach what the machine reaches.
PYTHON_STAND_IN=localhost/python:3.11-slim-bookworm

store() { buildah --root "$CACHE/storage" --runroot "$CACHE/storage-run" --storage-driver overlay "$@"; }

python_image() { # made where it is not there
  store inspect --type image $PYTHON_STAND_IN >/dev/null 2>&1 && return
  local tree container mirror
  rm -rf "$CACHE"/tree.????   # of a run that was killed
  mkdir -p "$CACHE"; tree=$(mktemp -d "$CACHE/tree.XXXX")
  echo "bed: making a stand-in for python:3.11-slim ..." >&2
  # shellcheck disable=SC2016 # apt's own variable
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n 1p)   # the machine's own
  debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates bookworm "$tree" \
    ${mirror:+"$mirror"} >"$CACHE/debootstrap.log" || { tail -20 "$CACHE/debootstrap.log" >&2; exit 1; }
  rm -f "$tree"/usr/lib/python3*/EXTERNALLY-MANAGED; rm -rf "$tree"/var/cache/apt "$tree"/var/lib/apt/lists
  cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
  ln -s /usr/bin/python3 "$tree/usr/local/bin/python"
  container=$(store from scratch)
  store add -q "$container" "$tree" / >/dev/null
  store config --env PATH=/usr/local/bin:/usr/bin:/bin --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt "$container"
  store commit -q "$container" $PYTHON_STAND_IN >/dev/null
  store rm "$container" >/dev/null; rm -rf "$tree"
}
