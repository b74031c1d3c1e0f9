package htpasswd

import (
	"bytes"
	"crypto/md5"  //nolint:gosec // Apache's own hashes
	"crypto/sha1" //nolint:gosec // Apache's own hashes
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// maxCost bounds the work that a line of the file can ask of us: each step
// doubles it, and 14 takes about a second.
const maxCost = 14

// cost is that of htpasswd -B. Hashes are slow so that passwords which people
// choose cannot be guessed; ours have 238 random bits, which can't be guessed at
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

// compare reports whether a hash is a password's, and whether it can be told: by
// bcrypt, Apache's own MD5 or SHA-1. Other hashes that Apache and nginx know
// depend on the system's crypt(3), and bcrypt at a high cost would hold the
// function up.
func compare(hash string, password secret.Text) (equal, told bool) {
	equals := func(want string) bool { return subtle.ConstantTimeCompare([]byte(hash), []byte(want)) == 1 }
	if strings.HasPrefix(hash, shaPrefix) {
		sum := sha1.Sum([]byte(password.Reveal())) //nolint:gosec // the form of an existing file
		return equals(shaPrefix + base64.StdEncoding.EncodeToString(sum[:])), true
	}
	if rest, apache := strings.CutPrefix(hash, apr1Prefix); apache {
		salt, _, whole := strings.Cut(rest, "$")
		return whole && len(salt) <= apr1Salt && equals(apr1(password.Reveal(), salt)), whole && len(salt) <= apr1Salt
	}
	work, err := bcrypt.Cost([]byte(hash))
	if err != nil || work > maxCost {
		return false, false
	}
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password.Reveal())) == nil, true
}

// holds reports whether a file gives a user this password, and no other.
func holds(file []byte, username string, password secret.Text) bool {
	held, told := verify(file, username, password)
	return held && told
}

// verify reports whether a file gives a user this password in each of the user's
// lines, and whether all of them can be told.
func verify(file []byte, username string, password secret.Text) (held, told bool) {
	found := hashes(file, username)
	held, told = len(found) > 0, true
	for _, hash := range found {
		equal, known := compare(hash, password)
		held, told = held && equal, told && known
	}
	return held, told
}

const (
	shaPrefix  = "{SHA}"
	apr1Prefix = "$apr1$"
	// apr1Salt is the longest salt, in characters.
	apr1Salt = 8
)

// apr1 is Apache's MD5 hash of a password with its salt (apr, crypto/apr_md5.c,
// apr_md5_encode), the default of htpasswd before version 2.4.
func apr1(password, salt string) string {
	inner := md5.Sum([]byte(password + salt + password)) //nolint:gosec // the form of an existing file
	text := []byte(password + apr1Prefix + salt)
	for left := len(password); left > 0; left -= len(inner) {
		text = append(text, inner[:min(left, len(inner))]...)
	}
	for bits := len(password); bits > 0; bits >>= 1 {
		if bits&1 == 1 {
			text = append(text, 0)
		} else {
			text = append(text, password[0])
		}
	}
	sum := md5.Sum(text) //nolint:gosec // as above
	for round := range 1000 {
		var next []byte
		if round&1 == 1 {
			next = append(next, password...)
		} else {
			next = append(next, sum[:]...)
		}
		if round%3 != 0 {
			next = append(next, salt...)
		}
		if round%7 != 0 {
			next = append(next, password...)
		}
		if round&1 == 1 {
			next = append(next, sum[:]...)
		} else {
			next = append(next, password...)
		}
		sum = md5.Sum(next) //nolint:gosec // as above
	}
	const digits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	encoded := []byte(apr1Prefix + salt + "$")
	write := func(value uint32, count int) {
		for range count {
			encoded = append(encoded, digits[value&0x3f])
			value >>= 6
		}
	}
	for _, triple := range [][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		write(uint32(sum[triple[0]])<<16|uint32(sum[triple[1]])<<8|uint32(sum[triple[2]]), 4)
	}
	write(uint32(sum[11]), 2)
	return string(encoded)
}

// set gives the file with each line of the user made again, or one line more
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
