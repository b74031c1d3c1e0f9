package ecsconfig

import (
	"bufio"
	"bytes"
	"unicode"
	"unicode/utf8"
)

const tooLongForDockerRun = "it is longer than 64 KiB (bufio.MaxScanTokenSize)"

// dockerRunRefusal says why docker run would refuse a line, "" where it takes
// it. The line comes without its newline and without a byte order mark.
func dockerRunRefusal(text []byte) string {
	if len(text) >= bufio.MaxScanTokenSize {
		return tooLongForDockerRun
	}
	if !utf8.Valid(text) {
		return "it is not UTF-8"
	}
	text = bytes.TrimLeftFunc(text, unicode.IsSpace)
	if len(text) == 0 || text[0] == '#' {
		return ""
	}
	name, _, _ := bytes.Cut(text, []byte("="))
	switch {
	case len(name) == 0:
		return "it has no variable name"
	case bytes.ContainsAny(name, " \t"):
		return "the variable's name contains white space"
	}
	return ""
}
