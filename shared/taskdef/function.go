package taskdef

import "ecsguardrails/shared/pipeline"

// Name is the function's name in reports.
const Name = "patch-task-definition"

// New makes the function from its parts.
func New(s Settings, observer Observer, applier Applier) *pipeline.Function[Revision, Observation, Question, Action] {
	observer.Uses.Bounds = useBounds
	return &pipeline.Function[Revision, Observation, Question, Action]{
		Name:     Name,
		Mode:     s.Mode,
		Subjects: s.Subjects,
		Observe:  observer.Observe,
		Ask:      s.Ask,
		Answer:   observer.Answer,
		Plan:     s.Plan,
		Describe: Action.Describe,
		Apply:    applier.Apply,
	}
}
