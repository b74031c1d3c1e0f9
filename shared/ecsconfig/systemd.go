package ecsconfig

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/ecs-guardrails/ecs-guardrails/shared/variablename"
)

// Why systemd ignores the whole file, which the leading '-' of
// EnvironmentFile=-/etc/ecs/ecs.config makes silent.
var (
	errSystemdNUL         = errors.New("systemd refuses a file with a NUL byte (src/basic/fileio.c)")
	errSystemdInvalidUTF8 = errors.New("systemd refuses a file with an assignment that is not UTF-8 (src/basic/env-file.c check_utf8ness_and_warn)")
)

// readAsSystemd gives what ecs-init finds in its own environment of the names
// that are wanted, because its unit has EnvironmentFile=-/etc/ecs/ecs.config. An
// error means that systemd ignores
// the whole file silently.
//
// It reads as the state machine of systemd 252 does, src/basic/env-file.c
// parse_env_file_internal. Versions from 254 on end a comment at its newline
// even after a backslash.
func readAsSystemd(content string, isWanted func(name string) bool) (map[string]string, error) {
	if strings.IndexByte(content, 0) >= 0 {
		return nil, errSystemdNUL
	}
	environment := map[string]string{}
	ascii := isASCII(content)
	reader := systemdReader{content: content}
	for {
		name, value, ok := reader.next()
		if !ok {
			break
		}
		if !ascii && (!systemdUTF8(name) || !systemdUTF8(value)) {
			return nil, errSystemdInvalidUTF8
		}
		// A later invalid assignment replaces an earlier valid one before the
		// invalid ones are dropped, but only under the same, hence valid, name.
		if isWanted(name) && variablename.IsValid(name) { // env_name_is_valid
			environment[name] = value
		}
	}
	for n, v := range environment {
		if systemdControl(v) {
			delete(environment, n)
		}
	}
	return environment, nil
}

func isSystemdBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func trimRightBlanks(text string) string {
	for text != "" && isSystemdBlank(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

// systemdReader reads the assignments of a file one after the other.
type systemdReader struct {
	content string
	offset  int // what comes next
	newline int // the first newline from at on, the end for none; behind at where it is not known
	buffer  bytes.Buffer
}

// lineEnd is where the line at the reader's place ends: systemd takes a carriage
// return for a newline too.
func (r *systemdReader) lineEnd() int {
	if r.newline <= r.offset {
		r.newline = len(r.content)
		if next := strings.IndexByte(r.content[r.offset:], '\n'); next >= 0 {
			r.newline = r.offset + next
		}
	}
	if carriage := strings.IndexByte(r.content[r.offset:r.newline], '\r'); carriage >= 0 {
		return r.offset + carriage
	}
	return r.newline
}

func (r *systemdReader) next() (name, value string, ok bool) {
	for r.offset < len(r.content) {
		switch c := r.content[r.offset]; {
		case isSystemdBlank(c):
			r.offset++
			continue
		case c == '#' || c == ';':
			r.skipComment()
			continue
		}
		end := r.lineEnd()
		// The first byte always belongs to the name.
		equals := strings.IndexByte(r.content[r.offset+1:end], '=')
		if equals < 0 {
			r.offset = end
			continue
		}
		name = trimRightBlanks(r.content[r.offset : r.offset+1+equals])
		r.offset += 1 + equals + 1
		plain := r.content[r.offset:end]
		for plain != "" && isSystemdBlank(plain[0]) {
			plain = plain[1:]
		}
		if plain != "" && plain[0] != '\'' && plain[0] != '"' && strings.IndexByte(plain, '\\') < 0 {
			r.offset = end
			return name, trimRightBlanks(plain), true
		}
		return name, r.quotedValue(), true
	}
	return "", "", false
}

// skipComment goes to the end of a comment, which a backslash carries over a
// newline.
func (r *systemdReader) skipComment() {
	for r.offset < len(r.content) {
		switch r.content[r.offset] {
		case '\n', '\r':
			return
		case '\\':
			r.offset++
		}
		r.offset++
	}
}

// quotedValue reads a value with quotes or backslashes: pieces in quotes first,
// then text without.
func (r *systemdReader) quotedValue() string {
	r.buffer.Reset()
	for r.offset < len(r.content) {
		c := r.content[r.offset]
		switch {
		case c == '\n' || c == '\r':
			return r.buffer.String()
		case c == '\'':
			r.offset++
			r.singleQuotes()
		case c == '"':
			r.offset++
			r.doubleQuotes()
		case isSystemdBlank(c):
			r.offset++
		default:
			return r.unquoted()
		}
	}
	return r.buffer.String()
}

func (r *systemdReader) singleQuotes() {
	rest := r.content[r.offset:]
	end := strings.IndexByte(rest, '\'')
	if end < 0 {
		end = len(rest)
	}
	r.buffer.WriteString(rest[:end])
	r.offset += end + 1
}

func (r *systemdReader) doubleQuotes() {
	for r.offset < len(r.content) {
		c := r.content[r.offset]
		r.offset++
		switch {
		case c == '"':
			return
		case c != '\\':
			r.buffer.WriteByte(c)
		case r.offset < len(r.content):
			escaped := r.content[r.offset]
			r.offset++
			if strings.IndexByte("\"\\`$", escaped) >= 0 {
				r.buffer.WriteByte(escaped)
			} else if escaped != '\n' {
				r.buffer.WriteByte('\\')
				r.buffer.WriteByte(escaped)
			}
		}
	}
}

// unquoted reads to the end of the line, over newlines that have a backslash,
// and drops the blanks at the end.
func (r *systemdReader) unquoted() string {
	kept := r.buffer.Len() // what no blank at the end belongs to
	for r.offset < len(r.content) {
		c := r.content[r.offset]
		if c == '\n' || c == '\r' {
			break
		}
		r.offset++
		if c != '\\' {
			r.buffer.WriteByte(c)
			if c != ' ' && c != '\t' {
				kept = r.buffer.Len()
			}
			continue
		}
		if r.offset < len(r.content) {
			escaped := r.content[r.offset]
			r.offset++
			if escaped != '\n' && escaped != '\r' {
				r.buffer.WriteByte(escaped)
			}
		}
		kept = r.buffer.Len()
	}
	return r.buffer.String()[:kept]
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// systemdControl is string_has_cc(value, "\t\n"), which makes
// env_value_is_valid refuse the value.
func systemdControl(value string) bool {
	for i := range len(value) {
		if c := value[i]; (c < ' ' && c != '\t' && c != '\n') || c == 0x7f {
			return true
		}
	}
	return false
}

// systemdUTF8 is utf8_is_valid, which refuses noncharacters too.
func systemdUTF8(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if (r >= 0xFDD0 && r <= 0xFDEF) || r&0xFFFE == 0xFFFE {
			return false
		}
	}
	return true
}
