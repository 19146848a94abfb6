"""A one-layer image archive from a folder, without an engine: image.py OUT.tar NAME:TAG FOLDER [CONFIG_JSON]."""

import hashlib
import io
import json
import sys
import tarfile
import tempfile
from pathlib import Path


def main(out: Path, tag: str, folder: Path, config: dict[str, object]) -> None:
    """Write the archive, in the layout of `docker save`."""
    with tempfile.NamedTemporaryFile(dir=out.parent) as layer:
        with tarfile.open(fileobj=layer, mode="w") as archive:
            archive.add(folder, arcname=".")
        layer.seek(0)
        digest = hashlib.file_digest(layer, "sha256").hexdigest()
        image = {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created_by": "image.py"}],
        }
        described = json.dumps(image).encode()
        name = hashlib.sha256(described).hexdigest() + ".json"
        manifest = json.dumps([{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]).encode()
        with tarfile.open(out, "w") as archive:
            for member, content in ((name, described), ("manifest.json", manifest)):
                info = tarfile.TarInfo(member)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            archive.add(layer.name, arcname="layer.tar")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        Path(sys.argv[3]),
        json.loads(sys.argv[4]) if len(sys.argv) > 4 else {},
    )
