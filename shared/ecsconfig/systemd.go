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

type systemdState int

const (
	beforeName systemdState = iota
	inName
	beforeValue
	inValue
	afterBackslash
	inSingleQuotes
	inDoubleQuotes
	afterQuotedBackslash
	inComment
	afterCommentBackslash
)

// readAsSystemd gives what ecs-init finds in its own environment, because its unit
// has EnvironmentFile=-/etc/ecs/ecs.config. An error means that systemd ignores
// the whole file silently.
//
// The state machine is that of systemd 252, src/basic/env-file.c
// parse_env_file_internal. Versions from 254 on end a comment at its newline
// even after a backslash.
func readAsSystemd(content string) (map[string]string, error) {
	const whitespace = " \t\n\r"
	if strings.IndexByte(content, 0) >= 0 {
		return nil, errSystemdNUL
	}
	environment := map[string]string{}
	// Buffers keep their memory over a Reset, which strings.Builder gives away.
	var name, value bytes.Buffer
	// Where trailing white space begins, -1 for none.
	nameSpace, valueSpace := -1, -1
	invalid := false
	push := func(chompValue bool) {
		n, v := name.String(), value.String()
		if nameSpace >= 0 {
			n = n[:nameSpace]
		}
		if chompValue && valueSpace >= 0 {
			v = v[:valueSpace]
		}
		invalid = invalid || !systemdUTF8(n) || !systemdUTF8(v)
		// A later invalid assignment replaces an earlier valid one before the
		// invalid ones are dropped, but only under the same, hence valid, name.
		if variablename.IsValid(n) { // env_name_is_valid
			environment[n] = v
		}
		name.Reset()
		value.Reset()
	}

	state := beforeName
	for i := range len(content) {
		c := content[i]
		newline := c == '\n' || c == '\r'
		space := strings.IndexByte(whitespace, c) >= 0
		switch state {
		case beforeName:
			if c == '#' || c == ';' {
				state = inComment
			} else if !space {
				state, nameSpace = inName, -1
				name.WriteByte(c)
			}
		case inName:
			switch {
			case newline:
				state = beforeName
				name.Reset()
			case c == '=':
				state, valueSpace = beforeValue, -1
			default:
				if !space {
					nameSpace = -1
				} else if nameSpace < 0 {
					nameSpace = name.Len()
				}
				name.WriteByte(c)
			}
		case beforeValue:
			switch {
			case newline:
				state = beforeName
				push(false)
			case c == '\'':
				state = inSingleQuotes
			case c == '"':
				state = inDoubleQuotes
			case c == '\\':
				state = afterBackslash
			case !space:
				state = inValue
				value.WriteByte(c)
			}
		case inValue:
			switch {
			case newline:
				state = beforeName
				push(true)
			case c == '\\':
				state, valueSpace = afterBackslash, -1
			default:
				if !space {
					valueSpace = -1
				} else if valueSpace < 0 {
					valueSpace = value.Len()
				}
				value.WriteByte(c)
			}
		case afterBackslash:
			state = inValue
			if !newline {
				value.WriteByte(c)
			}
		case inSingleQuotes:
			if c == '\'' {
				state = beforeValue
			} else {
				value.WriteByte(c)
			}
		case inDoubleQuotes:
			switch c {
			case '"':
				state = beforeValue
			case '\\':
				state = afterQuotedBackslash
			default:
				value.WriteByte(c)
			}
		case afterQuotedBackslash:
			state = inDoubleQuotes
			if strings.IndexByte("\"\\`$", c) >= 0 {
				value.WriteByte(c)
			} else if c != '\n' {
				value.WriteByte('\\')
				value.WriteByte(c)
			}
		case inComment:
			if c == '\\' {
				state = afterCommentBackslash
			} else if newline {
				state = beforeName
			}
		case afterCommentBackslash:
			state = inComment
		}
	}
	switch state {
	case beforeValue, inValue, afterBackslash, inSingleQuotes, inDoubleQuotes, afterQuotedBackslash:
		push(state == inValue)
	}
	if invalid {
		return nil, errSystemdInvalidUTF8
	}
	for n, v := range environment {
		if systemdControl(v) {
			delete(environment, n)
		}
	}
	return environment, nil
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
