package pipeline

import (
	"slices"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
)

// Plan is what was decided about one subject.
type Plan[A any] struct {
	// Skip is set where the subject turns out not to be ours.
	Skip *finding.Finding
	// Findings that the actions end are marked Cured: by Do where some of the actions
	// do, and by the plan itself where it takes all of them.
	Findings []finding.Finding
	// Actions in the order in which they should be applied.
	Actions []A
	// Withheld are actions that nothing entitles the function to. They are
	// reported, and never applied.
	Withheld []A
	// Owner is the tool that manages the subject, zero where none was recognized.
	Owner owner.Owner
	// endedBy gives, by a finding's place, that of the last action which ends it. What
	// is cured and not in it is ended by the plan's last action.
	endedBy map[int]int
}

// Do adds an action, and marks as cured the findings, by their places, that it
// ends: they stay so if a later action fails. What takes several actions is ended
// by the last of them.
func (p *Plan[A]) Do(action A, ends ...int) {
	if p.endedBy == nil {
		p.endedBy = map[int]int{}
	}
	for _, finding := range ends {
		p.Findings[finding].Cured = true
		p.endedBy[finding] = len(p.Actions)
	}
	p.Actions = append(p.Actions, action)
}

// Withhold adds an action that nothing entitles the function to, and marks the
// findings, by their places, that it would end. The reason goes beside it as a
// finding.NoMandate.
func (p *Plan[A]) Withhold(action A, ends ...int) {
	for _, finding := range ends {
		p.Findings[finding].Withheld = true
	}
	p.Withheld = append(p.Withheld, action)
}

// after gives the findings as they are once the first actions were applied, and
// no more than these.
func (p *Plan[A]) after(applied int) []finding.Finding {
	findings := slices.Clone(p.Findings)
	for i := range findings {
		action, known := p.endedBy[i]
		findings[i].Cured = findings[i].Cured && known && action < applied
	}
	return cured(findings)
}

// cured gives what the applied actions have ended as what it is now, something to
// know, so that a reader sees which errors still stand.
func cured(findings []finding.Finding) []finding.Finding {
	findings = slices.Clone(findings)
	for i, f := range findings {
		if f.Cured && f.Severity != finding.Info {
			findings[i].Severity = finding.Info
			findings[i].Message = "cured: " + f.Message
		}
	}
	return findings
}
