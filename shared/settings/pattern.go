package settings

import "strings"

// Patterns are names in which * stands for any characters and ? for one. They are
// written with commas or white space between them.
type Patterns []string

// UnmarshalText takes any text: names have no characters that could be wrong here.
func (p *Patterns) UnmarshalText(text []byte) error {
	*p = strings.FieldsFunc(string(text), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
	return nil
}

// Matches reports whether any of the patterns matches the name. Letters' case
// counts.
func (p Patterns) Matches(name string) bool {
	for _, pattern := range p {
		if matches(pattern, name) {
			return true
		}
	}
	return false
}

func matches(pattern, text string) bool {
	// star is where the last * stands, and resume what it was tried to end before.
	p, t, star, resume := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			resume++
			p, t = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
