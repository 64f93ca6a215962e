package pipeline

import (
	"errors"
	"log/slog"

	"purchases/processor/internal/transaction"
)

// health logs each change between working and waiting, and not each attempt.
type health struct {
	log     *slog.Logger
	waiting bool
}

func (h *health) failed(err error) {
	switch {
	case errors.Is(err, transaction.ErrFenced):
		h.log.Warn("lost a partition; rejoining the group", "cause", err)
	case !h.waiting:
		h.waiting = true
		h.log.Warn("interrupted; retrying until it works", "cause", err)
	}
}

func (h *health) recovered() {
	if h.waiting {
		h.waiting = false
		h.log.Info("working again; resuming from the committed offsets")
	}
}
