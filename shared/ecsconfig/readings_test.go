package ecsconfig_test

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// TestServeReadings answers what this package reads in a file, whole, to
// tests/agentstart, which holds it against the real readers: a JSON request a
// line on standard input, a JSON answer a line on standard output.
func TestServeReadings(t *testing.T) {
	if os.Getenv("SERVE_READINGS") == "" {
		t.Skip("tests/agentstart runs it, to compare the readings with those of the real readers")
	}
	output := json.NewEncoder(os.Stdout)
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 64<<20)
	for input.Scan() {
		var request struct {
			Reader  string
			Content []byte
		}
		if err := json.Unmarshal(input.Bytes(), &request); err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Variables [][2][]byte `json:",omitempty"`
			Error     string      `json:",omitempty"`
		}
		file := ecsconfig.Parse(request.Content)
		environment, err := file.Environment(), error(nil)
		switch request.Reader {
		case "systemd":
			environment, err = file.Systemd()
		case "docker run":
			environment, err = file.DockerRun()
		}
		if err != nil {
			environment, answer.Error = map[string]secret.Text{}, err.Error()
		}
		for name, value := range environment {
			answer.Variables = append(answer.Variables, [2][]byte{[]byte(name), []byte(value.Reveal())})
		}
		if err := output.Encode(answer); err != nil {
			t.Fatal(err)
		}
	}
}
