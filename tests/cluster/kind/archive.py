"""Several images in one archive in the layout of `docker save`, without an engine: archive.py OUT.tar SPEC.json

SPEC is a list of {"tags": [...], "layers": [folder, ...], "config": {...}}; images that name the same folder share the
layer.
A file `repositories` with every tag comes first: `kind build node-image` reads from it what need not be pulled.
"""

import hashlib
import io
import json
import sys
import tarfile
import tempfile
from pathlib import Path


def main(out: Path, spec: list[dict]) -> None:
    with tempfile.TemporaryDirectory(dir=out.parent) as folder:
        layers: dict[str, tuple[str, Path]] = {}
        for name in dict.fromkeys(layer for image in spec for layer in image["layers"]):
            path = Path(folder, f"{len(layers)}.tar")
            with tarfile.open(path, "w") as archive:
                archive.add(name, arcname=".", filter=lambda info: None if info.name == "./.complete" else info)
            with path.open("rb") as file:
                layers[name] = hashlib.file_digest(file, "sha256").hexdigest(), path
        members, manifest, repositories = [], [], {}
        for image in spec:
            digests = [layers[name][0] for name in image["layers"]]
            described = json.dumps(
                {
                    "architecture": "amd64",
                    "os": "linux",
                    "config": image.get("config", {}),
                    "rootfs": {"type": "layers", "diff_ids": [f"sha256:{d}" for d in digests]},
                    "history": [{"created_by": "archive.py"} for _ in digests],
                }
            ).encode()
            name = hashlib.sha256(described).hexdigest() + ".json"
            members.append((name, described))
            manifest.append({"Config": name, "RepoTags": image["tags"], "Layers": [f"{d}.tar" for d in digests]})
            for tag in image["tags"]:
                repository, _, version = tag.rpartition(":")
                repositories.setdefault(repository, {})[version] = digests[-1]
        with tarfile.open(out, "w") as archive:
            for name, content in [
                ("repositories", json.dumps(repositories).encode()),
                ("manifest.json", json.dumps(manifest).encode()),
                *members,
            ]:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            for digest, path in dict(layers.values()).items():
                archive.add(path, arcname=f"{digest}.tar")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
