package agentstart

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/docker/cli/pkg/kvfile"
)

// Reading is what one reader makes of a file.
type Reading struct {
	Variables map[string]string
	// Refused says why it takes none of the file, "" where it does.
	Refused string
	// Settings are what the agent works with, by the variable, as JSON.
	Settings map[string]json.RawMessage
}

// Reader is a program that answers what it reads.
type Reader struct{ *program }

// StartReader starts such a program.
func StartReader(cmd *exec.Cmd) (*Reader, error) {
	started, err := start(cmd)
	if err != nil {
		return nil, err
	}
	return &Reader{started}, nil
}

// Read asks for the reading of a file, or of an environment.
func (r *Reader) Read(reader string, content []byte, environment map[string]string) (Reading, error) {
	var answer struct {
		Variables [][2][]byte
		Settings  map[string]json.RawMessage
		Error     string
	}
	if err := r.ask(map[string]any{"Reader": reader, "Content": content, "Environment": environment}, &answer); err != nil {
		return Reading{}, err
	}
	reading := Reading{Variables: map[string]string{}, Refused: answer.Error, Settings: answer.Settings}
	for _, pair := range answer.Variables {
		reading.Variables[string(pair[0])] = string(pair[1])
	}
	return reading, nil
}

// DockerRun reads a file as docker run --env-file does, with Docker's own code.
func DockerRun(content []byte) Reading {
	lines, err := kvfile.ParseFromReader(bytes.NewReader(content), nil)
	reading := Reading{Variables: map[string]string{}}
	if err != nil {
		reading.Refused = err.Error()
		return reading
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		reading.Variables[name] = value
	}
	return reading
}

// systemdGenerator prints what systemd reads in environment.d, with the parser
// of EnvironmentFile=.
const systemdGenerator = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator"

// Systemd is the installed systemd's reader of environment files.
type Systemd struct {
	directory string
	ours      map[string]string // of the machine's own files
}

// NewSystemd finds it. Versions from 254 on end a comment at its newline even
// after a backslash, so they are no measure for Amazon Linux 2023, which has 252.
func NewSystemd(directory string) (*Systemd, error) {
	output, err := exec.Command("systemctl", "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("find systemd: %w", err)
	}
	var version int
	if _, err := fmt.Sscanf(string(output), "systemd %d", &version); err != nil {
		return nil, fmt.Errorf("find systemd's version: %w", err)
	}
	if version < 250 || version > 253 {
		return nil, fmt.Errorf("systemd %d is installed: another one than Amazon Linux has reads comments in another way", version)
	}
	if _, err := os.Stat(systemdGenerator); err != nil {
		return nil, fmt.Errorf("find systemd's reader: %w", err)
	}
	s := &Systemd{directory: directory}
	if err := os.MkdirAll(filepath.Join(directory, "environment.d"), 0o755); err != nil {
		return nil, err
	}
	reading, err := s.Read(nil)
	if err != nil || reading.Refused != "" {
		return nil, fmt.Errorf("read an empty file: %w %s", err, reading.Refused)
	}
	s.ours = reading.Variables
	return s, nil
}

// CanRead says that the file has nothing that environment.d reads in another way
// than EnvironmentFile=: there variables are expanded, and a name is looked at
// before its bytes are.
func (s *Systemd) CanRead(content []byte) bool {
	for name := range s.ours {
		if bytes.Contains(content, []byte(name)) {
			return false
		}
	}
	isNoCharacter := func(r rune) bool { return r >= 0xFDD0 && r <= 0xFDEF || r&0xFFFE == 0xFFFE }
	return utf8.Valid(content) && !bytes.ContainsFunc(content, isNoCharacter) && !bytes.ContainsAny(content, "$\x00")
}

// Read reads a file. Values that no environment may hold are left out, as
// systemd does it for EnvironmentFile= after it has read the file.
func (s *Systemd) Read(content []byte) (Reading, error) {
	if err := os.WriteFile(filepath.Join(s.directory, "environment.d", "zz.conf"), content, 0o644); err != nil {
		return Reading{}, err
	}
	cmd := exec.Command(systemdGenerator)
	cmd.Env = []string{"XDG_CONFIG_HOME=" + s.directory}
	output, err := cmd.Output()
	reading := Reading{Variables: map[string]string{}}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		reading.Refused = string(exit.Stderr)
		return reading, nil
	case err != nil:
		return Reading{}, err
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(output), "\n"), "\n") {
		name, quoted, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		value, err := unquoteShell(quoted)
		if err != nil {
			return Reading{}, fmt.Errorf("understand systemd's %q: %w", line, err)
		}
		if !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' || r == 0x7f }) {
			reading.Variables[name] = value
		}
	}
	for name := range s.ours {
		delete(reading.Variables, name)
	}
	return reading, nil
}

// unquoteShell undoes systemd's shell_maybe_quote.
func unquoteShell(text string) (string, error) {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text, nil
	}
	var value strings.Builder
	for rest := text[1 : len(text)-1]; rest != ""; {
		if rest[0] != '\\' {
			value.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		if len(rest) < 2 {
			return "", errors.New("a backslash at the end")
		}
		if letter := strings.IndexByte("abfnrtv", rest[1]); letter >= 0 {
			value.WriteByte("\a\b\f\n\r\t\v"[letter])
			rest = rest[2:]
			continue
		}
		if rest[1] < '0' || rest[1] > '7' {
			value.WriteByte(rest[1])
			rest = rest[2:]
			continue
		}
		if len(rest) < 4 {
			return "", errors.New("an octal number at the end")
		}
		number, err := strconv.ParseUint(rest[1:4], 8, 8)
		if err != nil {
			return "", err
		}
		value.WriteByte(byte(number))
		rest = rest[4:]
	}
	return value.String(), nil
}
