package sweepreport

import (
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/console"
)

// consoleLink gives the address in the AWS console of what a result is about, ""
// where there is none, or where its partition has none that is public.
func consoleLink(s Summary, result Result) string {
	switch result.Kind {
	case "account":
		return console.Trails(s.Region)
	case "roles":
		role, isRole := strings.CutPrefix(result.Subject, "role/")
		if !isRole {
			return ""
		}
		return console.Role(s.Region, role)
	case "config-objects":
		return console.Object(s.Region, result.Subject)
	case "task-definitions":
		return console.TaskDefinition(s.Region, result.Subject)
	case "secrets":
		return console.Secret(s.Region, result.Subject)
	default:
		return console.Of(s.Region, result.Subject)
	}
}
