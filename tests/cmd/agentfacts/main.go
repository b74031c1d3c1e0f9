// Command agentfacts takes the facts of one ECS agent version from its source
// and writes them to shared/ecsconfig/testdata/agent-facts.json; the test of
// that package then says what the catalogue lacks. With -build it compiles the
// agent, and with -readers its readers, for tests/agentstart.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/ecs-guardrails/ecs-guardrails/tests/agentfacts"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "agentfacts: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	version := flag.String("version", "", "the agent's version, from the Go module proxy")
	path := flag.String("source", "", "a checkout of aws/amazon-ecs-agent, in place of the module proxy")
	output := flag.String("output", "../shared/ecsconfig/testdata/agent-facts.json", "the file to write")
	build := flag.String("build", "", "compile the agent into this file, and write no facts")
	readers := flag.String("readers", "", "compile the agent's readers into this file, and write no facts")
	flag.Parse()
	source, err := find(*version, *path)
	if err != nil {
		return err
	}
	switch {
	case *build != "":
		return source.Build(*build)
	case *readers != "":
		return source.BuildReaders(*readers)
	}
	facts, err := agentfacts.Extract(source)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(facts, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(*output, append(text, '\n'), 0o644)
}

func find(version, path string) (agentfacts.Source, error) {
	if path != "" {
		return agentfacts.FromPath(path)
	}
	if version == "" {
		return agentfacts.Source{}, fmt.Errorf("give -version 1.105.1, or -source DIRECTORY")
	}
	source, err := agentfacts.FromProxy(version)
	if err != nil {
		return agentfacts.Source{}, fmt.Errorf("%w; give a checkout of aws/amazon-ecs-agent at v%s: make agent-start VERSION=%[2]s SOURCE=DIRECTORY", err, version)
	}
	return source, nil
}
