package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// Each of these scripts has a broker and a schema registry.
func TestRegistryScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/registry", Setup: func(env *testscript.Env) error {
		fake := srfake.New(srfake.WithGlobalCompat(sr.CompatBackward))
		env.Defer(fake.Close)
		env.Setenv("KAFKA_SCHEMA_REGISTRY_URL", fake.URL())
		return startEmptyCluster(env)
	}})
}
