package serialize

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"purchases/producer/purchase"
)

// appendMessage writes the fields of schemas/purchase.proto by their numbers.
func appendMessage(b []byte, e *purchase.Event) ([]byte, error) {
	b = appendText(b, 1, string(e.Op))
	b = appendText(b, 2, e.EventID)
	b = appendText(b, 3, e.User)
	b = appendText(b, 4, e.Item)
	b = appendText(b, 5, e.ItemName)
	b = protowire.AppendTag(b, 6, protowire.VarintType)
	b = protowire.AppendVarint(b, uint64(e.Quantity))
	b = appendMoney(b, 7, e.UnitPrice)
	b = appendMoney(b, 8, e.Amount)
	b = appendText(b, 9, e.Currency)
	b = appendText(b, 10, e.OrderID)
	b = appendTime(b, 11, e.Timestamp)
	for name, text := range e.Attributes {
		entry := appendText(appendText(nil, 1, name), 2, text)
		b = protowire.AppendBytes(protowire.AppendTag(b, 12, protowire.BytesType), entry)
	}
	b = appendTime(b, 13, e.ImportedAt)
	return appendTime(b, 14, e.RetractedAt), nil
}

func appendText(b []byte, number protowire.Number, text string) []byte {
	if text == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, number, protowire.BytesType), text)
}

func appendMoney(b []byte, number protowire.Number, m *purchase.Micros) []byte {
	if m == nil {
		return b
	}
	return appendText(b, number, m.String())
}

// appendTime writes a google.protobuf.Timestamp.
func appendTime(b []byte, number protowire.Number, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	var stamp []byte
	stamp = protowire.AppendVarint(protowire.AppendTag(stamp, 1, protowire.VarintType), uint64(t.Unix()))
	if n := t.Nanosecond(); n > 0 {
		stamp = protowire.AppendVarint(protowire.AppendTag(stamp, 2, protowire.VarintType), uint64(n))
	}
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), stamp)
}
