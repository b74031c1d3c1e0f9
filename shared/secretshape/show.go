package secretshape

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// nameForm is what a role, a family or a cluster can be called.
var nameForm = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_+=,.@-]{0,127}$`)

// IsName reports whether a text is the name of a role, family, cluster or the
// like, and no generated word.
func IsName(text string) bool { return nameForm.MatchString(text) && !IsGenerated(text) }

// IsGenerated reports whether a text holds a word that a generator of passwords
// makes and people do not: letters and digits that take turns, or 16 to 20
// lower-case letters without the vowels of a word.
func IsGenerated(text string) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isAlphanumeric(r) }) {
		digits, changes := turns(word)
		if len(word) >= 12 && digits >= 4 || len(word) >= 10 && 100*changes > 45*len(word) || len(word) >= 16 && !isPronounceable(word) {
			return true
		}
	}
	// Base64 has "+" and "/" between its words, and AWS's secret keys do.
	joined := between.Replace(text)
	if len(joined) < 20 {
		return false
	}
	// A name's words have "_" and "-" between them, which are no sign of anything.
	joined = separators.Replace(joined)
	_, changes := turns(joined)
	return 100*changes > 45*len(joined)
}

var (
	between    = strings.NewReplacer("+", "", "/", "", "=", "")
	separators = strings.NewReplacer("_", "", "-", "")
)

func isAlphanumeric(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// turns counts how often letters give way to digits or digits to letters, and how
// often the kind (digit, small letter, capital letter) changes at all. In names
// like CamelCase, one letter in three does.
func turns(word string) (digits, changes int) {
	kind := func(b byte) int {
		switch {
		case b >= '0' && b <= '9':
			return 0
		case b >= 'a':
			return 1
		default:
			return 2
		}
	}
	for i := 1; i < len(word); i++ {
		before, now := kind(word[i-1]), kind(word[i])
		if before == now {
			continue
		}
		changes++
		if before == 0 || now == 0 {
			digits++
		}
	}
	return digits, changes
}

// isPronounceable reports whether consonants and vowels take turns as in words:
// no more than five consonants in a row, and at least one vowel in five letters.
func isPronounceable(word string) bool {
	vowels, run := 0, 0
	for _, r := range strings.ToLower(word) {
		switch {
		case strings.ContainsRune("aeiouy", r):
			vowels++
			run = 0
		case r >= '0' && r <= '9':
			run = 0
		default:
			if run++; run > 5 {
				return false
			}
		}
	}
	return 5*vowels >= len(word)
}
