package sweep

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
)

// Phase is how far a sweep is on its way to changes. A sweep that may change more
// subjects than its limit first asks for plans only (a rehearsal), counts what
// would be changed, and then asks for these changes, or for none and a person.
type Phase string

const (
	// undecided: nothing was handed over yet.
	undecided Phase = ""
	// direct: what is handed over can't be more than the limit, or is a dry run.
	direct Phase = "direct"
	// rehearsing: what is handed over is asked for plans.
	rehearsing Phase = "rehearsing"
	// carryingOut: the rehearsed changes were asked for.
	carryingOut Phase = "carrying-out"
	// stopped: the changes were too many.
	stopped Phase = "stopped"
)

// Rehearsed is the answer to a message of the rehearsal.
type Rehearsed struct {
	Sent  Sent          `json:"sent"`
	Swept publish.Swept `json:"swept"`
}

// choosePhase decides whether a rehearsal is needed. It isn't if everything was
// listed at once and is no more than may be changed: so a small account costs no
// second look.
func (r *Run) choosePhase(shares []share) {
	names, whole := 0, true
	for _, part := range shares {
		if part.planned.handover != nil {
			names += len(part.planned.handover.names)
		}
		whole = whole && part.err == nil && part.observed.Next == ""
	}
	r.handed += names
	switch {
	case r.Phase != undecided && r.Phase != direct:
		return
	case r.Mode == finding.DryRun:
		r.Phase = direct
	case (whole || r.Phase == direct) && r.Direct+names <= r.ChangeLimit:
		r.Phase = direct
		r.Direct += names
	default:
		r.Phase = rehearsing
	}
}

// isRehearsal reports whether what is handed over now is asked for plans.
func (r *Run) isRehearsal() bool { return r.Phase == rehearsing || r.Phase == stopped }

// rehearsed keeps an answer until all have come. As soon as the changes are too
// many, the answers are what the sweep reports.
func (r *Run) rehearsed(reference string, answer Rehearsed) {
	r.Changes += answer.Swept.Changes
	if r.Phase == rehearsing && r.Direct+r.Changes <= r.ChangeLimit {
		r.Rehearsed[reference] = answer
		return
	}
	r.Phase = stopped
	for _, reference := range slices.Sorted(maps.Keys(r.Rehearsed)) {
		r.count(r.Rehearsed[reference].Sent.Kind, r.Rehearsed[reference].Swept)
	}
	clear(r.Rehearsed)
	r.count(answer.Sent.Kind, answer.Swept)
}

// planChanges gives what is handed over once more, for the changes, after the
// rehearsal has come to its end.
func (s Settings) planChanges(run *Run) []handover {
	if run.Phase != rehearsing || len(run.Sent) > 0 || !run.listedAll() {
		return nil
	}
	names := map[Kind][]string{}
	for _, reference := range slices.Sorted(maps.Keys(run.Rehearsed)) {
		sent := run.Rehearsed[reference].Sent
		names[sent.Kind] = append(names[sent.Kind], sent.Subjects...)
	}
	var handovers []handover
	for _, kind := range kinds {
		if len(names[kind]) > 0 {
			to := s.receiver(kind)
			handovers = append(handovers, handover{kind: kind, queueURL: to.queue, field: to.field, pack: to.pack, names: names[kind]})
		}
	}
	return handovers
}

// carryOut asks for the rehearsed changes. If it fails, the next delivery of the
// event asks again.
func (s *Sweep) carryOut(ctx context.Context, run *Run) ([]finding.Action, error) {
	handovers := s.settings.planChanges(run)
	if len(handovers) == 0 {
		return nil, nil
	}
	run.Phase = carryingOut
	actions := make([]finding.Action, len(handovers))
	for i, handover := range handovers {
		actions[i] = handover.describe()
	}
	var messages []message
	for i, handover := range handovers {
		packed := run.pack(&handover)
		messages = append(messages, packed...)
		if err := s.sendAll(ctx, handover.queueURL, packed); err != nil {
			run.Phase = rehearsing
			run.forget(messages)
			return actions, fmt.Errorf("%s: %w", actions[i].Kind, err)
		}
		actions[i].Applied = true
	}
	clear(run.Rehearsed)
	run.Progress = s.now().UTC()
	return actions, nil
}

// asks is the finding of a sweep that waits for a person, nil if it doesn't.
func (r *Run) asks(function string) *finding.Finding {
	template, changes, allowed := wouldChange, r.Changes, r.Direct+r.Changes
	switch {
	case r.Phase == stopped:
	case r.Phase == rehearsing && r.detached:
		template, changes, allowed = mightChange, r.handed, r.handed
	default:
		return nil
	}
	request := map[string]any{"sweep": "all", "max-changes": allowed}
	if len(r.Kinds) < len(kinds) {
		delete(request, "sweep")
		request["only"] = r.Kinds
	}
	payload, err := json.Marshal(request)
	if err != nil {
		panic(err)
	}
	f := template.With(finding.Count("subjects", changes, "subject", "subjects"), finding.Words("limit", strconv.Itoa(r.ChangeLimit)),
		finding.Words("function", cmp.Or(function, "SWEEP-FUNCTION")), finding.Words("payload", string(payload)))
	return &f
}
