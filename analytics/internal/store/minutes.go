package store

import (
	"fmt"
	"time"
)

// keptMinutes is for how long the database knows how much it stored.
const keptMinutes = 60

// countMinute notes how much the batch stored of each partition, and forgets
// what is older than an hour.
func (w *Writer) countMinute(b *Batch, now time.Time) error {
	minute := now.Unix() / 60
	for _, t := range b.tallies {
		if err := w.sql.minutes.add(minute, t.Topic, t.number, t.records); err != nil {
			return fmt.Errorf("count the records of minute %d: %w", minute, err)
		}
	}
	if _, err := w.sql.minutes.flush(); err != nil {
		return fmt.Errorf("count the records of minute %d: %w", minute, err)
	}
	if minute == w.minute {
		return nil
	}
	w.minute = minute
	if _, err := w.sql.forgetMinutes.exec(minute - keptMinutes); err != nil {
		return fmt.Errorf("forget the records of minute %d: %w", minute-keptMinutes, err)
	}
	return nil
}
