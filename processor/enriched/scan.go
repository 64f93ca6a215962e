package enriched

import (
	"bytes"
	"math"
	"time"

	"github.com/google/uuid"

	"purchases/producer/jsonobject"
	"purchases/producer/purchase"
	"purchases/producer/registry"
)

// Flat is an event without pointers and maps, for readers of many events per
// second. Its texts are parts of the message.
type Flat struct {
	ID                      uuid.UUID // see [Event.ID]
	EventID                 []byte    // the text of it
	Kind                    Kind      // a Retraction has no user, item, quantity and amount
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

// repeated is what consecutive events often have in common. Its texts are copies,
// so that the previous message need not stay in memory.
type repeated struct {
	currency    []byte // valid
	processedAt []byte // as text, with the closing quote; empty if there is none
	processed   int64  // the same in milliseconds
}

// Scan reads an event as [Event.Encode] writes it, perhaps in the frame of a schema registry, in less than a tenth of
// the
// time of [Decode] and without allocating. It returns false for any other
// spelling and for any doubt. The Flat then means nothing, and Decode has the
// last word. An event that Scan accepts is the same event to Decode. Scan is
// quickest with events that follow each other on their topic.
func (f *Flat) Scan(value []byte, now time.Time) bool {
	value = registry.Strip(value)
	s := jsonobject.Scan(value)
	s.Want(`{"schema":`)
	s.Int(Schema, Schema)
	s.Want(`,"event_id":"`)
	f.EventID = s.Text(purchase.MaxID)
	f.scanKind(&s)
	if f.Kind == Retraction {
		f.scanRetraction(&s)
	} else {
		f.scanPurchase(&s)
	}
	s.Want(`,"processed_at":"`)
	f.scanProcessedAt(&s, value)
	f.scanSource(&s)
	if !s.Done() || len(f.EventID) == 0 || len(f.SourceTopic) == 0 || !f.timesAreValid(now) {
		return false
	}
	f.ID = purchase.ID(f.EventID)
	return f.Kind == Retraction || f.purchaseIsValid()
}

func (f *Flat) scanKind(s *jsonobject.Scanner) {
	s.Want(`,"kind":"`)
	switch {
	case s.Has(`purchase"`):
		f.Kind = Purchase
	case s.Has(`return"`):
		f.Kind = Return
	default:
		s.Want(`retraction"`)
		f.Kind = Retraction
	}
}

func (f *Flat) scanPurchase(s *jsonobject.Scanner) {
	s.Want(`,"user":"`)
	f.User = s.Text(purchase.MaxID)
	s.Want(`,"item":"`)
	f.Item = s.Text(purchase.MaxID)
	f.ItemName = s.OptionalText(`,"item_name":"`, purchase.MaxName)
	s.Want(`,"quantity":`)
	f.Quantity = s.Int(math.MinInt64, math.MaxInt64)
	f.scanMoney(s)
	f.OrderID = s.OptionalText(`,"order_id":"`, purchase.MaxID)
	s.Want(`,"timestamp":"`)
	f.Timestamp = s.Time()
	f.scanAttributes(s)
	f.ImportedAt, f.RetractedAt = s.OptionalTime(`,"imported_at":"`), 0
}

func (f *Flat) scanAttributes(s *jsonobject.Scanner) {
	f.Attributes = nil
	if s.Has(`,"attributes":`) {
		f.Attributes = s.Texts(purchase.MaxAttributes, purchase.MaxAttributeName, purchase.MaxID)
	}
}

func (f *Flat) scanRetraction(s *jsonobject.Scanner) {
	*f = Flat{EventID: f.EventID, Kind: f.Kind, last: f.last}
	s.Want(`,"timestamp":"`)
	f.Timestamp = s.Time()
	f.RetractedAt = s.OptionalTime(`,"retracted_at":"`)
}

func (f *Flat) scanMoney(s *jsonobject.Scanner) {
	f.Amount = 0
	if f.HasAmount = s.Has(`,"amount_micros":`); f.HasAmount {
		f.Amount = s.Int(-int64(purchase.MaxMicros), int64(purchase.MaxMicros))
	}
	f.Currency = nil
	if s.Has(`,"currency":"`) {
		f.Currency = s.Text(purchase.MaxID)
		f.checkCurrency(s)
	}
}

func (f *Flat) checkCurrency(s *jsonobject.Scanner) {
	if len(f.Currency) > 0 && bytes.Equal(f.Currency, f.last.currency) {
		return
	}
	if !purchase.IsCurrency(string(f.Currency)) {
		s.Fail()
		return
	}
	f.last.currency = append(f.last.currency[:0], f.Currency...)
}

func (f *Flat) scanProcessedAt(s *jsonobject.Scanner, value []byte) {
	if last := f.last.processedAt; len(last) > 0 && s.HasBytes(last) {
		f.ProcessedAt = f.last.processed
		return
	}
	start := s.At()
	f.ProcessedAt = s.Time()
	if s.OK() {
		f.last.processedAt = append(f.last.processedAt[:0], value[start:s.At()]...)
		f.last.processed = f.ProcessedAt
	}
}

func (f *Flat) scanSource(s *jsonobject.Scanner) {
	s.Want(`,"source":{"topic":"`)
	f.SourceTopic = s.Text(purchase.MaxName)
	s.Want(`,"partition":`)
	f.SourcePartition = int32(s.Int(0, math.MaxInt32))
	s.Want(`,"offset":`)
	f.SourceOffset = s.Int(0, math.MaxInt64)
	s.Want(`}}`)
}

func (f *Flat) timesAreValid(now time.Time) bool {
	const skew = int64(purchase.MaxClockSkew / time.Millisecond)
	latest := f.ProcessedAt + skew
	return f.ProcessedAt > 0 && f.ProcessedAt <= now.UnixMilli()+skew &&
		f.Timestamp >= 0 && f.Timestamp <= latest && f.ImportedAt <= latest && f.RetractedAt <= latest
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
