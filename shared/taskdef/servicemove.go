package taskdef

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Move has services run the successor of the revision that they run.
type Move struct {
	Services []ServiceName
	// From are the ARNs of the revisions that are left; a service that runs
	// none of them any more is done.
	From []string
	To   *Successor
	// Since and OwnedToo are what obstacle needs.
	Since    time.Time
	OwnedToo bool
	// Instances are those of the services' clusters.
	Instances map[string][]Instance
}

// ServiceName is where a service is: both are ARNs.
type ServiceName struct{ Cluster, Service string }

// String gives "cluster/service".
func (n ServiceName) String() string {
	last := func(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
	return last(n.Cluster) + "/" + last(n.Service)
}

func nameOfService(service types.Service) ServiceName {
	return ServiceName{Cluster: aws.ToString(service.ClusterArn), Service: aws.ToString(service.ServiceArn)}
}

// Successor is a revision that may be known only once it has been registered.
type Successor struct {
	ARN string
	// Attributes are what ECS asks of an instance for it, once it was registered here.
	Attributes []string
}

// moves plans which services that run an old revision get the new one. None is
// moved to an unfit one, or where nothing is new enough for it: its tasks could
// not start, where the old one's may still run on what their instances have
// pulled before.
//
// Services of which no task runs can only gain: they are moved together. Of the
// others one is moved at a time, and none while one that was moved before is not
// stable yet; the end of a deployment is an event that wakes the function again.
func (j *judgement) moves(usage *Usage, to *Successor, unfitted bool, plan *pipeline.Plan[Action]) {
	if usage == nil {
		return
	}
	required, attributes := j.requirement(), j.attributesAfter()
	usage.tooOld(required, attributes, plan)
	move := Move{From: usage.Revisions, To: to, Since: usage.Since, OwnedToo: j.ChangeOwnedResources == All, Instances: usage.Instances}
	var behind []int
	waitsFor := ""
	for _, service := range usage.Moved {
		if service.DesiredCount > 0 && slices.ContainsFunc(service.Deployments, inProgress) {
			waitsFor = nameOfService(service).String()
		}
	}
	for _, service := range usage.Services {
		name := nameOfService(service)
		shown := finding.Name("service", name.String())
		if ignored(service) {
			plan.Findings = append(plan.Findings, serviceIgnored.With(shown, finding.Words("tag", optout.Tag)))
			continue
		}
		why := cmp.Or(move.obstacle(service), required.unmet(service, usage.Instances))
		if !onFargate(service) {
			why = cmp.Or(why, unfit(hostsOf(service, usage.Instances[name.Cluster]), attributes))
		}
		if unfitted {
			why = "the new one has errors, too, so its tasks may not start"
		}
		if why != "" {
			plan.Findings = append(plan.Findings, serviceStays.With(shown, finding.Clause("why", why)))
			continue
		}
		if service.RunningCount > 0 {
			if waitsFor != "" {
				plan.Findings = append(plan.Findings, serviceWaits.With(shown, finding.Name("other", waitsFor)))
				continue
			}
			waitsFor = name.String()
		}
		move.Services = append(move.Services, name)
		behind = append(behind, len(plan.Findings))
		plan.Findings = append(plan.Findings, serviceBehind.With(shown))
	}
	if usage.ServicesUnchecked != "" {
		plan.Findings = append(plan.Findings, servicesUnchecked.With(finding.Clause("why", usage.ServicesUnchecked)))
	}
	if len(move.Services) > 0 {
		plan.Do(move, behind...)
	}
	usage.reportSchedules(plan)
}

func ignored(service types.Service) bool {
	tags := map[string]string{}
	for _, tag := range service.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return optout.Asked(tags)
}

// obstacle says why a service is not ours to move, or not now. A service with a
// desired count of 0 is moved: nothing starts, until somebody scales it out.
func (m Move) obstacle(service types.Service) string {
	controller := types.DeploymentControllerTypeEcs
	if service.DeploymentController != nil && service.DeploymentController.Type != "" {
		controller = service.DeploymentController.Type
	}
	known := owner.Recognize(owner.Evidence{Tags: tagMap(service.Tags)})
	switch {
	case controller != types.DeploymentControllerTypeEcs:
		return fmt.Sprintf("its deployments are those of the controller %s", controller)
	case service.ResourceManagementType == types.ResourceManagementTypeEcs:
		return "ECS Express Mode looks after it"
	case known.IsAWSService():
		return fmt.Sprintf("%s manages it", known)
	case known.IsKnown() && !m.OwnedToo:
		return fmt.Sprintf("%s manages it, and wouldn't know of the move", known)
	case slices.ContainsFunc(service.Deployments, func(d types.Deployment) bool { return d.RolloutState == types.DeploymentRolloutStateFailed }):
		return "a deployment of it has failed"
	case m.rolledBack(service):
		return "a deployment of it was rolled back since the latest revision was registered"
	case m.isStuck(service):
		return ""
	case len(service.Deployments) > 1 || slices.ContainsFunc(service.Deployments, inProgress):
		return "a deployment of it is in progress"
	}
	return ""
}

// isStuck reports whether all that a service has in progress is a deployment of a
// revision that is left, and no task of it runs: to go on with the new one is what
// its owner wanted. Blue/green, linear and canary deployments shift traffic in
// steps and run hooks of their owner's, so they are left to end by themselves.
func (m Move) isStuck(service types.Service) bool {
	if configuration := service.DeploymentConfiguration; configuration != nil && configuration.Strategy != "" && configuration.Strategy != types.DeploymentStrategyRolling {
		return false
	}
	stuck := false
	for _, deployment := range service.Deployments {
		if !inProgress(deployment) {
			continue
		}
		known := deployment.RolloutState == types.DeploymentRolloutStateInProgress || deployment.RolloutState == ""
		if !known || !slices.Contains(m.From, aws.ToString(deployment.TaskDefinition)) || deployment.RunningCount > 0 {
			return false
		}
		stuck = true
	}
	return stuck
}

// inProgress also judges deployments without a rollout state: those behind a
// Classic Load Balancer have none (ECS API reference, Deployment).
func inProgress(deployment types.Deployment) bool {
	switch deployment.RolloutState {
	case types.DeploymentRolloutStateCompleted:
		return false
	case "":
		return deployment.PendingCount > 0 || deployment.RunningCount != deployment.DesiredCount
	}
	return true
}

// rolledBack looks at the service's events, of which ECS keeps the latest 100:
// once a roll-back has ended, the deployments do not report it any more. ECS
// writes "(service web) rolling back to deployment ecs-svc/…".
func (m Move) rolledBack(service types.Service) bool {
	return slices.ContainsFunc(service.Events, func(e types.ServiceEvent) bool {
		return strings.Contains(aws.ToString(e.Message), "rolling back to ") && aws.ToTime(e.CreatedAt).After(m.Since)
	})
}

// Describe says what the action will do.
func (m Move) Describe() finding.Action {
	const most = 20
	var names []string
	for _, service := range m.Services[:min(len(m.Services), most)] {
		names = append(names, service.String())
	}
	if more := len(m.Services) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	to := "the new revision"
	if m.To.ARN != "" {
		to = m.To.ARN
	}
	return finding.Action{Kind: "UpdateService", Target: m.From[0], Summary: fmt.Sprintf("move to %s: %s", to, strings.Join(names, ", ")),
		Mandate: finding.Mandate{Kind: finding.ByParameter, Text: "Allow=update-services"}}
}

// ServiceUpdater is the part of ECS's client that moves services.
type ServiceUpdater interface {
	ecs.DescribeServicesAPIClient
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
}

// ServiceMover moves services one after another, anyone who asks for it.
type ServiceMover struct {
	client ServiceUpdater
	mutex  sync.Mutex
}

// NewServiceMover makes one for a client.
func NewServiceMover(client ServiceUpdater) *ServiceMover { return &ServiceMover{client: client} }

// apply moves all services that can be moved, and then reports the first that
// could not: one that ECS refuses must not keep the others from it.
func (m Move) apply(ctx context.Context, a Applier) error {
	byKind := map[awserror.Kind][]error{}
	for _, service := range m.Services {
		if err := a.Services.move(ctx, m, service); err != nil {
			byKind[awserror.Classify(err)] = append(byKind[awserror.Classify(err)], err)
		}
	}
	for _, kind := range []awserror.Kind{awserror.Transient, awserror.Denied} {
		if len(byKind[kind]) > 0 {
			return errors.Join(byKind[kind]...)
		}
	}
	if refused := byKind[awserror.Refused]; len(refused) > 0 {
		return finding.Refuse(moveRefused.With(finding.Clause("why", errors.Join(refused...).Error())))
	}
	return nil
}

// move looks once more, since much can happen between the plan and its turn.
func (s *ServiceMover) move(ctx context.Context, m Move, name ServiceName) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	// Without tags: whose the service is does not change that fast.
	output, err := s.client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &name.Cluster, Services: []string{name.Service}})
	switch {
	case taskuse.IsGone(err):
		return nil
	case err != nil:
		return fmt.Errorf("describe the service %s: %w", name, err)
	case len(output.Services) == 0 || !taskuse.Runs(output.Services[0], m.From):
		return nil
	}
	service := output.Services[0]
	if !onFargate(service) {
		if why := unfit(hostsOf(service, m.Instances[name.Cluster]), m.To.Attributes); why != "" {
			return finding.Refuse(notMoved.With(finding.Name("service", name.String()), finding.Name("revision", m.To.ARN), finding.Clause("why", why)))
		}
	}
	if why := m.obstacle(service); why != "" {
		return fmt.Errorf("the service %s was not moved to %s: %s; look again", name, m.To.ARN, why)
	}
	_, err = s.client.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &name.Cluster, Service: &name.Service, TaskDefinition: &m.To.ARN})
	if err != nil && !taskuse.IsGone(err) {
		return fmt.Errorf("move the service %s to %s: %w", name, m.To.ARN, err)
	}
	return nil
}
