"""What the rest of the package knows about Kubernetes' API: kinds, labels, metadata, status codes, and a client."""
