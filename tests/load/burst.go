// Package load puts much work on a local stack at once, and looks whether all
// of it ended right: nothing lost, nothing done twice.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// Account is a running stack with what the subjects need besides.
type Account struct {
	*operator.Operator
	// ExecutionRole is the ARN of a role that can pull from the stack's registry
	// by a secret that is tagged for it.
	ExecutionRole string
}

// Burst is how much happens at once.
type Burst struct {
	// Name tells the subjects of several bursts apart.
	Name string
	// Roles lack the agent's policy; every other one of the Uploads is invalid;
	// TaskDefinitions name a private image without credentials.
	Roles, Uploads, TaskDefinitions int
}

// Result is what came of a burst or of a sweep.
type Result struct {
	// Made is how long it took to make the subjects, Right until all had ended
	// right, from the same moment; for a sweep, from its beginning.
	Made, Right time.Duration
	// Subjects are how many each function had to look at.
	Subjects map[string]int
	// Calls are those of each function to AWS, all of them.
	Calls map[string]Calls
	// Looks are how often subjects were looked at, in all: more than there are
	// where a queue delivered a message twice.
	Looks map[string]int
	// Again reports each subject that was looked at more than once what was
	// called about it, and when.
	Again []string
	// Lost are subjects that did not end as they should, Doubled changes and
	// findings that were made more than once.
	Lost, Doubled []string
}

// makers is how many people work side by side.
const makers = 8

// family, key and role name the subjects.
func (b Burst) role(number int) string { return fmt.Sprintf("ecsInstanceRole-%s-%04d", b.Name, number) }

func (b Burst) key(number int) string { return fmt.Sprintf("%s/%04d/ecs.config", b.Name, number) }

func (b Burst) family(number int) string { return fmt.Sprintf("%s-%04d", b.Name, number) }

const (
	goodConfig = "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=true\n"
	badConfig  = "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=dokcer\n"
)

func content(number int) (text, verdict string) {
	if number%2 == 0 {
		return goodConfig, "valid"
	}
	return badConfig, "invalid"
}

// Run makes all subjects and waits until the functions have done with them. An
// error says that it could not be run, or did not end before the context did.
func (b Burst) Run(ctx context.Context, account Account) (Result, error) {
	counted, start := newTally(account.Stack.Record), time.Now()
	objects := make([]operator.Object, b.Uploads)
	group, making := errgroup.WithContext(ctx)
	group.SetLimit(makers)
	// Mixed, in the order of their numbers.
	for number := range max(b.Roles, b.Uploads, b.TaskDefinitions) {
		if number < b.Roles {
			group.Go(func() error {
				_, err := account.CreateInstanceRole(making, b.role(number))
				return err
			})
		}
		if number < b.Uploads {
			group.Go(func() (err error) {
				text, _ := content(number)
				objects[number], err = account.Upload(making, account.Stack.Outputs["ConfigBucket"], b.key(number), text)
				return err
			})
		}
		if number < b.TaskDefinitions {
			group.Go(func() error { return account.register(making, b.family(number), account.Stack.Registry.Image()) })
		}
	}
	if err := group.Wait(); err != nil {
		return Result{}, err
	}
	result := Result{Made: time.Since(start), Subjects: map[string]int{
		"attach-policies": b.Roles, "validate-config": b.Uploads, "patch-task-definition": b.TaskDefinitions,
	}}
	if err := stack.Wait(ctx, "all of the burst is done", func(context.Context) (bool, error) {
		counted.update()
		return b.missing(counted) == nil, b.missing(counted)
	}); err != nil {
		return result, err
	}
	if err := account.empty(ctx); err != nil {
		return result, err
	}
	result.Right = time.Since(start)
	counted.update()
	result.Calls = counted.all
	result.Looks = map[string]int{}
	for number := range b.Roles {
		// A role is read a second time after something was attached to it.
		result.looked(account, "attach-policies", b.role(number), "ListAttachedRolePolicies", counted)
		result.once("attach-policies", b.role(number), "AttachRolePolicy", counted)
		attached, err := account.AttachedPolicies(ctx, b.role(number))
		if err != nil {
			return result, err
		}
		result.is(b.role(number), fmt.Sprint(attached), fmt.Sprint([]string{operator.AgentPolicy}))
	}
	for number, object := range objects {
		result.looked(account, "validate-config", object.Key, "GetObject", counted)
		result.once("validate-config", object.Key, "PutObjectTagging", counted)
		tags, err := account.ObjectTags(ctx, object)
		if err != nil {
			return result, err
		}
		_, verdict := content(number)
		result.is(object.Key, tags["ecs-config-status"], verdict)
	}
	for number := range b.TaskDefinitions {
		result.looked(account, "patch-task-definition", b.family(number), "DescribeTaskDefinition", counted)
		result.once("patch-task-definition", b.family(number), "RegisterTaskDefinition", counted)
		revisions, err := account.Revisions(ctx, b.family(number))
		if err != nil {
			return result, err
		}
		result.is(b.family(number), fmt.Sprint(len(revisions), " revisions"), "2 revisions")
	}
	result.toldOnce(b.Name, counted)
	return result, nil
}

// again tells what a function called about a subject, and which calls of others
// were handed over to functions as events.
func (a Account) again(function, subject string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s looked at %s more than once:", function, subject)
	for _, call := range a.Stack.Record.Calls(nil) {
		if Subject(call) == subject {
			fmt.Fprintf(&text, "\n    %s %s %s %d %s %s", call.Time.Format("15:04:05.000"), call.Caller, call.Operation, call.Status, call.ErrorCode, call.Trace)
		}
	}
	for _, delivery := range a.Stack.Deliveries() {
		if detail, err := json.Marshal(delivery.Event.Detail); err == nil && strings.Contains(string(detail), `"`+subject+`"`) {
			fmt.Fprintf(&text, "\n    %v was handed to %s (%v)", delivery.Event.Detail["eventName"], delivery.Target, delivery.Err)
		}
	}
	return text.String()
}

// missing names what is not done yet.
func (b Burst) missing(counted *tally) error {
	var failures []error
	for _, kind := range []struct {
		function, operation string
		want                int
		name                func(int) string
	}{
		{"attach-policies", "AttachRolePolicy", b.Roles, b.role},
		{"validate-config", "PutObjectTagging", b.Uploads, b.key},
		{"patch-task-definition", "RegisterTaskDefinition", b.TaskDefinitions, b.family},
	} {
		left := 0
		for number := range kind.want {
			if counted.done[kind.function][kind.name(number)][kind.operation] == 0 {
				left++
			}
		}
		if left > 0 {
			failures = append(failures, fmt.Errorf("%s has not called %s for %d of %d", kind.function, kind.operation, left, kind.want))
		}
	}
	return errors.Join(failures...)
}

func (r *Result) looked(account Account, function, subject, operation string, counted *tally) {
	looks := counted.about[function][subject][operation]
	if r.Looks[function] += looks; looks > 1 {
		r.Again = append(r.Again, account.again(function, subject))
	}
}

// once notes a change that was made twice.
func (r *Result) once(function, subject, operation string, counted *tally) {
	if count := counted.done[function][subject][operation]; count > 1 {
		r.Doubled = append(r.Doubled, fmt.Sprintf("%s: %s %d times", subject, operation, count))
	}
}

// toldOnce notes findings that were published twice about subjects of a name.
// Others may use the same account meanwhile.
func (r *Result) toldOnce(name string, counted *tally) {
	own := regexp.MustCompile(`(^|[-/])` + regexp.QuoteMeta(name) + `[-/][0-9]{4,5}([:/]|$)`)
	for _, function := range slices.Sorted(maps.Keys(counted.published)) {
		for _, subject := range slices.Sorted(maps.Keys(counted.published[function])) {
			if !own.MatchString(subject) {
				continue
			}
			if count := counted.published[function][subject]["PutEvents"]; count > 1 {
				r.Doubled = append(r.Doubled, fmt.Sprintf("%s: published %d times", subject, count))
			}
		}
	}
}

// is notes a subject that is not as it should be.
func (r *Result) is(subject, got, want string) {
	if got != want {
		r.Lost = append(r.Lost, fmt.Sprintf("%s: %s, not %s", subject, got, want))
	}
}

// register registers a task definition of one container.
func (a Account) register(ctx context.Context, family, image string) error {
	_, err := a.ECS.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: &family, ExecutionRoleArn: &a.ExecutionRole, RequiresCompatibilities: []types.Compatibility{types.CompatibilityEc2},
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Image: &image, Memory: aws.Int32(128)}},
	})
	if err != nil {
		return fmt.Errorf("registering %s: %w", family, err)
	}
	return nil
}

// empty waits until the stack's queues are empty, and fails where a message
// ended in a dead-letter queue.
func (a Account) empty(ctx context.Context) error {
	pages := cloudformation.NewListStackResourcesPaginator(a.CloudFormation, &cloudformation.ListStackResourcesInput{StackName: &a.Stack.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("finding the queues: %w", err)
		}
		for _, resource := range page.StackResourceSummaries {
			if aws.ToString(resource.ResourceType) != "AWS::SQS::Queue" {
				continue
			}
			if err := a.emptyQueue(ctx, aws.ToString(resource.LogicalResourceId), aws.ToString(resource.PhysicalResourceId)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a Account) emptyQueue(ctx context.Context, name, url string) error {
	if !strings.Contains(name, "DeadLetter") {
		return stack.Wait(ctx, name+" is empty", func(ctx context.Context) (bool, error) {
			depth, err := a.QueueDepth(ctx, url)
			return depth == 0, err
		})
	}
	depth, err := a.QueueDepth(ctx, url)
	if err == nil && depth != 0 {
		err = fmt.Errorf("%s has %d messages", name, depth)
	}
	return err
}
