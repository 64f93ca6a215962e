package enriched

import (
	"bytes"
	"math"

	"github.com/google/uuid"
	"golang.org/x/text/currency"

	"purchases/producer/purchase"
)

// Flat is an event without pointers and maps, for readers of many events a
// second. Its text is a part of the message.
type Flat struct {
	ID                     uuid.UUID // see [Event.ID]
	User, Item             []byte
	ItemName, OrderID      []byte // empty when there is none
	Currency               []byte // empty when there is none
	Attributes             []byte // JSON object as Encode writes it, nil when there are none
	Quantity, UnitPrice    int64  // UnitPrice in micros, 0 without HasPrice
	HasPrice               bool
	Timestamp, ProcessedAt int64 // milliseconds since 1970 UTC
	SourceTopic            []byte
	SourcePartition        int32
	SourceOffset           int64

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
// tenth of the time of [Decode] and without allocating. It returns false where the value is
// anything else, or in any doubt; what Decode says is then right, and the Flat
// means nothing. What Scan accepts, Decode accepts as the same event. It is
// quickest with events that follow each other on their topic.
func (f *Flat) Scan(value []byte) bool {
	s := scanner{value: value}
	s.want(`{"schema":`)
	s.integer(Schema, Schema)
	s.want(`,"event_id":"`)
	id := s.text(purchase.MaxID)
	s.want(`,"kind":"`)
	isReturn := !s.has(`purchase","user":"`)
	if isReturn {
		s.want(`return","user":"`)
	}
	f.User = s.text(purchase.MaxID)
	s.want(`,"item":"`)
	f.Item = s.text(purchase.MaxID)
	f.ItemName = s.optional(`,"item_name":"`, purchase.MaxName)
	s.want(`,"quantity":`)
	f.Quantity = s.integer(math.MinInt64, math.MaxInt64)
	f.scanMoney(&s)
	f.OrderID = s.optional(`,"order_id":"`, purchase.MaxID)
	s.want(`,"timestamp":"`)
	f.Timestamp = s.time()
	f.Attributes = s.attributes()
	s.want(`,"processed_at":"`)
	f.scanProcessedAt(&s)
	f.scanSource(&s)
	if s.failed || s.at < len(value) || len(id) == 0 || len(f.User) == 0 || len(f.Item) == 0 {
		return false
	}
	f.ID = ID(id)
	return isReturn == (f.Quantity < 0) && f.amountIsValid() && f.Timestamp >= 0 && f.Timestamp-f.ProcessedAt <= purchase.MaxClockSkew.Milliseconds()
}

func (f *Flat) scanMoney(s *scanner) {
	f.UnitPrice = 0
	if f.HasPrice = s.has(`,"unit_price_micros":`); f.HasPrice {
		f.UnitPrice = s.integer(0, math.MaxInt64)
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
	if _, err := currency.ParseISO(string(f.Currency)); err != nil {
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
	f.SourcePartition = int32(s.integer(math.MinInt32, math.MaxInt32))
	s.want(`,"offset":`)
	f.SourceOffset = s.integer(math.MinInt64, math.MaxInt64)
	s.want(`}}`)
}

func (f *Flat) amountIsValid() bool {
	pieces := max(f.Quantity, -f.Quantity)
	return pieces > 0 && pieces <= purchase.MaxQuantity && f.UnitPrice <= int64(purchase.MaxAmount)/pieces
}
