"""Volcano's CRDs and webhook configurations, for a webhook manager on this machine: volcano.py MODULE OUT.

Read from Volcano's Go module; written are OUT/crds.yaml and OUT/hooks.yaml.
"""

import sys
from pathlib import Path

import yaml

WEBHOOK = "https://127.0.0.1:8443"
SERVED = {"/jobs/mutate", "/jobs/validate", "/queues/mutate", "/queues/validate"}
"""The admission paths that up.sh starts the webhook manager with."""


def main(module: Path, out: Path) -> None:
    """Write both files."""
    manifest = (module / "installer" / "volcano-development.yaml").read_text()
    documents = [d for d in yaml.safe_load_all(manifest) if d]
    crds = [d for d in documents if d["kind"] == "CustomResourceDefinition"]
    hooks = []
    for document in documents:
        if not document["kind"].endswith("WebhookConfiguration"):
            continue
        paths = [hook["clientConfig"]["service"]["path"] for hook in document["webhooks"]]
        if not set(paths) <= SERVED:
            continue
        for hook, path in zip(document["webhooks"], paths, strict=True):
            del hook["clientConfig"]["service"]
            hook["clientConfig"]["url"] = WEBHOOK + path
        hooks.append(document)
    (out / "crds.yaml").write_text(yaml.safe_dump_all(crds))
    (out / "hooks.yaml").write_text(yaml.safe_dump_all(hooks))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
