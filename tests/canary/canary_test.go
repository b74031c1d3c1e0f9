package canary

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

func TestSearchFindsEveryEncoding(t *testing.T) {
	const quoted = "QZ4RTLW7\"K2\\M<5X&V>3N8PJ/6H+Y9C"
	for _, secret := range []string{Text(), quoted} {
		marshalled, err := json.Marshal(map[string]string{"password": secret})
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(string(marshalled))
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{
			"whole":             "password=" + secret + " end",
			"first part":        "x" + secret[:PartLength] + "y",
			"last part":         "x" + secret[len(secret)-PartLength:],
			"JSON":              string(marshalled),
			"JSON in JSON":      string(again),
			"in a query":        "a=1&b=" + url.QueryEscape(secret),
			"in a path":         "/a/" + url.PathEscape(secret),
			"in hexadecimal":    fmt.Sprintf("%x", secret),
			"a part of that":    fmt.Sprintf("%x", secret[3:3+PartLength]),
			"part of an answer": html.EscapeString(secret[5:25]),
			"part of JSON":      string(again[len(again)/2-18 : len(again)/2+18]),
		}
		for skip := range 4 {
			prefix := strings.Repeat("u", skip) + ":"
			texts[fmt.Sprintf("auth value behind %q", prefix)] = base64.StdEncoding.EncodeToString([]byte(prefix + secret))
			texts[fmt.Sprintf("URL-safe base64 behind %q", prefix)] = base64.RawURLEncoding.EncodeToString([]byte(prefix + secret))
			texts[fmt.Sprintf("base64 of a part behind %q", prefix)] = base64.StdEncoding.EncodeToString([]byte(prefix + secret[3:15]))
		}
		var set Set
		set.Plant("the password", secret)
		for name, text := range texts {
			sightings := set.Search("the log", text)
			if len(sightings) != 1 || sightings[0].Secret != "the password" || sightings[0].Where != "the log" {
				t.Errorf("%s: %v in %s", name, sightings, text)
			}
		}
	}
}

func TestSearchFindsNothingElse(t *testing.T) {
	var set Set
	secret := Text()
	set.Plant("the password", secret)
	set.PlantWhole("a prefix", "rotation-token-canary-")
	for _, text := range []string{
		// Half a part in hexadecimal: digits that may stand in a time.
		"", "short", secret[:PartLength-1], fmt.Sprintf("2026-11-28T18:38:31.%xZ", secret[:PartLength/2]), "rotation-token-canary", "a password that has nothing to do with it",
		Text(), base64.StdEncoding.EncodeToString([]byte(Text())), url.QueryEscape(`{"a":"+/&%"}`),
	} {
		if sightings := set.Search("the log", text); len(sightings) > 0 {
			t.Errorf("%v in %q", sightings, text)
		}
	}
	if sightings := set.Search("the log", `"token":"rotation-token-canary-X"`); len(sightings) != 1 {
		t.Errorf("the prefix was seen %d times", len(sightings))
	}
	if set.Len() != 2 {
		t.Errorf("%d secrets are planted", set.Len())
	}
}

// TestAnEscapedCharacterIsNoPart: an "&" takes six bytes in JSON, so that with one
// character on either side it was a part of eight.
func TestAnEscapedCharacterIsNoPart(t *testing.T) {
	var set Set
	secret := "ABCDEF+GHIJKL/MNOP26&27QRST%UVWXYZ234567ABCDEFGH"
	set.Plant("the password", secret)
	var texts []string
	for at := range secret {
		for end := at + 1; end <= min(len(secret), at+PartLength-1); end++ {
			texts = append(texts, escaped(secret[at:end])...)
		}
	}
	for _, text := range append(texts, `no ] \u0026\u0026 [`, `no ] \\u0026\\u0026 [`, "%26&amp;26%2F") {
		if sightings := set.Search("the log", text); len(sightings) > 0 {
			t.Errorf("%v in %q", sightings, text)
		}
	}
}

func TestASightingDoesNotShowTheSecret(t *testing.T) {
	var set Set
	secret := Text()
	set.Plant("the password", secret)
	sighting := set.Search("the log", "the password is "+secret)[0].String()
	if strings.Contains(sighting, secret[:PartLength]) || !strings.Contains(sighting, "the password is ") {
		t.Errorf("told as %s", sighting)
	}
}
