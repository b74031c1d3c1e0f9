package sweep

import (
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
)

// Part is a part of a sweep: one kind, from a marker on.
type Part struct {
	Kind Kind
	// Marker is where an earlier run ended, as the API gave it; "" is the beginning.
	Marker string
}

// subjects gives both kinds for the schedule and what a request asks for:
// {"sweep": "all"}, or {"sweep": "roles", "marker": …}.
func subjects(trigger event.Trigger) []pipeline.Subject[Part] {
	switch of := trigger.(type) {
	case event.Schedule:
		return []pipeline.Subject[Part]{subject(Part{Kind: Roles}), subject(Part{Kind: TaskDefinitions})}
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
	case kind == Roles || kind == TaskDefinitions:
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
		Fix: `write {"sweep": "all"}, {"sweep": "roles"} or {"sweep": "task-definitions"}; the latter two take the "marker" that an earlier report named`,
	})}
}
