package load

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// Holding is what an account has had for long. Of ten roles, one is an instance
// role that lacks its policy, one is no instance role, and eight lack nothing;
// one of four families names a private image without credentials; one of five
// objects is invalid.
type Holding struct{ Roles, Families, Objects int }

const (
	roleCycle, familyCycle, objectCycle = 10, 4, 5

	publicImage = "public.ecr.aws/nginx/nginx:1.29"
)

func (Holding) role(number int) string   { return fmt.Sprintf("ecsInstanceRole-held-%05d", number) }
func (Holding) family(number int) string { return fmt.Sprintf("held-%05d", number) }
func (Holding) key(number int) string    { return fmt.Sprintf("held/%05d/ecs.config", number) }

// Deafen has nothing wake the functions but sweep.
func (a Account) Deafen(ctx context.Context) error {
	for _, logicalID := range []string{"RoleChangedRule", "TaskDefinitionRegisteredRule"} {
		rule, err := a.ResourceID(ctx, logicalID)
		if err != nil {
			return err
		}
		if _, err := a.EventBridge.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: &rule}); err != nil {
			return fmt.Errorf("disabling rule %s: %w", rule, err)
		}
	}
	bucket := a.Stack.Outputs["ConfigBucket"]
	if _, err := a.S3.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &bucket, NotificationConfiguration: &s3types.NotificationConfiguration{},
	}); err != nil {
		return fmt.Errorf("ending the notifications of %s: %w", bucket, err)
	}
	return nil
}

// Make makes what the account holds beyond what it held before.
func (h Holding) Make(ctx context.Context, account Account, before Holding) error {
	group, making := errgroup.WithContext(ctx)
	group.SetLimit(makers)
	for number := before.Roles; number < h.Roles; number++ {
		group.Go(func() error { return h.makeRole(making, account, number) })
	}
	for number := before.Families; number < h.Families; number++ {
		group.Go(func() error {
			image := publicImage
			if number%familyCycle == 0 {
				image = account.Stack.Registry.Image()
			}
			return account.register(making, h.family(number), image)
		})
	}
	for number := before.Objects; number < h.Objects; number++ {
		group.Go(func() error {
			text, _ := h.content(number)
			_, err := account.Upload(making, account.Stack.Outputs["ConfigBucket"], h.key(number), text)
			return err
		})
	}
	return group.Wait()
}

func (h Holding) makeRole(ctx context.Context, account Account, number int) error {
	if number%roleCycle == 1 {
		_, err := account.CreateRole(ctx, h.role(number), "lambda.amazonaws.com")
		return err
	}
	if _, err := account.CreateInstanceRole(ctx, h.role(number)); err != nil || number%roleCycle == 0 {
		return err
	}
	role := h.role(number)
	if _, err := account.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: aws.String(operator.AgentPolicy)}); err != nil {
		return fmt.Errorf("attaching the policy of %s: %w", role, err)
	}
	return nil
}

func (Holding) content(number int) (text, verdict string) {
	if number%objectCycle == 0 {
		return badConfig, "invalid"
	}
	return goodConfig, "valid"
}

// every counts the numbers below the end, from a beginning, that a cycle picks.
func every(cycle, from, below int) int {
	count := 0
	for number := from; number < below; number++ {
		if number%cycle == 0 {
			count++
		}
	}
	return count
}

// Sweep asks for one and waits until all that the account holds is right. What
// is wrong at its beginning is what was made since the last one.
func (h Holding) Sweep(ctx context.Context, account Account, before Holding) (Result, error) {
	counted, start := newTally(account.Stack.Record), time.Now()
	summary, err := account.sweep(ctx)
	if err != nil {
		return Result{}, err
	}
	wanting := map[string]int{
		"AttachRolePolicy":       every(roleCycle, before.Roles, h.Roles),
		"RegisterTaskDefinition": every(familyCycle, before.Families, h.Families),
		"PutObjectTagging":       h.Objects - before.Objects,
	}
	changes := map[string]string{
		"AttachRolePolicy": "attach-policies", "RegisterTaskDefinition": "patch-task-definition", "PutObjectTagging": "validate-config",
	}
	if err := stack.Wait(ctx, "all that was swept is right", func(context.Context) (bool, error) {
		counted.update()
		for operation, want := range wanting {
			if have := len(changed(counted, changes[operation], operation)); have < want {
				return false, fmt.Errorf("%s was called for %d of %d", operation, have, want)
			}
		}
		return true, nil
	}); err != nil {
		return Result{}, err
	}
	if err := account.empty(ctx); err != nil {
		return Result{}, err
	}
	result := Result{
		Right: time.Since(start), Subjects: map[string]int{"sweep": h.Roles + h.Families + h.Objects}, Calls: counted.all, Looks: map[string]int{},
	}
	counted.update()
	for operation, function := range changes {
		for _, subject := range changed(counted, function, operation) {
			result.once(function, subject, operation, counted)
		}
	}
	result.toldOnce("held", counted)
	for _, kind := range summary.Kinds {
		if want := map[string]int{"roles": h.Roles, "task-definitions": h.Families, "config-objects": h.Objects}[kind.Name]; kind.Listed < want {
			result.Lost = append(result.Lost, fmt.Sprintf("of %d %s sweep found %d", want, kind.Name, kind.Listed))
		}
	}
	return result, h.verify(ctx, account, &result)
}

// sweep asks for one and waits for its summary.
func (a Account) sweep(ctx context.Context) (sweepreport.Summary, error) {
	var answer struct{ Summary sweepreport.Summary }
	invocation, err := a.Invoke(ctx, "sweep", []byte(`{"sweep":"all","max-changes":1000000}`))
	if err != nil {
		return answer.Summary, err
	}
	if invocation.FunctionError != "" {
		return answer.Summary, fmt.Errorf("sweep failed: %s", invocation.ErrorMessage)
	}
	if err := json.Unmarshal(invocation.Payload, &answer); err != nil {
		return answer.Summary, fmt.Errorf("reading sweep's summary: %w", err)
	}
	if !answer.Summary.Complete {
		return answer.Summary, fmt.Errorf("sweep did not come to its end: %s", invocation.Payload)
	}
	return answer.Summary, nil
}

// changed are the subjects for which a function's call succeeded.
func changed(counted *tally, function, operation string) []string {
	var subjects []string
	for subject, calls := range counted.done[function] {
		if calls[operation] > 0 {
			subjects = append(subjects, subject)
		}
	}
	return subjects
}

// verify looks at all that the account holds.
func (h Holding) verify(ctx context.Context, account Account, result *Result) error {
	for number := range h.Roles {
		attached, err := account.AttachedPolicies(ctx, h.role(number))
		if err != nil {
			return err
		}
		want := []string{operator.AgentPolicy}
		if number%roleCycle == 1 {
			want = []string{}
		}
		result.is(h.role(number), fmt.Sprint(attached), fmt.Sprint(want))
	}
	for number := range h.Families {
		revisions, err := account.Revisions(ctx, h.family(number))
		if err != nil {
			return err
		}
		want := 1
		if number%familyCycle == 0 {
			want = 2
		}
		result.is(h.family(number), fmt.Sprint(len(revisions), " revisions"), fmt.Sprint(want, " revisions"))
	}
	for number := range h.Objects {
		tags, err := account.ObjectTags(ctx, operator.Object{Bucket: account.Stack.Outputs["ConfigBucket"], Key: h.key(number)})
		if err != nil {
			return err
		}
		_, verdict := h.content(number)
		result.is(h.key(number), tags["ecs-config-status"], verdict)
	}
	return nil
}
