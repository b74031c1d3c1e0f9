package lifecycle

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

var live = flag.Bool("live", false, "make the transitions on the local stack (make lifecycle)")

// unknownToEmulator are the types that the emulator makes no resource of; nothing
// that runs depends on them. Their changes are tried by CloudFormation's rules alone.
const unknownToEmulator = "AWS::Chatbot::"

// otherRegion is where the second stack is.
const otherRegion = "eu-west-1"

// life is a stack with what it has cured.
type life struct {
	*operator.Operator
	t *testing.T
	// roles are the cured instance roles with what they had attached then, and bucket
	// is the one that their instances boot from.
	roles  map[string][]string
	bucket string
	// revisions are the task definitions that can be run, by ARN.
	revisions []string
	// secret rotates.
	secret string
	rows   [][]string
	broken int
}

// TestLife makes every transition of a stack's life, one after the other, and looks
// after each whether what ran before can run on.
func TestLife(t *testing.T) {
	if !*live {
		t.Skip("make lifecycle makes the transitions on the local stack")
	}
	ctx := t.Context()
	parameters := local(base)
	running, err := stack.Start(ctx, stack.Options{Name: fmt.Sprintf("test-lifecycle-%d", os.Getpid()), Parameters: parameters, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	l := &life{Operator: operator.New(running), t: t, roles: map[string][]string{}}
	address := must(running.Package(ctx, stack.Region, ""))(t)
	template := shipped(t)

	l.cure(ctx, "life")
	l.row(ctx, "cured", template, parameters, nil)
	for _, flip := range flips {
		after := flip.with(parameters)
		there := resources(t, template, after)
		if of := changes(resources(t, template, parameters), there); !of.Moves() {
			continue
		}
		if slices.ContainsFunc(slices.Collect(maps.Values(there)), func(of samtemplate.RenderedResource) bool { return strings.HasPrefix(of.Type, unknownToEmulator) }) {
			continue
		}
		l.transition(ctx, flip.Parameter+"="+flip.Value, template, address, after)
	}
	l.transition(ctx, "all as at first", template, address, parameters)

	l.secondRegion(ctx, must(running.Package(ctx, otherRegion, ""))(t), parameters, template)
	l.leave(ctx)
	l.delete(ctx, running.Name)
	l.release(ctx, address, template)

	l.show()
}

// local are the parameters for this machine.
func local(of Parameters) Parameters {
	changed := maps.Clone(of)
	changed["Allow"] += ",private-registries"
	changed["Architecture"] = map[string]string{"arm64": "arm64"}[runtime.GOARCH]
	if changed["Architecture"] == "" {
		changed["Architecture"] = "x86_64"
	}
	return changed
}

// must ends the test for an error.
func must[V any](value V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// cure has a bare role, a definition with a private image, and a rotation.
func (l *life) cure(ctx context.Context, name string) {
	t := l.t
	t.Helper()
	role := "ecsInstanceRole-" + name
	must(l.CreateInstanceRole(ctx, role, "ecs-guardrails:capabilities", "agent ecr config logs ssm"))(t)
	l.bucket = l.Stack.Outputs["ConfigBucket"]
	l.await(ctx, role+" has its policies", func(ctx context.Context) (bool, error) { return l.capable(ctx, role, nil) == "", nil })
	l.roles[role] = must(l.AttachedPolicies(ctx, role))(t)

	l.secret = must(l.CreateRegistrySecret(ctx, name+"/registry", l.Stack.Registry, ""))(t)
	if err := l.TurnRotationOn(ctx, l.secret); err != nil {
		t.Fatal(err)
	}
	// One without an execution role gets the stack's.
	for family, execution := range map[string]string{name + "-web": "", name + "-shop": must(l.CreateRole(ctx, name+"Execution", "ecs-tasks.amazonaws.com"))(t)} {
		input := &ecs.RegisterTaskDefinitionInput{Family: &family, ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String(l.Stack.Registry.Image()), Memory: aws.Int32(64), Essential: aws.Bool(true),
		}}}
		if execution != "" {
			input.ExecutionRoleArn = &execution
		}
		must(l.ECS.RegisterTaskDefinition(ctx, input))(t)
		var revisions []string
		l.await(ctx, family+" has a revision with a credential", func(ctx context.Context) (bool, error) {
			var err error
			revisions, err = l.Revisions(ctx, family)
			return len(revisions) > 1, err
		})
		last := revisions[len(revisions)-1]
		l.await(ctx, last+" can be run", func(ctx context.Context) (bool, error) {
			return l.runnable(ctx, last) == "", nil
		})
		l.revisions = append(l.revisions, last)
	}
}

func (l *life) await(ctx context.Context, what string, condition func(context.Context) (bool, error)) {
	l.t.Helper()
	if err := stack.Wait(ctx, what, condition); err != nil {
		l.t.Fatal(err)
	}
}

// transition updates the stack, with a role that was cured before and whose cure
// is undone after.
func (l *life) transition(ctx context.Context, name string, template *samtemplate.Template, address string, parameters Parameters) {
	l.t.Helper()
	probe := l.probe(ctx, fmt.Sprintf("probe%d", len(l.rows)))
	if err := l.Stack.Apply(ctx, stack.Region, l.Stack.Name, address, parameters); err != nil {
		l.t.Fatalf("%s: %v", name, err)
	}
	if err := l.Stack.Follow(ctx); err != nil {
		l.t.Fatal(err)
	}
	l.row(ctx, name, template, parameters, probe)
}

// probed is a role with what it had attached before the stack lent it anything.
type probed struct {
	role   string
	former []string
	lent   bool
}

// probe makes a role with a policy of its own, and has it cured by hand where the
// function's mode allows that.
func (l *life) probe(ctx context.Context, name string) *probed {
	l.t.Helper()
	role := "ecsInstanceRole-" + name
	must(l.CreateRole(ctx, role, "ec2.amazonaws.com", "ecs-guardrails:capabilities", "agent ssm"))(l.t)
	must(l.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}))(l.t)
	former := must(l.AttachedPolicies(ctx, role))(l.t)
	answer := must(l.Invoke(ctx, "attach-policies", []byte(`{"role":"`+role+`"}`)))(l.t)
	if answer.FunctionError != "" {
		l.t.Fatalf("curing %s: %s", role, answer.Payload)
	}
	attached := must(l.AttachedPolicies(ctx, role))(l.t)
	return &probed{role, former, len(attached) > len(former)}
}

// undone takes a probe's cure back, and says what isn't as before.
func (l *life) undone(ctx context.Context, of *probed) string {
	answer, err := l.Invoke(ctx, "attach-policies", []byte(`{"undo":"`+of.role+`"}`))
	if err != nil || answer.FunctionError != "" {
		return fmt.Sprintf("undo of %s failed: %v %s", of.role, err, answer.Payload)
	}
	attached, err := l.AttachedPolicies(ctx, of.role)
	if err != nil {
		return err.Error()
	}
	// A function that is off, or in dry-run, only says what it would do.
	plans := slices.ContainsFunc(answer.Report.Results, func(result finding.Result) bool { return result.Status == finding.Planned })
	switch {
	case !plans && !slices.Equal(sorted(attached), sorted(of.former)):
		return fmt.Sprintf("after the undo %s has %q, before the cure it had %q: %s", of.role, attached, of.former, answer.Payload)
	case plans && of.lent && len(attached) <= len(of.former):
		return fmt.Sprintf("%s lost its loan without an undo", of.role)
	}
	return ""
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

// row looks at everything and writes a line of the table.
func (l *life) row(ctx context.Context, name string, template *samtemplate.Template, parameters Parameters, probe *probed) {
	l.t.Helper()
	broken := l.survey(ctx)
	undo := "-"
	if probe != nil {
		undo = "exact"
		if !probe.lent {
			undo = "nothing lent"
		}
		if wrong := l.undone(ctx, probe); wrong != "" {
			undo, broken = "wrong", append(broken, wrong)
		}
	}
	if template != nil {
		broken = append(broken, l.missing(ctx, template, parameters)...)
	}
	l.write(name, undo, broken)
}

func (l *life) write(name, undo string, broken []string) {
	l.t.Helper()
	l.broken += len(broken)
	l.rows = append(l.rows, []string{name, fmt.Sprint(len(l.revisions)), fmt.Sprint(len(l.roles)), undo, fmt.Sprint(len(broken))})
	fmt.Fprintf(os.Stderr, "%s %s: %d broken %q\n", time.Now().Format("15:04:05"), name, len(broken), broken)
	for _, what := range broken {
		l.t.Errorf("%s: %s", name, what)
	}
}

// survey says what doesn't run any more of what ran.
func (l *life) survey(ctx context.Context) []string {
	var broken []string
	note := func(what string) {
		if what != "" {
			broken = append(broken, what)
		}
	}
	for _, revision := range l.revisions {
		note(l.runnable(ctx, revision))
	}
	for role, attached := range l.roles {
		note(l.capable(ctx, role, attached))
	}
	if _, err := l.S3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &l.bucket}); err != nil {
		note("the bucket that instances boot from: " + err.Error())
	}
	note(l.rotates(ctx))
	return broken
}

// runnable says why a task of a revision couldn't start.
func (l *life) runnable(ctx context.Context, revision string) string {
	definition, _, err := l.Describe(ctx, revision)
	if err != nil {
		return err.Error()
	}
	role := aws.ToString(definition.ExecutionRoleArn)
	name := role[strings.LastIndexByte(role, '/')+1:]
	if _, err := l.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name}); err != nil {
		return fmt.Sprintf("%s names the execution role %s: %v", revision, role, err)
	}
	credentials := definition.ContainerDefinitions[0].RepositoryCredentials
	if credentials == nil {
		return revision + " has no credential"
	}
	reached, err := l.Reaches(ctx, role, l.bucket)
	if err != nil {
		return err.Error()
	}
	if !slices.Contains(reached, aws.ToString(credentials.CredentialsParameter)) {
		return fmt.Sprintf("%s can't read the secret that %s names", role, revision)
	}
	return ""
}

// capable says what an instance role has lost.
func (l *life) capable(ctx context.Context, role string, attached []string) string {
	now, err := l.AttachedPolicies(ctx, role)
	if err != nil {
		return err.Error()
	}
	for _, policy := range attached {
		if !slices.Contains(now, policy) {
			return fmt.Sprintf("%s has lost %s", role, policy)
		}
		if _, err := l.IAM.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &policy}); err != nil {
			return fmt.Sprintf("%s has %s, which is gone: %v", role, policy, err)
		}
	}
	policies, err := l.Stack.Simulation.PrincipalPolicies(ctx, "arn:aws:iam::"+stack.Account+":role/"+role)
	if err != nil {
		return err.Error()
	}
	for action, resource := range map[string]string{
		"ecs:RegisterContainerInstance": "arn:aws:ecs:" + stack.Region + ":" + stack.Account + ":cluster/storefront",
		"ecr:GetAuthorizationToken":     "*",
		"s3:GetObject":                  "arn:aws:s3:::" + l.bucket + "/ecs.config",
		"logs:PutLogEvents":             "arn:aws:logs:" + stack.Region + ":" + stack.Account + ":log-group:/ecs/ecs-guardrails:log-stream:x",
	} {
		result := policysimulation.Simulate(policies, policysimulation.Request{Action: action, Resource: resource, Context: policysimulation.NewContext(nil)})
		if result.Decision != policysimulation.Allowed {
			return fmt.Sprintf("%s can't call %s any more", role, action)
		}
	}
	return ""
}

// rotates says why the next rotation of the secret couldn't take place. One that
// was turned off is not due.
func (l *life) rotates(ctx context.Context) string {
	described, err := l.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &l.secret})
	if err != nil {
		return err.Error()
	}
	if !aws.ToBool(described.RotationEnabled) {
		return ""
	}
	if _, err := l.Lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: described.RotationLambdaARN}); err != nil {
		return fmt.Sprintf("the rotation of %s: %v", l.secret, err)
	}
	return ""
}

// missing lists the resources of the template that the stack hasn't got, alarms and
// permissions among them.
func (l *life) missing(ctx context.Context, template *samtemplate.Template, parameters Parameters) []string {
	there := must(l.Stack.Resources(ctx, stack.Region, l.Stack.Name))(l.t)
	var missing []string
	for name := range resources(l.t, template, parameters) {
		if !slices.Contains(there, name) {
			missing = append(missing, "the stack has no "+name)
		}
	}
	return sorted(missing)
}

// secondRegion deploys the template in another region on the same IAM, and deletes
// it there.
func (l *life) secondRegion(ctx context.Context, address string, parameters Parameters, template *samtemplate.Template) {
	const name = "ecs-guardrails-second"
	beside := maps.Clone(parameters)
	// As docs/regions.md has it: the home region owns the loans.
	beside["Mode"] = "enforce,attach-policies=off"
	if err := l.Stack.Apply(ctx, otherRegion, name, address, beside); err != nil {
		l.t.Errorf("a second stack in %s: %v", otherRegion, err)
	}
	l.row(ctx, "a second stack in "+otherRegion, template, parameters, l.probe(ctx, "beside"))
	if err := l.Stack.Delete(ctx, otherRegion, name); err != nil {
		l.t.Fatal(err)
	}
	l.row(ctx, "the second stack deleted", template, parameters, l.probe(ctx, "alone"))
}

// leave asks for what depends on the stack.
func (l *life) leave(ctx context.Context) {
	l.await(ctx, "the rotation being turned off", func(ctx context.Context) (bool, error) {
		answer, err := l.Invoke(ctx, "sweep", []byte(`{"leave":true}`))
		if err != nil || answer.FunctionError != "" {
			return false, fmt.Errorf("leaving: %w: %s", err, answer.Payload)
		}
		described, err := l.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &l.secret})
		return err == nil && !aws.ToBool(described.RotationEnabled), err
	})
	l.row(ctx, `{"leave": true}`, nil, nil, nil)
}

func (l *life) delete(ctx context.Context, name string) {
	if err := l.Stack.Delete(ctx, stack.Region, name); err != nil {
		l.t.Fatal(err)
	}
	l.row(ctx, "the stack deleted", nil, nil, nil)
}

// release deploys the previous release, has it cure something, and updates it.
func (l *life) release(ctx context.Context, address string, template *samtemplate.Template) {
	previous := must(l.Stack.Package(ctx, stack.Region, previousRelease))(l.t)
	before := Parameters{"Mode": "enforce", "Capabilities": "agent,ecr,config,logs,ssm", "Architecture": local(base)["Architecture"]}
	l.Stack.Name = "ecs-guardrails-before"
	if err := l.Stack.Apply(ctx, stack.Region, l.Stack.Name, previous, before); err != nil {
		l.t.Fatalf("the previous release: %v", err)
	}
	if err := l.Stack.Follow(ctx); err != nil {
		l.t.Fatal(err)
	}
	l.row(ctx, "the previous release", nil, nil, l.probe(ctx, "before"))
	old := l.lentByPrevious(ctx, "ecsInstanceRole-old")
	l.transition(ctx, "updated to this release", template, address, local(base))
	l.row(ctx, "what the previous release lent", template, local(base), old)
	l.delete(ctx, l.Stack.Name)
}

// lentByPrevious makes a role as the previous release's attach-policies left it: its
// functions are not kept, so what they wrote is written here, in their form (one tag
// for all policies, by capability).
func (l *life) lentByPrevious(ctx context.Context, role string) *probed {
	l.t.Helper()
	must(l.CreateRole(ctx, role, "ec2.amazonaws.com", "ecs-guardrails:capabilities", "agent ecr ssm"))(l.t)
	own := "arn:aws:iam::aws:policy/ReadOnlyAccess"
	lent := []string{
		"arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore", l.Stack.Outputs["EcrPullPolicy"],
	}
	for _, policy := range append(lent, own) {
		must(l.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &policy}))(l.t)
	}
	const at = "2026-11-01T09:30:00Z"
	must(l.IAM.TagRole(ctx, &iam.TagRoleInput{RoleName: &role, Tags: []iamtypes.Tag{
		{Key: aws.String("ecs-guardrails:attached"), Value: aws.String("agent=" + at + " ecr=" + at + " ssm=" + at + " by=ecs-guardrails")},
	}}))(l.t)
	return &probed{role, []string{own}, true}
}

// show puts the table where make lifecycle shows it.
func (l *life) show() {
	keepTable(l.t, "lifecycle.txt", []string{"on the local stack", "task definitions", "instance roles", "undo", "broken"}, l.rows, l.broken)
}
