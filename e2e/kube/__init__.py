"""A real three-node Kubernetes on one machine: binaries, certificates, processes, network, images, teardown."""
