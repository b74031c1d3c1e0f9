//go:build !lambda.norpc

package pipeline

import (
	"os"

	"github.com/ecs-guardrails/ecs-guardrails/shared/catalogue"
)

// explainIfAsked explains codes and ends the process, if the first argument asks
// for that. The functions in Lambda don't carry the texts.
func explainIfAsked(args []string) {
	if len(args) > 0 && args[0] == catalogue.ExplainCommand {
		os.Exit(catalogue.Explain(args[1:], os.Stdout, os.Stderr))
	}
}
