// Package runtimeinterface runs functions on AWS's own runtime interface
// emulator, the program that serves the Lambda runtime API in AWS's container
// images; the SAM CLI carries it along.
package runtimeinterface

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/processmemory"
)

// answerTimeout bounds, on an idle machine, the wait for the emulator's port and
// for each answer.
const answerTimeout = 30 * time.Second

// Program finds the emulator among the programs of the environment that the
// SAM CLI is installed in.
func Program(samPrograms string) (string, error) {
	processor := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]
	pattern := filepath.Join(samPrograms, "..", "lib", "python3*", "site-packages", "samcli", "local", "rapid", "aws-lambda-rie-"+processor)
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		return "", errors.Join(fmt.Errorf("the runtime interface emulator is not where the SAM CLI keeps it (%s)", pattern), err)
	}
	return found[0], nil
}

// ARN is what the emulator gives a function as its own, whatever the account
// (aws-lambda-runtime-interface-emulator, cmd/aws-lambda-rie/handlers.go,
// InvokeHandler).
func ARN(function string) string {
	return "arn:aws:lambda:us-east-1:012345678912:function:" + function
}

// Function is what to run.
type Function struct {
	Name    string
	Command []string
	// Folder is the working folder; "" is this process's.
	Folder string
	// Environment is added to what Lambda sets. Nothing else of this process's
	// is handed on: a setting such as AWS_CA_BUNDLE would be paid for by some
	// functions only.
	Environment []string
}

// Process is a function in the emulator. The function itself starts with the
// first event.
type Process struct {
	function Function
	url      string
	command  *exec.Cmd
	log      *output
}

// Start runs the emulator and waits until it listens, to events and to the
// function.
func Start(ctx context.Context, emulator string, function Function) (*Process, error) {
	front, back, err := freeAddresses()
	if err != nil {
		return nil, err
	}
	process := &Process{function: function, url: "http://" + front + "/2015-03-31/functions/function/invocations", log: &output{}}
	arguments := append([]string{"--runtime-interface-emulator-address", front, "--runtime-api-address", back}, function.Command...)
	process.command = exec.Command(emulator, arguments...)
	process.command.Dir = function.Folder
	process.command.Stdout, process.command.Stderr = process.log, process.log
	process.command.Env = append([]string{
		"PATH=/usr/bin:/bin", "AWS_LAMBDA_FUNCTION_NAME=" + function.Name, "AWS_LAMBDA_FUNCTION_TIMEOUT=60",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
	}, function.Environment...)
	// The function is in the emulator's group, and ends with it.
	process.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// The function holds the emulator's output: without a bound, waiting for the
	// emulator would wait for it, too.
	process.command.WaitDelay = time.Second
	if err := process.command.Start(); err != nil {
		return nil, fmt.Errorf("start the runtime interface emulator: %w", err)
	}
	// The front opens first, and an event that comes then can start a function
	// that finds no server behind it.
	for _, address := range []string{front, back} {
		if err := waitForPort(ctx, address); err != nil {
			process.Stop()
			return nil, fmt.Errorf("%w\n%s", err, process.log)
		}
	}
	return process, nil
}

// Stop ends the emulator and the function.
func (p *Process) Stop() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	_ = p.command.Wait()
}

// Invoke sends an event and gives the answer and the time that it took. A
// function that fails is an error.
func (p *Process) Invoke(ctx context.Context, event []byte) ([]byte, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, patience.Scale(answerTimeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(event))
	if err != nil {
		return nil, 0, fmt.Errorf("invoke %s: %w", p.function.Name, err)
	}
	started := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("invoke %s: %w\n%s", p.function.Name, err, p.log)
	}
	answer, err := io.ReadAll(response.Body)
	took := time.Since(started)
	_ = response.Body.Close()
	if err != nil {
		return nil, 0, fmt.Errorf("read the answer of %s: %w\n%s", p.function.Name, err, p.log)
	}
	if response.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"errorMessage"`)) {
		return nil, 0, fmt.Errorf("%s failed: %s %s\n%s", p.function.Name, response.Status, answer, p.log)
	}
	return answer, took, nil
}

// PeakMemory is the most that the function's processes held so far, in bytes.
func (p *Process) PeakMemory() (int64, error) {
	processes, err := processmemory.Descendants(p.command.Process.Pid)
	if err != nil {
		return 0, err
	}
	peak := int64(0)
	for _, process := range processes {
		peak += process.Peak
	}
	if peak == 0 {
		return 0, fmt.Errorf("%s is not running", p.function.Name)
	}
	return peak, nil
}

// freeAddresses gives two that no one listens on. They lie below the ports that
// Linux gives to connections (ip_local_port_range), so that none of these takes
// one before the emulator does.
func freeAddresses() (front, back string, err error) {
	var addresses []string
	for range 100 {
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)))
		if err != nil {
			continue
		}
		// Held until both are known, so that they differ.
		defer listener.Close()
		if addresses = append(addresses, listener.Addr().String()); len(addresses) == 2 {
			return addresses[0], addresses[1], nil
		}
	}
	return "", "", errors.New("there are no two free ports")
}

func waitForPort(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, patience.Scale(answerTimeout))
	defer cancel()
	var dialer net.Dialer
	for {
		connection, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the runtime interface emulator did not listen on %s: %w", address, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// output keeps what the emulator and the function say, for errors.
type output struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

// maxOutput bounds what is kept of it: its beginning, where a function that
// does not start says why.
const maxOutput = 64 << 10

func (o *output) Write(text []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if room := maxOutput - o.text.Len(); room > 0 {
		o.text.Write(text[:min(room, len(text))])
	}
	return len(text), nil
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.text.String()
}
