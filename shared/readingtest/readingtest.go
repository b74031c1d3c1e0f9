// Package readingtest has a package's tests answer what the package reads in a file,
// so that another module can hold it against other readers.
package readingtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Serving is the environment variable that asks a package's tests to answer.
const Serving = "SERVE_READINGS"

// Main answers requests instead of running tests, where [Serving] is set, and then
// ends the process: a line of JSON on standard input, with the reader and the file's
// content, and one on standard output, with the variables or why the reader takes none
// of the file.
func Main(read func(reader string, content []byte) (map[string]secret.Text, error)) {
	if os.Getenv(Serving) == "" {
		return
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
			fail(err)
		}
		var answer struct {
			// Names and values need not be UTF-8.
			Variables [][2][]byte `json:",omitempty"`
			Error     string      `json:",omitempty"`
		}
		environment, err := read(request.Reader, request.Content)
		if err != nil {
			environment, answer.Error = nil, err.Error()
		}
		for name, value := range environment {
			answer.Variables = append(answer.Variables, [2][]byte{[]byte(name), []byte(value.Reveal())})
		}
		if err := output.Encode(answer); err != nil {
			fail(err)
		}
	}
	if err := input.Err(); err != nil {
		fail(err)
	}
	os.Exit(0)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "serving readings:", err)
	os.Exit(1)
}
