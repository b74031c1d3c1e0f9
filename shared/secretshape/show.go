package secretshape

import (
	"fmt"

	"strings"
	"unicode/utf8"

	"ecsguardrails/shared/lazyregexp"
)

// Show gives a text for a message if it is what it should be and no credential
// is in it. Otherwise it says what kind of thing stands there, in words that can
// follow "it is": a secret that was filled into the wrong field must not appear
// in a report.
func Show(text string, isWhatItShouldBe func(string) bool) string {
	if isWhatItShouldBe(text) && Find(text) == "" && !isJSON(text) {
		return fmt.Sprintf("%q", text)
	}
	return Describe(text)
}

// Describe says what kind of thing a text looks like, and nothing of what is in
// it but its length.
func Describe(text string) string {
	trimmed := strings.TrimSpace(text)
	switch {
	case text == "":
		return "empty"
	case trimmed == "":
		return "white space"
	case !utf8.ValidString(text):
		return fmt.Sprintf("%d bytes that are no text", len(text))
	}
	length := utf8.RuneCountInString(text)
	switch shape := Find(text); {
	case shape != "":
		return fmt.Sprintf("%d characters that look like %s", length, shape)
	case isJSON(trimmed):
		return fmt.Sprintf("JSON of %d characters", length)
	case strings.HasPrefix(trimmed, "arn:"):
		return fmt.Sprintf("an ARN of %d characters in a wrong form", length)
	case strings.Contains(trimmed, "://") && strings.ContainsAny(trimmed, "?@"):
		return fmt.Sprintf("a URL of %d characters with a user name or parameters", length)
	case strings.Contains(trimmed, "://"):
		return fmt.Sprintf("a URL of %d characters", length)
	case strings.ContainsAny(trimmed, "\r\n"):
		return fmt.Sprintf("%d characters on several lines", length)
	default:
		return fmt.Sprintf("%d characters", length)
	}
}

func isJSON(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || strings.HasPrefix(text, `"`)
}

// The things that fields of ECS, IAM, S3 and Secrets Manager hold, for Show.
var (
	arnForm        = lazyregexp.New(`^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:(\d{12}|aws)?:[A-Za-z0-9_+=,.@:/*-]{1,1000}$`)
	secretARN      = lazyregexp.New(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}(:[A-Za-z0-9_-]{0,128}){0,3}$`)
	parameterARN   = lazyregexp.New(`^arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter/[A-Za-z0-9_.\-/]{1,1000}$`)
	nameForm       = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_+=,.@-]{0,127}$`)
	bucketAddress  = lazyregexp.New(`^(s3://|arn:aws[a-z-]*:s3:::)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9!_.*'()/ =+:,$~-]{1,1000}$`)
	imageReference = lazyregexp.New(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?/)?[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
)

// IsARN reports whether a text is an ARN.
func IsARN(text string) bool { return arnForm.MatchString(text) }

// IsSecretARN reports whether a text is the ARN of a secret, with a JSON key,
// stage and version id or without.
func IsSecretARN(text string) bool { return secretARN.MatchString(text) }

// IsSecretReference reports whether a text is what secrets[].valueFrom holds: the
// ARN of a secret or of a parameter.
func IsSecretReference(text string) bool {
	return secretARN.MatchString(text) || parameterARN.MatchString(text)
}

// IsName reports whether a text is the name of a role, family, cluster or the
// like, and no generated word.
func IsName(text string) bool { return nameForm.MatchString(text) && !IsGenerated(text) }

// IsObjectAddress reports whether a text is s3://bucket/key or an object's ARN.
func IsObjectAddress(text string) bool { return bucketAddress.MatchString(text) }

// IsImage reports whether a text is an image's reference.
func IsImage(text string) bool { return len(text) <= 512 && imageReference.MatchString(text) }

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
	_, changes := turns(joined)
	return len(joined) >= 20 && 100*changes > 45*len(joined)
}

var between = strings.NewReplacer("+", "", "/", "", "=", "")

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
