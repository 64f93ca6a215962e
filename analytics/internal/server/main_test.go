package server_test

import (
	"os"
	"testing"

	"purchases/analytics/internal/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}
