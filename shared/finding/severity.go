package finding

import "slices"

// Rank orders severities: 0 is Error, then come Warning and Info, and then what is
// none of them.
func (s Severity) Rank() int {
	order := []Severity{Error, Warning, Info}
	if place := slices.Index(order, s); place >= 0 {
		return place
	}
	return len(order)
}
