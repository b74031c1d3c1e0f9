// Package awscli runs commands of the AWS CLI without loading it for each of them.
package awscli

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

//go:embed server.py
var server string

// client is a command for shells: it has server.py run the AWS CLI with its own
// arguments, environment, folder and streams.
const client = `#!%s -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.connect(%q)
    call = {"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}
    socket.send_fds(server, [json.dumps(call).encode()], [0, 1, 2])
    sys.exit(int(server.recv(16) or 255))
`

// Load loads the AWS CLI once, and puts a command "aws" that uses it into folder,
// whose path fits into a socket's address (107 bytes, unix(7)). programs is where the
// AWS CLI and its Python are. stop ends it, and what it still runs.
func Load(ctx context.Context, programs, folder string) (stop func() error, err error) {
	python, socket := filepath.Join(programs, "python"), filepath.Join(folder, "socket")
	// Isolated: a module of the folder that it starts in is none of the AWS CLI's.
	process := exec.CommandContext(ctx, python, "-I", "-c", server, socket)
	var complaints strings.Builder
	process.Stderr = &complaints
	input, err := process.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("loading the AWS CLI: %w", err)
	}
	output, err := process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("loading the AWS CLI: %w", err)
	}
	if err := process.Start(); err != nil {
		return nil, fmt.Errorf("loading the AWS CLI: %w", err)
	}
	stop = func() error {
		err := input.Close()
		// It ends itself with a signal.
		_ = process.Wait()
		return err
	}
	if line, err := bufio.NewReader(output).ReadString('\n'); err != nil || line != "ready\n" {
		// What it complained of is there once it has ended.
		stopped := stop()
		return nil, errors.Join(fmt.Errorf("loading the AWS CLI of %s: it said %q, %w, %s", programs, line, err, &complaints), stopped)
	}
	if err := os.WriteFile(filepath.Join(folder, "aws"), fmt.Appendf(nil, client, python, socket), 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the command for the AWS CLI: %w", err), stop())
	}
	return stop, nil
}
