//go:build tools

// Package tools names the programs that the stage is built from, so that go.mod and go.sum pin all they are made of.
package tools

import (
	_ "github.com/rancher/local-path-provisioner"
	_ "helm.sh/helm/v3/cmd/helm"
	_ "sigs.k8s.io/metrics-server/cmd/metrics-server"
)
