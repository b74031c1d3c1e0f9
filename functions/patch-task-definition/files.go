//go:build !lambda.norpc

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	"ecsguardrails/shared/awsclient"
	"ecsguardrails/shared/exitcode"
	"ecsguardrails/shared/taskdef"
	"ecsguardrails/shared/taskfile"
)

// judgeFiles judges files and ends the process, if the arguments ask for that.
func judgeFiles(args []string) {
	command := taskfile.Command(os.Environ(), observerHere, os.Stderr)
	asked, stdin, err := command.IsAsked(args, os.Stdin, taskfile.IsEvent)
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

// observerHere looks with the shell's credentials, where it has some.
func observerHere(ctx context.Context) *taskdef.Observer {
	configuration, err := awsclient.Load(ctx, taskdef.Name)
	if err != nil || configuration.Region == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	credentials, err := configuration.Credentials.Retrieve(ctx)
	if err != nil {
		return nil
	}
	here := taskdef.NewObserver(clients(taskdef.Settings{}, configuration), time.Now)
	here.Account = credentials.AccountID
	return &here
}
