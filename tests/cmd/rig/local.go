package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// localName is the name of the stack that make local runs.
const localName = "local"

// said is one line from the process that serves the stack to the one that
// waits for it.
type said struct {
	Progress string `json:"progress,omitempty"`
	Error    string `json:"error,omitempty"`
	Ready    bool   `json:"ready,omitempty"`
	// Busy says that another process runs the stack already.
	Busy  bool     `json:"busy,omitempty"`
	Shell []string `json:"shell,omitempty"`
}

// shellFile keeps the shell lines of a stack that is ready.
func shellFile(checkout string) string {
	return filepath.Join(checkout, ".local", "run", localName, "shell")
}

// up starts the stack in its own process unless it runs, and prints the
// shell lines. That process ends itself when this one goes before it is ready.
func up(ctx context.Context, checkout, template string) error {
	owner, err := stack.Owner(checkout, localName)
	if err != nil {
		return err
	}
	if owner != 0 {
		fmt.Fprintln(os.Stderr, "the local stack runs already; make local-down stops it")
		return printWhenReady(ctx, checkout)
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	listen, speak, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("preparing the stack's process: %w", err)
	}
	defer listen.Close()
	watched, life, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("preparing the stack's process: %w", err)
	}
	defer life.Close()
	arguments := []string{"serve"}
	if template != "" {
		absolute, err := filepath.Abs(template)
		if err != nil {
			return fmt.Errorf("finding the template: %w", err)
		}
		arguments = append(arguments, "-template", absolute)
	}
	server := exec.Command(program, arguments...)
	server.Dir = checkout
	server.ExtraFiles = []*os.File{speak, watched}
	// A session of its own: it stays when this terminal closes.
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting the stack's process: %w", err)
	}
	_ = speak.Close()
	_ = watched.Close()
	stopped := context.AfterFunc(ctx, func() { _ = server.Process.Signal(syscall.SIGTERM) })
	defer stopped()
	return follow(ctx, checkout, server, listen)
}

func follow(ctx context.Context, checkout string, server *exec.Cmd, listen io.Reader) error {
	lines := bufio.NewScanner(listen)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line said
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return fmt.Errorf("reading from the stack's process: %w", err)
		}
		switch {
		case line.Ready:
			for _, shell := range line.Shell {
				fmt.Println(shell)
			}
			return nil
		case line.Busy:
			_ = server.Wait()
			return printWhenReady(ctx, checkout)
		case line.Error != "":
			_ = server.Wait()
			if ctx.Err() != nil {
				return errors.New("interrupted; everything that was started is stopped")
			}
			return errors.New(line.Error)
		}
		fmt.Fprint(os.Stderr, line.Progress)
	}
	err := server.Wait()
	return fmt.Errorf("the stack's process ended without a word (%w)", err)
}

// printWhenReady waits for a stack that another up is starting.
func printWhenReady(ctx context.Context, checkout string) error {
	var lines []byte
	err := patience.Poll(ctx, "the local stack is ready", func(context.Context) (bool, error) {
		var readErr error
		if lines, readErr = os.ReadFile(shellFile(checkout)); readErr == nil {
			return true, nil
		}
		owner, err := stack.Owner(checkout, localName)
		return owner == 0, err
	})
	if err != nil {
		return err
	}
	if lines == nil {
		return errors.New("the stack that another make local was starting did not come up")
	}
	_, err = os.Stdout.Write(lines)
	return err
}

// serve runs the stack until it is asked to stop. It speaks through file 3 and
// watches, through file 4, whether a process still waits for it to be ready.
func serve(ctx context.Context, checkout, template string) error {
	speak, life := os.NewFile(3, "progress"), os.NewFile(4, "life")
	if speak == nil || life == nil {
		return errors.New("serve is started by up")
	}
	answer := json.NewEncoder(speak)
	starting, abandon := context.WithCancel(ctx)
	defer abandon()
	go func() {
		_, _ = io.Copy(io.Discard, life)
		abandon()
	}()
	running, err := stack.Start(starting, stack.Options{
		Checkout: checkout,
		Name:     localName,
		Template: template,
		Progress: progress{answer},
	})
	if err != nil {
		return errors.Join(err, answer.Encode(said{Error: err.Error(), Busy: errors.Is(err, stack.ErrInUse)}))
	}
	shell := shellLines(running)
	if err := writeShellFile(checkout, shell); err != nil {
		return errors.Join(err, answer.Encode(said{Error: err.Error()}), running.Stop())
	}
	if err := answer.Encode(said{Ready: true, Shell: shell}); err != nil {
		return errors.Join(err, running.Stop())
	}
	_ = speak.Close()
	select {
	case <-ctx.Done():
	case <-running.Done():
	}
	return running.Stop()
}

type progress struct{ answer *json.Encoder }

func (p progress) Write(text []byte) (int, error) {
	return len(text), p.answer.Encode(said{Progress: string(text)})
}

// shellLines are what a shell evaluates to reach the stack.
func shellLines(running *stack.Stack) []string {
	var lines []string
	for _, variable := range running.Variables() {
		lines = append(lines, "export "+variable.Name+"='"+variable.Value+"'")
	}
	return lines
}

// writeShellFile writes all at once: anyone who sees the file sees it whole.
func writeShellFile(checkout string, lines []string) error {
	path := shellFile(checkout)
	var text []byte
	for _, line := range lines {
		text = append(text, line+"\n"...)
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("keeping the shell lines: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("keeping the shell lines: %w", err)
	}
	return nil
}

// stopTimeout is how long the stack's process gets to stop by itself.
const stopTimeout = 30 * time.Second

// down stops the stack and removes its folder.
func down(ctx context.Context, checkout string) error {
	owner, err := stack.Owner(checkout, localName)
	if err != nil {
		return err
	}
	if owner == 0 {
		fmt.Fprintln(os.Stderr, "no local stack is running")
		return stack.Remove(checkout, localName)
	}
	if err := syscall.Kill(owner, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stopping the local stack (process %d): %w", owner, err)
	}
	gone := func(context.Context) (bool, error) {
		owner, err := stack.Owner(checkout, localName)
		return owner == 0, err
	}
	bounded, cancel := context.WithTimeout(ctx, patience.Scale(stopTimeout))
	defer cancel()
	if err := patience.Poll(bounded, "the local stack has stopped", gone); err != nil {
		// The emulator and the functions end with the process, however it ends.
		if killErr := syscall.Kill(owner, syscall.SIGKILL); killErr != nil && !errors.Is(killErr, syscall.ESRCH) {
			return errors.Join(err, killErr)
		}
		bounded, cancel := context.WithTimeout(ctx, patience.Scale(stopTimeout))
		defer cancel()
		if err := patience.Poll(bounded, "the local stack has stopped", gone); err != nil {
			return err
		}
	}
	if err := stack.Remove(checkout, localName); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "the local stack has stopped")
	return nil
}
