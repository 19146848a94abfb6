"""A Kubernetes cluster: experiments and trials as its resources, seen through watches, written with resourceVersion."""
