package ecsconfig

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"ecsguardrails/shared/secret"
)

// RefusalError is why docker run --env-file does not start the container. It
// shows nothing of the line.
type RefusalError struct {
	Line   int // 1-based
	Reason string
}

func (e *RefusalError) Error() string {
	return fmt.Sprintf("docker run --env-file refuses line %d: %s", e.Line, e.Reason)
}

// DockerRun gives what docker run --env-file hands to the agent's container
// where the agent was installed by hand, or a [RefusalError] (docker/cli
// pkg/kvfile parseKeyValueFile). A line without '=' takes the value from the
// caller's environment; this package can't know it and leaves it out.
func (f File) DockerRun() (map[string]secret.Text, error) {
	environment := map[string]secret.Text{}
	scanner := bufio.NewScanner(strings.NewReader(f.content.Reveal()))
	number := 0
	for scanner.Scan() {
		number++
		text := scanner.Bytes()
		if number == 1 {
			text = bytes.TrimPrefix(text, []byte(byteOrderMark))
		}
		if reason := dockerRunRefusal(text); reason != "" {
			return nil, &RefusalError{Line: number, Reason: reason}
		}
		text = bytes.TrimLeftFunc(text, unicode.IsSpace)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if name, value, assigned := bytes.Cut(text, []byte("=")); assigned {
			environment[string(name)] = secret.New(string(value))
		}
	}
	if scanner.Err() != nil {
		return nil, &RefusalError{Line: number + 1, Reason: tooLongForDockerRun}
	}
	return environment, nil
}

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
