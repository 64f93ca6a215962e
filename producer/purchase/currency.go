package purchase

import (
	iso "github.com/bojanz/currency"
	past "golang.org/x/text/currency"
)

// IsCurrency says whether ISO 4217 has the code, in capitals: for a currency of
// today, or for one that purchases may have been made in since 1970.
func IsCurrency(code string) bool {
	if code == "" || iso.IsValid(code) {
		return code != ""
	}
	unit, err := past.ParseISO(code) // ends in 2017, and keeps what was withdrawn before
	return err == nil && unit.String() == code
}
