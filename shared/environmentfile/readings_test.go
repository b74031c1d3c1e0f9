package environmentfile

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

// TestServeReadings answers what this package reads in a file to
// tests/agentstart, which holds it against the agent's reader: a JSON request a
// line on standard input, a JSON answer a line on standard output.
func TestServeReadings(t *testing.T) {
	if os.Getenv("SERVE_READINGS") == "" {
		t.Skip("tests/agentstart runs it, to compare the readings with the agent's")
	}
	output := json.NewEncoder(os.Stdout)
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 64<<20)
	for input.Scan() {
		var request struct{ Content []byte }
		if err := json.Unmarshal(input.Bytes(), &request); err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Variables [][2][]byte `json:",omitempty"`
			Error     string      `json:",omitempty"`
		}
		assignments, err := Parse(request.Content)
		if err != nil {
			answer.Error = err.Error()
		}
		last := map[string]int{}
		for _, a := range assignments {
			if place, known := last[a.Name]; known {
				answer.Variables[place][1] = []byte(a.Value.Reveal())
				continue
			}
			last[a.Name] = len(answer.Variables)
			answer.Variables = append(answer.Variables, [2][]byte{[]byte(a.Name), []byte(a.Value.Reveal())})
		}
		if err := output.Encode(answer); err != nil {
			t.Fatal(err)
		}
	}
}
