//go:build !lambda.norpc

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"ecsguardrails/shared/commandline"
	"ecsguardrails/shared/configobject"
	"ecsguardrails/shared/exitcode"
	"ecsguardrails/shared/localfile"
)

// judgeFiles judges files and ends the process, if the arguments ask for that.
func judgeFiles(args []string) {
	command := localfile.Command()
	command.Variables = commandline.VariablesOf[configobject.Settings]()
	asked, stdin, err := command.IsAsked(args, os.Stdin, localfile.IsEvent)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", command.Name, err)
		os.Exit(exitcode.CouldNotRun)
	}
	os.Stdin = stdin
	if !asked {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := command.Run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
