package htpasswd

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func TestSetKeepsEveryOtherByte(t *testing.T) {
	tests := map[string]struct{ before, after string }{
		"empty file":              {"", "ci:HASH\n"},
		"another user":            {"ops:$apr1$x\n", "ops:$apr1$x\nci:HASH\n"},
		"no line break at end":    {"ops:x", "ops:x\nci:HASH\n"},
		"windows line breaks":     {"ops:x\r\nci:old\r\n", "ops:x\r\nci:HASH\r\n"},
		"windows, no user yet":    {"ops:x\r\ndev:y", "ops:x\r\ndev:y\r\nci:HASH\r\n"},
		"in the middle":           {"a:1\nci:old\nb:2\n", "a:1\nci:HASH\nb:2\n"},
		"at the end, no break":    {"a:1\nci:old", "a:1\nci:HASH"},
		"twice":                   {"ci:old\na:1\nci:older\n", "ci:HASH\na:1\nci:HASH\n"},
		"comments and blanks":     {"# ci:no\n\n  \n#\nci:old\n", "# ci:no\n\n  \n#\nci:HASH\n"},
		"spaces round the line":   {"  ci:old  \n", "ci:HASH\n"},
		"name that begins alike":  {"ci2:x\ncity:y\n", "ci2:x\ncity:y\nci:HASH\n"},
		"lines that are no entry": {"rubbish\n\xff\xfe\nci:old\n", "rubbish\n\xff\xfe\nci:HASH\n"},
		"upper case is another":   {"CI:x\n", "CI:x\nci:HASH\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := string(set([]byte(test.before), "ci", "HASH")); got != test.after {
				t.Errorf("got %q, want %q", got, test.after)
			}
			if got := string(set([]byte(test.after), "ci", "HASH")); got != test.after {
				t.Errorf("a second time it becomes %q", got)
			}
		})
	}
}

func TestHolds(t *testing.T) {
	password := secret.New("correct horse")
	good, err := hash(password)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := hash(secret.New("other"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(good, "$2y$05$") || bcrypt.CompareHashAndPassword([]byte(good), []byte("correct horse")) != nil {
		t.Errorf("the hash is not one of htpasswd -B")
	}
	expensive := "$2y$31$" + good[7:]
	for file, want := range map[string]bool{
		"ci:" + good:                   true,
		"a:x\r\n ci:" + good + " \r\n": true,
		"ci:" + good + "\nci:" + good:  true,
		"ci:" + good + "\nci:" + bad:   false,
		"ci:" + bad:                    false,
		"ci:plain":                     false,
		"ci:" + expensive:              false,
		"#ci:" + good:                  false,
		"ci2:" + good:                  false,
		"":                             false,
	} {
		if got := holds([]byte(file), "ci", password); got != want {
			t.Errorf("%.20q… holds the password: %v", file, got)
		}
	}
	if _, err := hash(secret.New(strings.Repeat("x", 73))); err == nil {
		t.Error("a password of 73 bytes was cut off to bcrypt's 72")
	}
}

func FuzzSet(f *testing.F) {
	f.Add([]byte("ops:x\r\nci:old\n#c\n"), "ci")
	f.Add([]byte("a"), "b")
	f.Fuzz(func(t *testing.T, file []byte, username string) {
		if strings.TrimSpace(username) != username || username == "" || strings.HasPrefix(username, "#") || strings.ContainsAny(username, ":\r\n") {
			return
		}
		got := set(file, username, "HASH")
		if !bytes.Equal(set(got, username, "HASH"), got) {
			t.Errorf("setting twice is not setting once")
		}
		var before, after []string
		for _, l := range split(file) {
			if name, _, ok := l.entry(); !ok || name != username {
				// A "\r" at the file's very end becomes half of a line's end.
				before = append(before, strings.TrimRight(l.text, "\r"))
			}
		}
		found := false
		for _, l := range split(got) {
			if name, hash, ok := l.entry(); !ok || name != username {
				after = append(after, strings.TrimRight(l.text, "\r"))
			} else {
				found = hash == "HASH"
			}
		}
		if !found || strings.Join(before, "\n") != strings.Join(after, "\n") {
			t.Errorf("from %q came %q", file, got)
		}
	})
}
