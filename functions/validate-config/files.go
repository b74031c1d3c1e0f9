//go:build !lambda.norpc

package main

import (
	"github.com/ecs-guardrails/ecs-guardrails/shared/commandline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/localfile"
)

// judgeFiles judges files and ends the process, if the arguments ask for that.
func judgeFiles(args []string) {
	command := localfile.Command()
	command.Variables = commandline.VariablesOf[configobject.Settings]()
	command.RunIfAsked(args, localfile.IsEvent)
}
