package identity_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"purchases/producer/internal/identity"
)

// Ids are stored in people's databases: they can never change.
func TestIDsStay(t *testing.T) {
	content := []byte(`"user":"u","item":"i"`)
	for want, got := range map[string]uuid.UUID{
		"1fd6dc29-454b-599b-aa1e-6b71dff8359e": identity.NewDeriver("").ID(content, 0),
		"ef7a1041-d9a0-554e-813c-c3491d0a804f": identity.NewDeriver("").ID(content, 1),
		"39e80b1f-0348-59c3-9e85-6539c6f54915": identity.NewDeriver("till").ID(content, 0),
		"ba7547e3-d836-55be-833f-2f298aa8ff78": identity.NewDeriver("").ID(identity.AppendTexts(nil, []string{"a", "bc"}), 0),
	} {
		if got.String() != want || got.Version() != 5 || got.Variant() != uuid.RFC4122 {
			t.Errorf("%s, version %d, variant %s; want %s", got, got.Version(), got.Variant(), want)
		}
	}
}

func TestPartsDoNotRunTogether(t *testing.T) {
	ids := map[uuid.UUID]bool{}
	for _, id := range []uuid.UUID{
		identity.NewDeriver("a").ID([]byte("b"), 0),
		identity.NewDeriver("").ID([]byte("ab"), 0),
		identity.NewDeriver("ab").ID(nil, 0),
		identity.NewDeriver("").ID(identity.AppendTexts(nil, []string{"a", "b"}), 0),
		identity.NewDeriver("").ID(identity.AppendTexts(nil, []string{"ab", ""}), 0),
		identity.NewDeriver("").ID(identity.AppendTexts(nil, []string{"ab"}), 0),
	} {
		ids[id] = true
	}
	if len(ids) != 6 {
		t.Errorf("%d different ids of 6", len(ids))
	}
}

func TestCounter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		counter, deriver, want := identity.NewCounter(), identity.NewDeriver(""), map[int]uint64{}
		most := rapid.IntRange(1, 5000).Draw(t, "different")
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, most), 0, 3000).Draw(t, "contents") {
			if got := counter.Next(deriver.ID(fmt.Append(nil, n), 0)); got != want[n] {
				t.Fatalf("%d was counted %d times, want %d", n, got, want[n])
			}
			want[n]++
		}
	})
}

func TestCounterOfMany(t *testing.T) {
	const many = 200_000
	counter, deriver := identity.NewCounter(), identity.NewDeriver("")
	for pass := range uint64(2) {
		for n := range many {
			if got := counter.Next(deriver.ID(fmt.Append(nil, n), 0)); got != pass {
				t.Fatalf("%d: %d, want %d", n, got, pass)
			}
		}
	}
}
