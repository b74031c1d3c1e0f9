package sweep

import (
	"slices"

	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

// Kind is a kind of thing that is swept.
type Kind string

// The kinds, as a request names them.
const (
	Roles           Kind = "roles"
	TaskDefinitions Kind = "task-definitions"
	Secrets         Kind = "secrets"
)

// kinds in the order in which a whole sweep reports them.
var kinds = []Kind{Roles, TaskDefinitions, Secrets}

// Part is a part of a sweep: one kind, from a marker on.
type Part struct {
	Kind Kind
	// Marker is where an earlier run ended, as the API gave it; "" is the beginning.
	Marker string
}

// subjects gives all kinds for the schedule and what a request asks for:
// {"sweep": "all"}, or {"sweep": "roles", "marker": …}.
func subjects(trigger event.Trigger) []pipeline.Subject[Part] {
	switch of := trigger.(type) {
	case event.Schedule:
		all := make([]pipeline.Subject[Part], len(kinds))
		for i, kind := range kinds {
			all[i] = subject(Part{Kind: kind})
		}
		return all
	case event.ByHand:
		if _, ok := of.Fields["sweep"]; !ok {
			return nil
		}
		return byHand(of)
	default:
		return nil
	}
}

func byHand(of event.ByHand) []pipeline.Subject[Part] {
	what, _ := of.Text("sweep")
	marker, isText := of.Text("marker")
	_, hasMarker := of.Fields["marker"]
	switch kind := Kind(what); {
	case hasMarker && (!isText || marker == ""):
		return reject("the marker is not a text, or is empty")
	case what == "all" && hasMarker:
		return reject("a marker belongs to one kind, not to all")
	case what == "all":
		return subjects(event.Schedule{})
	case slices.Contains(kinds, kind):
		return []pipeline.Subject[Part]{subject(Part{kind, marker})}
	default:
		return reject("what is to be swept is unknown")
	}
}

func subject(part Part) pipeline.Subject[Part] {
	return pipeline.Subject[Part]{Name: string(part.Kind), Key: string(part.Kind) + " " + part.Marker, Of: part}
}

func reject(problem string) []pipeline.Subject[Part] {
	return []pipeline.Subject[Part]{pipeline.Reject[Part]("event", finding.Finding{
		Code: "malformed-event", Severity: finding.Error, Message: problem,
		Fix: `write {"sweep": "all"}, {"sweep": "roles"}, {"sweep": "task-definitions"} or {"sweep": "secrets"}; the latter three take the "marker" that an earlier report named`,
	})}
}
