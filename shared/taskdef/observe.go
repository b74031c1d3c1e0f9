package taskdef

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// TaskDefinitionReader is the part of ECS's client that observing needs.
type TaskDefinitionReader interface {
	ecs.ListTaskDefinitionsAPIClient
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// Observer reads what the decision about a definition needs.
type Observer struct {
	Definitions TaskDefinitionReader
	Uses        taskuse.Reader
	Instances   InstanceReader
	Secrets     *SecretList
	Named       *SecretObserver
	Roles       *RoleObserver
	Files       *FileObserver
	// Images is nil where registries are not asked.
	Images *ImageObserver
	// Region is where the clients look: a definition of another region is not
	// theirs.
	Region string
	// Account is that of the credentials, where they tell it: a file may be for
	// another one.
	Account string
	Now     func() time.Time
}

// Observe describes the family, and so its latest active revision: one call
// tells what the definition is and whether it is still the latest. The list of
// tagged secrets is read beside it, so that a cold start is no deeper than a warm
// one; a failure matters only if a secret is needed, and is met again then.
func (o Observer) Observe(ctx context.Context, asked Revision) (Observation, error) {
	observed := Observation{Asked: &asked, region: o.Region, now: o.Now(), registries: o.Images != nil}
	if asked.isElsewhere(o.Region) {
		return observed, nil
	}
	if asked.Service.Service != "" {
		service, err := o.service(ctx, asked.Service)
		if err != nil || service == nil {
			return observed, err
		}
		// Of the family, the latest revision is looked at, as after a registration.
		name, err := revision.Parse(aws.ToString(service.TaskDefinition))
		if err != nil {
			return observed, nil
		}
		asked.Family = name.Family
	}
	var group errgroup.Group
	group.Go(func() (err error) {
		observed.Latest, err = o.describe(ctx, asked.Family)
		return err
	})
	group.Go(func() error {
		_, _ = o.Secrets.All(ctx, asked.Registered, observed.now)
		return nil
	})
	return observed, group.Wait()
}

// service describes one service; nil where there is none.
func (o Observer) service(ctx context.Context, name ServiceName) (*types.Service, error) {
	output, err := o.Uses.Services.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &name.Cluster, Services: []string{name.Service}})
	switch {
	case taskuse.IsGone(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe the service %s: %w", name, err)
	case len(output.Services) == 0:
		return nil, nil
	}
	return &output.Services[0], nil
}

// Described is a revision as ECS describes it.
type Described struct {
	Definition *types.TaskDefinition
	Tags       []types.Tag
	// UnknownFields are those that the SDK does not know.
	UnknownFields []string
}

// describe gives nil where there is no such definition.
func (o Observer) describe(ctx context.Context, name string) (*Described, error) {
	var body []byte
	output, err := o.Definitions.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: aws.String(name),
		Include:        []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	}, keepBody(&body))
	switch {
	case isUnknownDefinition(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("describe the task definition %s: %w", name, err)
	case output.TaskDefinition == nil:
		return nil, fmt.Errorf("describe the task definition %s: the answer has none", name)
	}
	return &Described{output.TaskDefinition, output.Tags, unknownFields(body)}, nil
}

// isUnknownDefinition recognises ECS's answer about what is not there, which
// has the code of every other mistake of a client's.
func isUnknownDefinition(err error) bool {
	return awserror.HasCode(err, "ClientException") && strings.Contains(err.Error(), "Unable to describe task definition")
}

// registrantOf gives who registered a definition, as ECS names the session:
// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
func registrantOf(definition *types.TaskDefinition) event.Actor {
	actor := event.Actor{ARN: aws.ToString(definition.RegisteredBy)}
	session, err := arn.Parse(actor.ARN)
	name, found := strings.CutPrefix(session.Resource, "assumed-role/")
	if err == nil && found {
		name, _, _ = strings.Cut(name, "/")
		actor.RoleARN = arn.ARN{Partition: session.Partition, Service: "iam", AccountID: session.AccountID, Resource: "role/" + name}.String()
		actor.UserName = name
	}
	return actor
}
