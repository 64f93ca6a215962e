package purchase_test

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"purchases/producer/purchase"
)

const topicID = "AAAAAAAAAAAAAAAAAAAAAQ"

// The identities are pinned: a database holds them for ever.
func TestIdentitiesNeverChange(t *testing.T) {
	for id, want := range map[string]string{
		"0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d":          "0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d",
		"0B4F2F4E-6A0C-4E0E-9A51-1F2F3A4B5C6D":          "0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d",
		"order-1-line-1":                                "7bd9befe-96c5-5594-b7b4-c57d9b682c2a",
		"{0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d}":        "84a85ebc-6958-54dc-96ac-af5e10a9cf2a",
		"urn:uuid:0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d": "6755a7d0-a8ff-565b-8310-46e0c64e1843",
	} {
		if got := purchase.ID(id).String(); got != want {
			t.Errorf("ID(%q) = %s, want %s", id, got, want)
		}
	}
	for want, id := range map[string]uuid.UUID{
		"3d166a63-148b-86ba-a723-ab7f25ffe00b": purchase.DerivedID(topicID, 0, 0),
		"4b005e22-6511-8fbc-87b5-55d4001fa87a": purchase.DerivedID(topicID, 3, 42),
		"1f1739fa-3245-898c-8d7d-582846c3a385": purchase.DerivedID("other", 3, 42),
	} {
		if id.String() != want || id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Errorf("DerivedID = %s, version %d, want %s", id, id.Version(), want)
		}
	}
}

func TestPositionsHaveDifferentIdentities(t *testing.T) {
	type position struct {
		topic     string
		partition int32
		offset    int64
	}
	positions := rapid.Custom(func(t *rapid.T) position {
		return position{
			rapid.StringMatching(`[a-zA-Z0-9_-]{1,2}`).Draw(t, "topic"),
			rapid.Int32Range(0, 12).Draw(t, "partition"), rapid.Int64Range(0, 120).Draw(t, "offset"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := positions.Draw(t, "a"), positions.Draw(t, "b")
		if (a == b) != (purchase.DerivedID(a.topic, a.partition, a.offset) == purchase.DerivedID(b.topic, b.partition,
			b.offset)) {
			t.Fatalf("%v and %v", a, b)
		}
	})
}

// No text that an event can bring is counted under the id of a position.
func TestNobodyTakesADerivedID(t *testing.T) {
	derived := purchase.DerivedID(topicID, 3, 42)
	for _, text := range []string{derived.String(), "B8" + derived.String()[2:], derived.URN(), "{" + derived.String() +
		"}", string(derived[:])} {
		if got := purchase.ID(purchase.ClaimedID(text)); got == derived || got.Version() == derived.Version() {
			t.Errorf("%q is counted as %s", text, got)
		}
	}
	for _, text := range []string{"id", "0b4f2f4e-6a0c-4e0e-9a51-1f2f3a4b5c6d"} {
		if got := purchase.ClaimedID(text); got != text {
			t.Errorf("%q is counted as %q", text, got)
		}
	}
}
