package agentstart

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
)

// program answers requests: a line of JSON on its standard input, and one on its
// standard output.
type program struct {
	cmd    *exec.Cmd
	input  io.WriteCloser
	output *bufio.Reader
}

func start(cmd *exec.Cmd) (*program, error) {
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return &program{cmd, input, bufio.NewReaderSize(output, 1<<20)}, nil
}

// ask sends a request, and reads the answer to it.
func (p *program) ask(request, answer any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("ask %s: %w", p.cmd.Path, err)
	}
	if _, err := p.input.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s has ended: %w", p.cmd.Path, err)
	}
	if line, err = p.output.ReadBytes('\n'); err != nil {
		return fmt.Errorf("%s has ended: %w", p.cmd.Path, err)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		return fmt.Errorf("understand %s: %w", p.cmd.Path, err)
	}
	return nil
}

// Close ends the program.
func (p *program) Close() error {
	if err := p.input.Close(); err != nil {
		return fmt.Errorf("end %s: %w", p.cmd.Path, err)
	}
	_, _ = io.Copy(io.Discard, p.output)
	return p.cmd.Wait()
}
