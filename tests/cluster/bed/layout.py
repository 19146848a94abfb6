"""Join what `buildah push dir:` wrote of several images into one OCI layout: layout.py LAYOUT NAME:TAG=FOLDER …

The files are moved, and blobs that are there already are dropped: images share their layers. (`push oci:` would do the
same, but compresses every layer first, which takes minutes for torch.)
"""

import hashlib
import json
import sys
from pathlib import Path


def main(layout: Path, images: list[str]) -> None:
    """Write the layout's index, and put the images' blobs into it."""
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    described = []
    for image in images:
        name, _, folder = image.partition("=")
        manifest = Path(folder, "manifest.json").read_bytes()
        digest = hashlib.sha256(manifest).hexdigest()
        (blobs / digest).write_bytes(manifest)
        for file in Path(folder).iterdir():
            if file.name not in {"manifest.json", "version"}:
                file.replace(blobs / file.name)
        described.append(
            {
                "mediaType": json.loads(manifest)["mediaType"],
                "digest": f"sha256:{digest}",
                "size": len(manifest),
                "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name},
            }
        )
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": described}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
