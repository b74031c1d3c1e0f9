package sweep

import (
	"encoding/json"
	"fmt"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

// receiver is who looks after a kind.
type receiver struct {
	// queue is the URL of its queue, and variable the setting that gives it.
	queue, variable string
	// field of a request that names one thing.
	field string
}

func (s Settings) receiver(kind Kind) receiver {
	switch kind {
	case TaskDefinitions:
		return receiver{s.PatchTaskDefinitionQueueURL, "PATCH_TASK_DEFINITION_QUEUE_URL", "taskDefinition"}
	case Secrets:
		return receiver{s.RotateSecretQueueURL, "ROTATE_SECRET_QUEUE_URL", "secret"}
	default:
		return receiver{s.AttachPoliciesQueueURL, "ATTACH_POLICIES_QUEUE_URL", "role"}
	}
}

// plan hands over what was found, and then the rest of the sweep itself: cut
// off in between, the whole part is done again, and nothing is lost.
func (s Settings) plan(o Observation) pipeline.Plan[Action] {
	to := s.receiver(o.Kind)
	planned := pipeline.Plan[Action]{Findings: []finding.Finding{{
		Code: CodeSwept, Severity: finding.Info, Message: describe(o),
	}}}
	switch {
	case len(o.Names) == 0:
	case to.queue == "":
		planned.Findings = append(planned.Findings, finding.Finding{
			Code: CodeNoQueue, Severity: finding.Error,
			Message: fmt.Sprintf("there is no queue to hand %s to", o.Kind),
			Fix:     fmt.Sprintf("set %s to the queue's URL, an output of the stack", to.variable),
		})
	default:
		bodies := make([]string, len(o.Names))
		for i, name := range o.Names {
			bodies[i] = body(map[string]string{to.field: name})
		}
		planned.Actions = append(planned.Actions, Action{QueueURL: to.queue, Bodies: bodies, Summary: "hand over " + string(o.Kind)})
	}
	switch {
	case o.Next == "":
	case s.SweepQueueURL == "":
		planned.Findings = append(planned.Findings, finding.Finding{
			Code: CodeIncomplete, Severity: finding.Error,
			Message: fmt.Sprintf("the time was up before all %s were listed", o.Kind),
			Fix:     "send " + rest(o) + " to this function, or set SWEEP_QUEUE_URL so that it does so itself",
		})
	default:
		planned.Actions = append(planned.Actions, Action{QueueURL: s.SweepQueueURL, Bodies: []string{rest(o)}, Summary: "go on with " + string(o.Kind)})
	}
	return planned
}

func describe(o Observation) string {
	switch o.Kind {
	case TaskDefinitions:
		return fmt.Sprintf("task definition families with an active revision: %d", o.Listed)
	case Secrets:
		return fmt.Sprintf("secrets with the tag %s that are rotated in this region: %d", driverTag, len(o.Names))
	default:
		return fmt.Sprintf("roles listed: %d; of these, %d trust EC2 or Systems Manager", o.Listed, len(o.Names))
	}
}

func rest(o Observation) string {
	return body(map[string]string{"sweep": string(o.Kind), "marker": o.Next})
}

// body marshals what cannot fail to: texts.
func body(fields map[string]string) string {
	marshalled, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return string(marshalled)
}
