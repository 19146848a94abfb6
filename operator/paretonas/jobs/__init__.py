"""A trial's attempt as a job: described for TorchX, submitted, seen and cancelled. The only importer of torchx."""
