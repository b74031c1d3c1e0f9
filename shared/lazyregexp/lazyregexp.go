// Package lazyregexp compiles regular expressions when they are first used. A
// function's cold start pays for each that is compiled as a package variable,
// those with large counted repetitions most of all, and most events need few of
// them.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// Regexp is a regular expression that compiles itself. Its methods are those of
// regexp.Regexp.
type Regexp struct{ compiled func() *regexp.Regexp }

// inTest goes by the name that go test gives its binaries, as the standard
// library's own internal/lazyregexp does: importing testing would put it into
// what ships.
var inTest = strings.HasSuffix(strings.TrimSuffix(os.Args[0], ".exe"), ".test")

// New takes an expression as regexp.MustCompile does. In tests it is compiled
// at once, so that a wrong one fails every test of its package.
func New(expression string) Regexp {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
	if inTest {
		compiled()
	}
	return Regexp{compiled}
}

// MatchString reports whether the text holds a match.
func (r Regexp) MatchString(text string) bool { return r.compiled().MatchString(text) }

// FindStringSubmatch gives the leftmost match and its groups, or nil.
func (r Regexp) FindStringSubmatch(text string) []string {
	return r.compiled().FindStringSubmatch(text)
}

// FindStringSubmatchIndex gives the bounds of the leftmost match and its
// groups, or nil.
func (r Regexp) FindStringSubmatchIndex(text string) []int {
	return r.compiled().FindStringSubmatchIndex(text)
}

// ReplaceAllString replaces every match; $1 in the replacement is a group.
func (r Regexp) ReplaceAllString(text, replacement string) string {
	return r.compiled().ReplaceAllString(text, replacement)
}

// Match reports whether the text holds a match.
func (r Regexp) Match(text []byte) bool { return r.compiled().Match(text) }
