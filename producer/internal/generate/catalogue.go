package generate

// countries are where users live, with their part of all users: most at home,
// as the shop of the sample has it.
var countries = []struct {
	name string
	part float64
}{
	{"United Kingdom", 0.62},
	{"Germany", 0.11},
	{"France", 0.09},
	{"Ireland", 0.06},
	{"Spain", 0.04},
	{"Netherlands", 0.03},
	{"Belgium", 0.02},
	{"Portugal", 0.02},
	{"Australia", 0.01},
}

// country picks by a number in [0, 1).
func country(at float64) string {
	for _, c := range countries[:len(countries)-1] {
		if at < c.part {
			return c.name
		}
		at -= c.part
	}
	return countries[len(countries)-1].name
}

var (
	adjectives = []string{"Blue", "Red", "Green", "White", "Vintage", "Striped", "Wooden", "Small", "Large", "Folding",
		"Hand-made", "Enamel"}
	nouns = []string{"Mug", "Lantern", "Tea Towel", "Cake Stand", "Photo Frame", "Lunch Box", "Candle", "Umbrella",
		"Clock", "Bunting", "Teapot"}
)

// itemName differs for the first 132 items, and repeats after that as shops'
// names do.
func itemName(item int) string {
	return adjectives[item%len(adjectives)] + " " + nouns[item%len(nouns)]
}
