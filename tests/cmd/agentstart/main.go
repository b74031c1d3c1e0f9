// Command agentstart says how the real ECS agent's start-up ends with each
// environment that it reads: one JSON object {"environment": {…}, "proxyOnly":
// false} a line on standard input, one ending a line on standard output.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/ecs-guardrails/ecs-guardrails/tests/agentstart"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "agentstart: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	agent := flag.String("agent", "", "the agent's binary")
	plugin := flag.String("plugin", "", "the program that plays its CNI plugins")
	flag.Parse()
	if !agentstart.Entered() {
		cmd := agentstart.Command("/proc/self/exe", os.Args[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		return cmd.Run()
	}
	if err := agentstart.Enter(); err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "agentstart")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	world, err := agentstart.New(directory, *agent, *plugin)
	if err != nil {
		return err
	}
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 4<<20)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		var job agentstart.Job
		if err := json.Unmarshal(input.Bytes(), &job); err != nil {
			return err
		}
		ending, err := world.Run(job.Environment, job.ProxyOnly)
		if err != nil {
			return err
		}
		if err := output.Encode(ending); err != nil {
			return err
		}
	}
	return input.Err()
}
