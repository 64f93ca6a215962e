package purchase_test

import (
	"testing"

	"purchases/producer/purchase"
)

func TestCurrencies(t *testing.T) {
	for _, code := range []string{
		"EUR", "GBP", "USD", "JPY", "XAU", "XXX", // older than any list
		"MRU", "STN", "UYW", "VED", "VES", "SLE", "XAD", "ZWG", "XCG", // since 2017
		"DEM", "FRF", "HRK", "BGN", "ANG", "ZWL", "SLL", // withdrawn since 1970
	} {
		if !purchase.IsCurrency(code) {
			t.Errorf("%s is no currency", code)
		}
	}
	for _, code := range []string{"", "eur", "EU", "EURO", "QQQ", "€", "US$", "BTC"} {
		if purchase.IsCurrency(code) {
			t.Errorf("%q is a currency", code)
		}
	}
}
