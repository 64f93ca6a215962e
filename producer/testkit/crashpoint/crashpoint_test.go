//go:build !crashpoints

package crashpoint_test

import (
	"testing"

	"purchases/producer/testkit/crashpoint"
)

func TestOrdinaryBuildIgnoresTheEnvironment(t *testing.T) {
	t.Setenv(crashpoint.Variable, "here")
	crashpoint.At("here") // had it any effect, the test's process would be gone
	if n := testing.AllocsPerRun(100, func() { crashpoint.At("here") }); n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}
