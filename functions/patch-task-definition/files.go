//go:build !lambda.norpc

package main

import (
	"context"
	"os"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awsclient"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskfile"
)

// judgeFiles judges files and ends the process, if the arguments ask for that.
func judgeFiles(args []string) {
	taskfile.Command(os.Environ(), observerHere, os.Stderr).RunIfAsked(args, taskfile.IsEvent)
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
