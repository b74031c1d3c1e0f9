package htpasswd

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"ecsguardrails/shared/secret"
)

// maxCost bounds the work that a line of the file can ask of us: each step
// doubles it, and 14 takes about a second.
const maxCost = 14

// cost is that of htpasswd -B. Hashes are slow so that passwords which people
// choose cannot be guessed; ours have 238 random bits, which nobody guesses at
// any speed. A registry, though, hashes at each request of each pull.
const cost = 5

// line is one line of the file with its end of line.
type line struct{ text, end string }

// split gives the lines of a file; joined again they are the same bytes.
func split(file []byte) []line {
	var lines []line
	for raw := range bytes.Lines(file) {
		text := string(raw)
		end := ""
		for _, ending := range []string{"\r\n", "\n"} {
			if before, ok := strings.CutSuffix(text, ending); ok {
				text, end = before, ending
				break
			}
		}
		lines = append(lines, line{text, end})
	}
	return lines
}

// entry gives a line's user and hash. Blank lines and those that begin with "#"
// have none (distribution, registry/auth/htpasswd/htpasswd.go parseHTPasswd).
func (l line) entry() (username, hash string, ok bool) {
	trimmed := strings.TrimSpace(l.text)
	if strings.HasPrefix(trimmed, "#") {
		return "", "", false
	}
	return strings.Cut(trimmed, ":")
}

// hashes are those of a user: where there are several lines, distribution takes
// the last, nginx the first.
func hashes(file []byte, username string) []string {
	var found []string
	for _, l := range split(file) {
		if name, hash, ok := l.entry(); ok && name == username {
			found = append(found, hash)
		}
	}
	return found
}

// compare reports whether a hash is a password's, and whether it can be told:
// Apache and nginx know other hashes than bcrypt's, which are not read here, and
// nobody waits for one that costs too much.
func compare(hash string, password secret.Text) (equal, told bool) {
	work, err := bcrypt.Cost([]byte(hash))
	if err != nil || work > maxCost {
		return false, false
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password.Reveal())) == nil, true
}

// holds reports whether a file gives a user this password, and no other.
func holds(file []byte, username string, password secret.Text) bool {
	found := hashes(file, username)
	return len(found) > 0 && !slices.ContainsFunc(found, func(hash string) bool {
		equal, _ := compare(hash, password)
		return !equal
	})
}

// mayHold reports whether a file may give a user this password: it has the user,
// and no hash that is told to be another password's.
func mayHold(file []byte, username string, password secret.Text) bool {
	found := hashes(file, username)
	return len(found) > 0 && !slices.ContainsFunc(found, func(hash string) bool {
		equal, told := compare(hash, password)
		return told && !equal
	})
}

// set gives the file with each line of the user made anew, or one line more
// where there is none. All else stays, byte for byte.
func set(file []byte, username, hash string) []byte {
	lines := split(file)
	text := username + ":" + hash
	found := false
	for i, l := range lines {
		if name, _, ok := l.entry(); ok && name == username {
			lines[i].text = text
			found = true
		}
	}
	if !found {
		end := "\n"
		if len(lines) > 0 && lines[0].end != "" {
			end = lines[0].end
		}
		if last := len(lines) - 1; last >= 0 && lines[last].end == "" {
			lines[last].end = end
		}
		lines = append(lines, line{text, end})
	}
	var out bytes.Buffer
	for _, l := range lines {
		out.WriteString(l.text)
		out.WriteString(l.end)
	}
	return out.Bytes()
}

// hash gives what the file holds of a password, in the form that htpasswd -B
// writes: Apache and nginx know bcrypt best by "$2y$", which is the same
// algorithm as Go's "$2a$", and distribution takes nothing but bcrypt.
func hash(password secret.Text) (string, error) {
	hashed, err := bcrypt.GenerateFromPassword([]byte(password.Reveal()), cost)
	if err != nil {
		return "", fmt.Errorf("hash the password for the htpasswd file: %w", err)
	}
	return "$2y$" + strings.TrimPrefix(string(hashed), "$2a$"), nil
}
