// Package wildcard compares names with patterns in which * is any text. Every
// other character stands for itself, in its case.
package wildcard

import "strings"

// Match compares a text with a pattern, in linear time for one *, and in at most
// their product for more.
func Match(pattern, text string) bool {
	first, rest, open := strings.Cut(pattern, "*")
	if !open {
		return pattern == text
	}
	text, begins := strings.CutPrefix(text, first)
	if !begins {
		return false
	}
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, part := range parts[:len(parts)-1] {
		// The first place where a part fits leaves most for the others.
		_, after, found := strings.Cut(text, part)
		if !found {
			return false
		}
		text = after
	}
	return strings.HasSuffix(text, last)
}

// MatchAny compares a text with several patterns.
func MatchAny(patterns []string, text string) bool {
	for _, pattern := range patterns {
		if Match(pattern, text) {
			return true
		}
	}
	return false
}
