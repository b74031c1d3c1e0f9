package sweep

import (
	"encoding/json"
	"slices"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

// Kind is a kind of thing that is swept.
type Kind string

// The kinds, as a request names them. Account is no thing but what must be so
// for events to come at all.
const (
	Account         Kind = "account"
	Roles           Kind = "roles"
	ConfigObjects   Kind = "config-objects"
	TaskDefinitions Kind = "task-definitions"
	Secrets         Kind = "secrets"
)

// kinds in the order in which a whole sweep reports them.
var kinds = []Kind{Roles, ConfigObjects, TaskDefinitions, Secrets}

// request is what a request asks for.
type request struct {
	kinds  []Kind
	dryRun bool
	// leave asks what depends on the stack, and to let go of it.
	leave bool
	// changeLimit is nil where the request doesn't say one.
	changeLimit *int
	// message is the id of the message that asked, "" where none did.
	message string
	// sweep and attempt are set in a message by which a sweep goes on.
	sweep   string
	attempt int
}

// requested reads the one request of a delivery, or says why there is none.
func requested(delivery event.Delivery) (request, *finding.Result) {
	if len(delivery.Messages) != 1 || len(delivery.Messages[0].Triggers) != 1 {
		return request{}, malformed("a sweep is one request, and here are several")
	}
	message := delivery.Messages[0]
	switch trigger := message.Triggers[0].(type) {
	case event.Malformed:
		return request{}, pipeline.Malformed(trigger)
	case event.Schedule:
		return request{kinds: kinds, message: message.ID}, nil
	case event.ByHand:
		found, problem, ours := byHand(trigger)
		found.message = message.ID
		switch {
		case !ours:
			return request{}, pipeline.NotHandled(Name, trigger)
		case problem != "":
			return request{}, malformed(problem)
		}
		return found, nil
	default:
		return request{}, pipeline.NotHandled(Name, trigger)
	}
}

// byHand reads {} and {"sweep": "all"}, {"only": ["roles"], "dry-run": true},
// {"sweep": "all", "max-changes": 250}, {"leave": true}, and what a sweep sends to
// itself.
func byHand(asked event.ByHand) (found request, problem string, ours bool) {
	for field := range asked.Fields {
		if !slices.Contains([]string{"sweep", "only", "dry-run", "max-changes", "continue", "attempt", "leave"}, field) {
			return request{}, "", false
		}
	}
	found = request{kinds: kinds, dryRun: asked.DryRun}
	if _, given := asked.Fields["continue"]; given {
		var ok bool
		found.sweep, ok = asked.Text("continue")
		if !ok || found.sweep == "" || json.Unmarshal(asked.Fields["attempt"], &found.attempt) != nil {
			return request{}, "continue or attempt is missing or of the wrong type", true
		}
		return found, "", true
	}
	if raw, given := asked.Fields["leave"]; given {
		if json.Unmarshal(raw, &found.leave) != nil || !found.leave || asked.Queued {
			return request{}, "leave is not true, or came from a queue", true
		}
		return found, "", true
	}
	if raw, given := asked.Fields["max-changes"]; given {
		if json.Unmarshal(raw, &found.changeLimit) != nil || found.changeLimit == nil || *found.changeLimit < 0 {
			return request{}, "max-changes is not a number of subjects", true
		}
	}
	if found.kinds, problem = askedKinds(asked); problem != "" {
		return request{}, problem, true
	}
	return found, "", true
}

// askedKinds reads the fields only and sweep; without either, it is all kinds.
func askedKinds(request event.ByHand) (asked []Kind, problem string) {
	var names []Kind
	if raw, given := request.Fields["only"]; given {
		if json.Unmarshal(raw, &names) != nil || len(names) == 0 {
			return nil, "only is not a list of kinds"
		}
	}
	if raw, given := request.Fields["sweep"]; given {
		var name Kind
		if json.Unmarshal(raw, &name) != nil {
			return nil, "sweep is not text"
		}
		if name != "all" {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if !slices.Contains(kinds, name) {
			return nil, "sweep or only names an unknown kind"
		}
	}
	if len(names) == 0 {
		return kinds, ""
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(kind Kind) bool { return !slices.Contains(names, kind) }), ""
}

func malformed(problem string) *finding.Result {
	return &finding.Result{Status: finding.Noncompliant, Findings: []finding.Finding{malformedRequest.With(finding.Words("problem", problem))}}
}
