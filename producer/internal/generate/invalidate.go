package generate

import (
	"slices"
	"strings"
	"time"

	"purchases/producer/purchase"
)

// invalidation turns a valid event into a message that breaks one rule.
type invalidation struct {
	reason     purchase.Reason
	invalidate func(purchase.Event) ([]byte, error)
}

// invalidations cover the rules that a mistake in one event can break.
// [purchase.TooLarge] is missing because brokers with the default limit refuse
// such a message, and [purchase.SchemaRegistryFrame] because a registry may know
// the schema.
var invalidations = []invalidation{
	{purchase.MissingUser, edit(func(e *purchase.Event) { e.User = "" })},
	{purchase.MissingItem, edit(func(e *purchase.Event) { e.Item = " " })},
	{purchase.MissingTimestamp, edit(func(e *purchase.Event) { e.Timestamp = time.Time{} })},
	{purchase.InvalidTimestamp, member(`"timestamp":"yesterday"`, func(e *purchase.Event) { e.Timestamp = time.Time{} })},
	{purchase.TimestampInFuture, edit(func(e *purchase.Event) { e.Timestamp = e.Timestamp.AddDate(1000, 0, 0) })},
	{purchase.InvalidQuantity, edit(func(e *purchase.Event) { e.Quantity = 0 })},
	{purchase.InvalidPrice, edit(func(e *purchase.Event) { *e.UnitPrice = -*e.UnitPrice })},
	{purchase.AmountTooLarge, edit(func(e *purchase.Event) { *e.UnitPrice, e.Quantity = purchase.MaxMicros, 2 })},
	{purchase.InvalidCurrency, edit(func(e *purchase.Event) { e.Currency = "QQQ" })},
	{purchase.InvalidAttributes, member(`"attributes":{"country":{"code":"GB"}}`,
		func(e *purchase.Event) { e.Attributes = nil })},
	{purchase.InvalidType, member(`"item_name":42`, func(e *purchase.Event) { e.ItemName = "" })},
	{purchase.DuplicateName, member(`"item":"twice"`, func(*purchase.Event) {})},
	{purchase.FieldTooLong, edit(func(e *purchase.Event) {
		e.ItemName = strings.Repeat("long ", purchase.MaxName/5+1) +
			"name"
	})},
	{purchase.ControlCharacter, edit(func(e *purchase.Event) { e.Item += "\abell" })},
	{purchase.InvalidUTF8, member(`"note":"`+"\xff"+`"`, func(*purchase.Event) {})},
	{purchase.InvalidJSON, cut},
	{purchase.InvalidAmount, edit(func(e *purchase.Event) { e.Quantity, e.Amount = 1, negative(e.UnitPrice) })},
	{purchase.InvalidOp, edit(func(e *purchase.Event) { e.Op = "delete" })},
	{purchase.MissingEventID, edit(func(e *purchase.Event) { e.Op, e.EventID = purchase.Retract, "" })},
	{purchase.InvalidImportedAt, edit(func(e *purchase.Event) { e.ImportedAt = e.Timestamp.AddDate(1000, 0, 0) })},
	{purchase.InvalidRetractedAt, edit(func(e *purchase.Event) {
		e.Op, e.RetractedAt = purchase.Retract, e.Timestamp.AddDate(1000, 0, 0)
	})},
	{purchase.ByteOrderMark, wrap("\ufeff", "")},
	{purchase.JSONArray, wrap("[", "]")},
	{purchase.JSONInString, wrap(`"`, `"`)},
	{purchase.Envelope, wrap(`{"schema":null,"payload":`, `}`)},
	{purchase.EmptyValue, func(purchase.Event) ([]byte, error) { return nil, nil }},
}

// edit changes the event before encoding it.
func edit(change func(*purchase.Event)) func(purchase.Event) ([]byte, error) {
	return func(e purchase.Event) ([]byte, error) {
		change(&e)
		return e.Encode()
	}
}

// member changes the event and adds a member to its JSON.
func member(text string, change func(*purchase.Event)) func(purchase.Event) ([]byte, error) {
	return func(e purchase.Event) ([]byte, error) {
		change(&e)
		value, err := e.Encode()
		if err != nil {
			return nil, err
		}
		return append(append(value[:len(value)-1], ','), text+"}"...), nil
	}
}

func negative(m *purchase.Micros) *purchase.Micros {
	n := -*m
	return &n
}

// wrap puts texts around the message.
func wrap(before, after string) func(purchase.Event) ([]byte, error) {
	return func(e purchase.Event) ([]byte, error) {
		value, err := e.Encode()
		return slices.Concat([]byte(before), value, []byte(after)), err
	}
}

// cut loses the second half of the message.
func cut(e purchase.Event) ([]byte, error) {
	value, err := e.Encode()
	if err != nil {
		return nil, err
	}
	return value[:len(value)/2], nil
}
