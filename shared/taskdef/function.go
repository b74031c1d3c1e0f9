package taskdef

import (
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Name is the function's name in reports.
const Name = "patch-task-definition"

// Clients are those of the services that the function calls.
type Clients struct {
	// Containers is ECS.
	Containers interface {
		TaskDefinitionReader
		InstanceReader
		taskuse.Services
		taskuse.Tasks
		Registrar
		ServiceUpdater
	}
	Rules     taskuse.Rules
	Schedules taskuse.Schedules
	Secrets   interface {
		SecretLister
		SecretReader
		SecretPolicies
	}
	Roles interface {
		RoleReader
		PolicyAttacher
	}
	Storage ObjectLister
	// Images is nil where registries are not asked.
	Images ImageAsker
	// Region is where the clients look.
	Region string
}

// New makes the function; now is its clock.
func New(settings Settings, clients Clients, now func() time.Time) *pipeline.Function[Revision, Observation, Question, Action] {
	return assemble(settings, NewObserver(clients, now), Applier{
		Definitions: clients.Containers, Roles: clients.Roles,
		Grants: NewGranter(clients.Secrets, GrantSettles), Services: NewServiceMover(clients.Containers),
	})
}

// NewObserver makes the function's observer, which files are judged with, too. It
// remembers nothing yet.
func NewObserver(clients Clients, now func() time.Time) Observer {
	observer := Observer{
		Definitions: clients.Containers,
		Instances:   clients.Containers,
		Uses:        taskuse.Reader{Services: clients.Containers, Tasks: clients.Containers, Rules: clients.Rules, Schedules: clients.Schedules, Bounds: useBounds},
		Secrets:     NewSecretList(clients.Secrets, now),
		Named:       NewSecretObserver(clients.Secrets, now),
		Roles:       NewRoleObserver(clients.Roles, now),
		Files:       NewFileObserver(clients.Storage, now),
		Region:      clients.Region,
		Now:         now,
	}
	if clients.Images != nil {
		observer.Images = NewImageObserver(clients.Images, now)
	}
	return observer
}

func assemble(settings Settings, observer Observer, applier Applier) *pipeline.Function[Revision, Observation, Question, Action] {
	return &pipeline.Function[Revision, Observation, Question, Action]{
		Name:     Name,
		Mode:     settings.Mode,
		Subjects: settings.Subjects,
		Observe:  observer.Observe,
		Ask:      settings.Ask,
		Answer:   observer.Answer,
		Plan:     settings.Plan,
		Describe: Action.Describe,
		Apply:    applier.Apply,
	}
}
