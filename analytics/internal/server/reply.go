package server

import (
	"bytes"
	"net/http"
	"strconv"
	"time"
)

// firstBytes of an answer are held back: what fails before them can still be
// said with a status, and what ends before them has a Content-Length.
const firstBytes = 32 << 10

// reply is the body of an answer.
type reply struct {
	w     http.ResponseWriter
	held  bytes.Buffer
	begun bool
}

func (b *reply) Write(p []byte) (int, error) {
	if !b.begun && b.held.Len()+len(p) <= firstBytes {
		return b.held.Write(p)
	}
	if err := b.begin(); err != nil {
		return 0, err
	}
	return b.w.Write(p)
}

// begin limits the time of sending to a client that does not read.
func (b *reply) begin() error {
	if b.begun {
		return nil
	}
	b.begun = true
	_ = http.NewResponseController(b.w).SetWriteDeadline(time.Now().Add(sendTime)) // each server here has one
	_, err := b.w.Write(b.held.Bytes())
	return err
}

// writeWhole writes an answer. One that fails when it has begun is cut off, so
// that the client sees an incomplete message and no short answer.
func writeWhole(w http.ResponseWriter, write func(*reply) error) error {
	b := &reply{w: w}
	err := write(b)
	if err != nil && !b.begun {
		return err
	}
	if err == nil && !b.begun {
		w.Header().Set("Content-Length", strconv.Itoa(b.held.Len()))
		err = b.begin()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
