package purchase

import (
	iso "github.com/bojanz/currency"
	past "golang.org/x/text/currency"
)

// IsCurrency says whether the code, in capitals, is in ISO 4217: for a currency
// of today, or for one that was withdrawn since 1970, as old purchases have it.
func IsCurrency(code string) bool {
	if code == "" || iso.IsValid(code) {
		return code != ""
	}
	unit, err := past.ParseISO(code) // its list ends in 2017 and includes withdrawn codes
	return err == nil && unit.String() == code
}
