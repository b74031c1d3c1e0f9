package ecsconfig

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// What follows is what the readers of a file see of it, whole. The package itself
// needs single values, and what the readers refuse.

// Judge judges a file in one call.
func Judge(content []byte) []finding.Finding { return Parse(content).Judge() }

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

// Environment is what the file adds to the agent's container, over ecs-init's
// own defaults. Where a name is set twice, the last one counts.
func (f File) Environment() map[string]secret.Text {
	environment := make(map[string]secret.Text, len(f.Assignments))
	for _, a := range f.Assignments {
		environment[a.Name] = a.Value
	}
	return environment
}

// Effective gives the setting of every variable that works on Linux, in the
// order of [Catalogue].
func (f File) Effective() []Setting {
	j := newJudge(f)
	settings := make([]Setting, 0, len(catalogue))
	for i := range catalogue {
		v := &catalogue[i]
		if v.Platform == WindowsOnly || v.Reader == NoReader {
			continue
		}
		settings = append(settings, j.setting(v))
	}
	return settings
}

// Systemd gives what ecs-init finds in its own environment, because its unit
// has EnvironmentFile=-/etc/ecs/ecs.config. An error means that systemd ignores
// the whole file silently.
func (f File) Systemd() (map[string]secret.Text, error) {
	read, err := readAsSystemd(f.content.Reveal(), func(string) bool { return true })
	if err != nil {
		return nil, err
	}
	environment := make(map[string]secret.Text, len(read))
	for name, value := range read {
		environment[name] = secret.New(value)
	}
	return environment, nil
}

// Mounts and LogLevels let the test of the facts see the tables.
var (
	LogLevels = logLevels
	Mounts    = func() []string {
		var found []string
		for _, m := range mounts {
			text := m.host + ":" + m.container
			if m.readOnly {
				text += ":ro"
			}
			found = append(found, text)
		}
		return found
	}
)
