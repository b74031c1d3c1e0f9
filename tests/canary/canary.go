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
// in any text by chance.
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
	// whole secrets by their text, parts by PartLength bytes of an encoding, or
	// hexPartLength digits; the values say what they are of.
	whole    map[string]string
	parts    map[[PartLength]byte]string
	hexParts map[[hexPartLength]byte]string
}

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
		s.parts, s.hexParts = map[[PartLength]byte]string{}, map[[hexPartLength]byte]string{}
	}
	for _, text := range encodings(secret) {
		for at := range len(text) - PartLength + 1 {
			s.parts[[PartLength]byte([]byte(text[at:at+PartLength]))] = what
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
	for _, text := range append(encodings(secret), hex.EncodeToString([]byte(secret))) {
		s.whole[text] = what
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
	for _, what := range s.parts {
		planted[what] = true
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
			if what, ok := s.parts[[PartLength]byte([]byte(rest[:PartLength]))]; ok {
				note(what, at)
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

// encodings are the ways in which a secret may be written, but for the
// hexadecimal one. Base64 depends on where the secret stands in what is encoded:
// its bytes fall into groups of three, of which only the whole ones report the
// secret alone.
func encodings(secret string) []string {
	texts := []string{secret, url.QueryEscape(secret), url.PathEscape(secret), html.EscapeString(secret)}
	for _, escape := range []bool{false, true} {
		var quoted strings.Builder
		encoder := json.NewEncoder(&quoted)
		encoder.SetEscapeHTML(escape)
		// A string is always encoded.
		_ = encoder.Encode(secret)
		once := strings.Trim(strings.TrimSuffix(quoted.String(), "\n"), `"`)
		twice, _ := json.Marshal(once)
		texts = append(texts, once, string(twice[1:len(twice)-1]))
	}
	for skip := range min(3, len(secret)) {
		groups := (len(secret) - skip) / 3 * 3
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			texts = append(texts, encoding.EncodeToString([]byte(secret[skip:skip+groups])))
		}
	}
	texts = slices.DeleteFunc(texts, func(text string) bool { return len(text) < PartLength })
	slices.Sort(texts)
	return slices.Compact(texts)
}
