// Package canary looks for planted secrets in what leaves the system: whole, in
// part, and in the encodings in which text travels.
package canary

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// PartLength is how many bytes of a secret in a row count as shown. Fewer stand
// in any text by chance. They are the secret's own: of an encoding's bytes, six
// may be one escaped character.
const PartLength = 8

// hexPartLength is how many hexadecimal digits in a row do: those of PartLength
// bytes. Half as many are mostly decimal ones, for a letter is 41 to 5a, and stand
// in any list of times.
const hexPartLength = 2 * PartLength

// Text returns a secret to plant: random, so that no part of it stands anywhere
// by chance, and with characters that encodings change, each for itself, so that
// they make no part alone.
func Text() string {
	random := rand.Text()
	return random[:6] + "+" + random[6:12] + "/" + random[12:18] + "&" + random[18:24] + "%" + rand.Text()
}

// Set holds planted secrets. It is safe for use by several goroutines.
type Set struct {
	mutex sync.Mutex
	// whole secrets by their text, encoded parts by their first PartLength bytes,
	// hexadecimal ones by all their digits; the values say what they are of.
	whole    map[string]string
	parts    map[[PartLength]byte][]part
	hexParts map[[hexPartLength]byte]string
}

// part is a part of a secret in an encoding.
type part struct{ text, of string }

// Sighting is a secret that was found.
type Sighting struct {
	// Secret says what was planted, Where what was searched.
	Secret, Where string
	// Before is what stands in front of it.
	Before string
}

// String tells the sighting without the secret.
func (s Sighting) String() string {
	return fmt.Sprintf("%s shows %s, after %q", s.Where, s.Secret, s.Before)
}

// Plant notes a secret that consists of random text alone: every part of it
// counts.
func (s *Set) Plant(what, secret string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.parts == nil {
		s.parts, s.hexParts = map[[PartLength]byte][]part{}, map[[hexPartLength]byte]string{}
	}
	plant := func(text string) {
		first := [PartLength]byte([]byte(text))
		if !slices.ContainsFunc(s.parts[first], func(part part) bool { return part.text == text }) {
			s.parts[first] = append(s.parts[first], part{text, what})
		}
	}
	for at := range max(0, len(secret)-PartLength+1) {
		for _, text := range escaped(secret[at : at+PartLength]) {
			plant(text)
		}
	}
	for _, text := range inBase64(secret) {
		for at := range max(0, len(text)-PartLength+1) {
			plant(text[at : at+PartLength])
		}
	}
	digits := hex.EncodeToString([]byte(secret))
	for at := range max(0, len(digits)-hexPartLength+1) {
		s.hexParts[[hexPartLength]byte([]byte(digits[at:at+hexPartLength]))] = what
	}
}

// PlantWhole notes a text whose parts are ordinary words: it counts as a whole.
func (s *Set) PlantWhole(what, secret string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.whole == nil {
		s.whole = map[string]string{}
	}
	for _, text := range slices.Concat(escaped(secret), inBase64(secret), []string{hex.EncodeToString([]byte(secret))}) {
		if len(text) >= PartLength {
			s.whole[text] = what
		}
	}
}

// Len counts the different things that were planted.
func (s *Set) Len() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	planted := map[string]bool{}
	for _, what := range s.whole {
		planted[what] = true
	}
	for _, parts := range s.parts {
		for _, part := range parts {
			planted[part.of] = true
		}
	}
	return len(planted)
}

// Search returns the first sighting of each secret.
func (s *Set) Search(where, text string) []Sighting {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var sightings []Sighting
	seen := map[string]bool{}
	note := func(what string, at int) {
		if !seen[what] {
			seen[what] = true
			sightings = append(sightings, Sighting{Secret: what, Where: where, Before: text[max(0, at-before):at]})
		}
	}
	for secret, what := range s.whole {
		if at := strings.Index(text, secret); at >= 0 {
			note(what, at)
		}
	}
	for at := range text {
		rest := text[at:]
		if len(rest) >= PartLength {
			for _, part := range s.parts[[PartLength]byte([]byte(rest[:PartLength]))] {
				if strings.HasPrefix(rest, part.text) {
					note(part.of, at)
				}
			}
		}
		if len(rest) >= hexPartLength {
			if what, ok := s.hexParts[[hexPartLength]byte([]byte(rest[:hexPartLength]))]; ok {
				note(what, at)
			}
		}
	}
	return sightings
}

// before is how much of the text in front of a sighting is shown.
const before = 120

// escaped returns a text as it is, and as it stands in addresses, in HTML, in JSON
// and in JSON within JSON.
func escaped(text string) []string {
	texts := []string{text, url.QueryEscape(text), url.PathEscape(text), html.EscapeString(text)}
	for _, escape := range []bool{false, true} {
		var quoted strings.Builder
		encoder := json.NewEncoder(&quoted)
		encoder.SetEscapeHTML(escape)
		// A string is always encoded.
		_ = encoder.Encode(text)
		once := strings.Trim(strings.TrimSuffix(quoted.String(), "\n"), `"`)
		twice, _ := json.Marshal(once)
		texts = append(texts, once, string(twice[1:len(twice)-1]))
	}
	return texts
}

// inBase64 returns what a text may look like in it, which depends on where the text
// stands in what is encoded: its bytes fall into groups of three, of which only the
// whole ones show the text alone.
func inBase64(text string) (texts []string) {
	for skip := range min(3, len(text)) {
		groups := (len(text) - skip) / 3 * 3
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			texts = append(texts, encoding.EncodeToString([]byte(text[skip:skip+groups])))
		}
	}
	return texts
}
