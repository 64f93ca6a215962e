package cluster

import (
	"context"
	"testing"
	"time"
)

func TestT(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	b := time.Now()
	c, err := Apache(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Log("up", time.Since(b))
	if err := c.Create(ctx, 8, "a", "b"); err != nil {
		t.Fatal(err)
	}
	t.Log("created", time.Since(b))
	c.Brokers[1].Kill()
	t.Log("killed", time.Since(b))
	if err := c.Brokers[1].Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Log("started", time.Since(b))
	if err := c.AwaitInSync(ctx); err != nil {
		t.Fatal(err)
	}
	t.Log("in sync", time.Since(b))
}
