package taskdef

import "ecsguardrails/shared/pipeline"

// Name is the function's name in reports.
const Name = "patch-task-definition"

// New makes the function from its parts.
// The observer is given the settings here.
func New(s Settings, observer Observer, applier Applier) *pipeline.Function[Revision, Observation, pipeline.NoQuestion, Action] {
	observer.Settings = s
	observer.Uses.Bounds = useBounds
	return &pipeline.Function[Revision, Observation, pipeline.NoQuestion, Action]{
		Name:     Name,
		Mode:     s.Mode,
		Subjects: s.Subjects,
		Observe:  observer.Observe,
		Plan:     s.Plan,
		Describe: Action.Describe,
		Apply:    applier.Apply,
	}
}
