//go:build !lambda.norpc

package main

import (
	"ecsguardrails/shared/commandline"
	"ecsguardrails/shared/configobject"
	"ecsguardrails/shared/localfile"
)

// judgeFiles judges files and ends the process, if the arguments ask for that.
func judgeFiles(args []string) {
	command := localfile.Command()
	command.Variables = commandline.VariablesOf[configobject.Settings]()
	command.RunIfAsked(args, localfile.IsEvent)
}
