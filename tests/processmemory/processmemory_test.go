package processmemory

import (
	"os"
	"os/exec"
	"testing"
)

func TestDescendants(t *testing.T) {
	// The shell waits for cat, and cat until its input is closed.
	shell := exec.Command("/bin/sh", "-c", "cat; true")
	shell.Env = []string{"PATH=/usr/bin:/bin", "SUBJECT=a=b"}
	input, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := shell.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	// Once cat has answered, it runs.
	if _, err := input.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := output.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	found, err := Descendants(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	programs := 0
	for _, process := range found {
		if process.PID == shell.Process.Pid || process.Parent == shell.Process.Pid {
			programs++
			if process.Peak < 100<<10 || process.Peak > 100<<20 || process.Program == "" {
				t.Errorf("%+v", process)
			}
			if subject, other := process.Variable("SUBJECT"), process.Variable("OTHER"); subject != "a=b" || other != "" {
				t.Errorf("its environment has %q and %q", subject, other)
			}
		}
	}
	if programs != 2 {
		t.Errorf("found %d of the shell and its cat among %+v", programs, found)
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	if err := shell.Wait(); err != nil {
		t.Fatal(err)
	}
	if left, err := Descendants(shell.Process.Pid); err != nil || len(left) != 0 {
		t.Errorf("when they have ended: %+v, %v", left, err)
	}
}
