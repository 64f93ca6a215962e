package enriched

import (
	"bytes"
	"math"
	"time"

	"github.com/google/uuid"

	"purchases/producer/purchase"
)

// Flat is an event without pointers and maps, for readers of many events a
// second. Its text is a part of the message.
type Flat struct {
	ID                      uuid.UUID // see [Event.ID]
	EventID                 []byte    // the text of it
	Kind                    Kind      // a Retraction has no users, items and amounts
	User, Item              []byte
	ItemName, OrderID       []byte // empty when there is none
	Currency                []byte // empty when there is none
	Attributes              []byte // JSON object as Encode writes it, nil when there are none
	Quantity, Amount        int64  // Amount in micros, negative for a return, 0 without HasAmount
	HasAmount               bool
	Timestamp, ProcessedAt  int64 // milliseconds since 1970 UTC
	ImportedAt, RetractedAt int64 // the same, 0 when there is none
	SourceTopic             []byte
	SourcePartition         int32
	SourceOffset            int64

	last repeated
}

// repeated is what an event often has in common with the one that was read
// before it. Its texts are copies: the message before need not stay in memory.
type repeated struct {
	currency    []byte // that is valid
	processedAt []byte // with the closing quote, empty when there was none
	processed   int64  // what that means
}

// Scan reads what [Event.Encode] writes of what [Enrich] made, in less than a
// tenth of the time of [Decode] and without allocating. It returns false where
// the value is anything else, or in any doubt; what Decode says is then right, and the Flat
// means nothing. What Scan accepts, Decode accepts as the same event. It is
// quickest with events that follow each other on their topic.
func (f *Flat) Scan(value []byte, now time.Time) bool {
	s := scanner{value: value}
	s.want(`{"schema":`)
	s.integer(Schema, Schema)
	s.want(`,"event_id":"`)
	f.EventID = s.text(purchase.MaxID)
	f.scanKind(&s)
	if f.Kind == Retraction {
		f.scanRetraction(&s)
	} else {
		f.scanPurchase(&s)
	}
	s.want(`,"processed_at":"`)
	f.scanProcessedAt(&s)
	f.scanSource(&s)
	if s.failed || s.at < len(value) || len(f.EventID) == 0 || len(f.SourceTopic) == 0 || !f.timesAreValid(now) {
		return false
	}
	f.ID = purchase.ID(f.EventID)
	return f.Kind == Retraction || f.purchaseIsValid()
}

func (f *Flat) scanKind(s *scanner) {
	s.want(`,"kind":"`)
	switch {
	case s.has(`purchase"`):
		f.Kind = Purchase
	case s.has(`return"`):
		f.Kind = Return
	default:
		s.want(`retraction"`)
		f.Kind = Retraction
	}
}

func (f *Flat) scanPurchase(s *scanner) {
	s.want(`,"user":"`)
	f.User = s.text(purchase.MaxID)
	s.want(`,"item":"`)
	f.Item = s.text(purchase.MaxID)
	f.ItemName = s.optional(`,"item_name":"`, purchase.MaxName)
	s.want(`,"quantity":`)
	f.Quantity = s.integer(math.MinInt64, math.MaxInt64)
	f.scanMoney(s)
	f.OrderID = s.optional(`,"order_id":"`, purchase.MaxID)
	s.want(`,"timestamp":"`)
	f.Timestamp = s.time()
	f.Attributes = s.attributes()
	f.ImportedAt, f.RetractedAt = s.optionalTime(`,"imported_at":"`), 0
}

func (f *Flat) scanRetraction(s *scanner) {
	*f = Flat{EventID: f.EventID, Kind: f.Kind, last: f.last}
	s.want(`,"timestamp":"`)
	f.Timestamp = s.time()
	f.RetractedAt = s.optionalTime(`,"retracted_at":"`)
}

func (f *Flat) scanMoney(s *scanner) {
	f.Amount = 0
	if f.HasAmount = s.has(`,"amount_micros":`); f.HasAmount {
		f.Amount = s.integer(-int64(purchase.MaxMicros), int64(purchase.MaxMicros))
	}
	f.Currency = nil
	if s.has(`,"currency":"`) {
		f.Currency = s.text(purchase.MaxID)
		f.checkCurrency(s)
	}
}

func (f *Flat) checkCurrency(s *scanner) {
	if len(f.Currency) > 0 && bytes.Equal(f.Currency, f.last.currency) {
		return
	}
	if !purchase.IsCurrency(string(f.Currency)) {
		s.failed = true
		return
	}
	f.last.currency = append(f.last.currency[:0], f.Currency...)
}

func (f *Flat) scanProcessedAt(s *scanner) {
	if last := f.last.processedAt; len(last) > 0 && bytes.HasPrefix(s.value[s.at:], last) {
		f.ProcessedAt = f.last.processed
		s.at += len(last)
		return
	}
	start := s.at
	f.ProcessedAt = s.time()
	if !s.failed {
		f.last.processedAt = append(f.last.processedAt[:0], s.value[start:s.at]...)
		f.last.processed = f.ProcessedAt
	}
}

func (f *Flat) scanSource(s *scanner) {
	s.want(`,"source":{"topic":"`)
	f.SourceTopic = s.text(purchase.MaxName)
	s.want(`,"partition":`)
	f.SourcePartition = int32(s.integer(0, math.MaxInt32))
	s.want(`,"offset":`)
	f.SourceOffset = s.integer(0, math.MaxInt64)
	s.want(`}}`)
}

func (f *Flat) timesAreValid(now time.Time) bool {
	const skew = int64(purchase.MaxClockSkew / time.Millisecond)
	latest := f.ProcessedAt + skew
	return f.ProcessedAt > 0 && f.ProcessedAt <= now.UnixMilli()+skew && f.Timestamp >= 0 && f.Timestamp <= latest && f.ImportedAt <= latest && f.RetractedAt <= latest
}

func (f *Flat) purchaseIsValid() bool {
	switch {
	case len(f.User) == 0 || len(f.Item) == 0:
		return false
	case f.Kind == Return:
		return f.Quantity < 0 && f.Quantity >= -purchase.MaxQuantity && f.Amount <= 0
	}
	return f.Quantity > 0 && f.Quantity <= purchase.MaxQuantity && f.Amount >= 0
}
