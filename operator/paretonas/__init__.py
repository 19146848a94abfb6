"""ParetoNAS: neural architecture search for several objectives, on a laptop or on Kubernetes."""
