// Package variablename says which names of environment variables may be shown.
package variablename

import "strings"

// IsValid is what a shell and systemd take for a name: ASCII letters, digits
// and '_', no digit first.
func IsValid(name string) bool {
	if name == "" || (name[0] >= '0' && name[0] <= '9') {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// IsPublic says that a name may be shown. The second line of a value that was
// broken over two has a "name" too, when it ends in the '=' of base64, and that
// is a part of a secret, as is a token that stands where a name belongs. So the name
// must look like one: words of one case with '_' between, of which none has letters
// and many digits, or one short word.
func IsPublic(name string) bool {
	const longestName, longestWord, longestAlone, mostDigits = 80, 20, 8, 5
	if !IsValid(name) || len(name) > longestName || (name != strings.ToUpper(name) && name != strings.ToLower(name)) {
		return false
	}
	words := 0
	for word := range strings.SplitSeq(name, "_") {
		digits := countDigits(word)
		if words++; len(word) > longestWord || (word != "" && digits == len(word) && words == 1) || digits > mostDigits && digits < len(word) {
			return false
		}
	}
	return words > 1 || len(name) <= longestAlone
}

func countDigits(word string) (count int) {
	for i := range len(word) {
		if word[i] >= '0' && word[i] <= '9' {
			count++
		}
	}
	return count
}
