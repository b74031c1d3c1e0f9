// Package endtoend runs the shipped template and binaries on the local stack
// and plays, by real API calls, what people and services do.
package endtoend

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/publish"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// functions are all that the stack has.
var functions = []string{"attach-policies", "validate-config", "rotate-secret", "patch-task-definition", "diagnose-failure", "sweep", "notify"}

// queues are the stack's outputs of queues, and the functions behind them.
var queues = map[string]string{
	"AttachPoliciesQueue": "attach-policies", "ValidateConfigQueue": "validate-config",
	"RotateSecretQueue": "rotate-secret", "PatchTaskDefinitionQueue": "patch-task-definition", "DiagnoseFailureQueue": "diagnose-failure",
}

const (
	// existingBucket is one that was there before the stack, as the parameter
	// ConfigBuckets names it.
	existingBucket = "acme-ecs-config"
	// attachDelay leaves a role's owner time to complete it.
	attachDelay = 3 * time.Second
)

// world is the one stack that all tests share, and what is known of it.
type world struct {
	*operator.Operator
	checkout string
	// folder is where the stack keeps what it writes.
	folder string
	// bus, topic and chat get what the functions publish.
	bus, topic, chat *operator.Inbox
	// summaries get what sweep publishes about a whole sweep.
	summaries *operator.Inbox
	// executionRole is the ARN of a role that ECS can pull with.
	executionRole string
	// registrySecret is the ARN of the secret with the registry's credential.
	registrySecret string

	logs map[string]*logReader

	// canaries are secrets that may stand in no output.
	canaries canary.Set
}

var shared *world

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait more than they work, whatever the number of processors.
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the local stack:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func run(ctx context.Context, m *testing.M) (code int, err error) {
	checkout, err := stack.Checkout()
	if err != nil {
		return 1, err
	}
	name := "test-endtoend-" + strconv.Itoa(os.Getpid())
	running, err := stack.Start(ctx, stack.Options{
		Checkout: checkout,
		Name:     name,
		Parameters: map[string]string{
			"ConfigBuckets": existingBucket,
			"Allow":         "cure-execution-roles,refresh-tagged-instances",
		},
		Waits:    map[string]string{"AttachPoliciesQueue.Properties.DelaySeconds": strconv.Itoa(int(attachDelay.Seconds()))},
		Progress: os.Stderr,
	})
	if err != nil {
		return 1, err
	}
	// Once for the usual end, and for an interruption, after which the tests
	// that still run see a stack that is gone.
	stop := sync.OnceValue(running.Stop)
	context.AfterFunc(ctx, func() { _ = stop() })
	defer func() {
		if stopErr := stop(); stopErr != nil {
			err = stopErr
		}
	}()
	shared = &world{
		Operator: operator.New(running), checkout: checkout, folder: filepath.Join(checkout, ".local", "run", name),
		logs: map[string]*logReader{},
	}
	for _, function := range functions {
		shared.logs[function] = &logReader{operator: shared.Operator, function: function}
	}
	if err := shared.prepare(ctx); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func (w *world) prepare(ctx context.Context) error {
	var err error
	if w.bus, err = w.SubscribeBus(ctx, w.Stack.Outputs["FindingsBus"], "every-finding", publish.FindingType); err != nil {
		return err
	}
	if w.summaries, err = w.SubscribeBus(ctx, w.Stack.Outputs["FindingsBus"], "every-summary", publish.SweepSummaryType); err != nil {
		return err
	}
	if w.topic, err = w.SubscribeTopic(ctx, "FindingsTopic", "every-message"); err != nil {
		return err
	}
	if w.chat, err = w.SubscribeTopic(ctx, "ChatTopic", "every-chat-message"); err != nil {
		return err
	}
	if _, err := w.ECS.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("storefront")}); err != nil {
		return fmt.Errorf("creating the cluster that config files name: %w", err)
	}
	if _, err := w.S3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(existingBucket)}); err != nil {
		return fmt.Errorf("creating the bucket that is there before: %w", err)
	}
	w.canaries.Plant("the registry's first password", w.Stack.Registry.Password)
	if w.registrySecret, err = w.CreateRegistrySecret(ctx, "prod/registry", w.Stack.Registry, "",
		"s3://"+w.Stack.Outputs["ConfigBucket"]+"/rotation/*", "s3://"+existingBucket+"/rotation/docker/ecs.config"); err != nil {
		return err
	}
	// A secret that is tagged for a rotation and has none is an error at every look.
	if err := w.TurnRotationOn(ctx, w.registrySecret); err != nil {
		return err
	}
	w.executionRole, err = w.CreateExecutionRole(ctx, "ecsTaskExecutionRole", w.registrySecret)
	return err
}

// TestStack has an order: first what needs the stack for itself, then
// everything else side by side, at last what is asked of the whole run.
func TestStack(t *testing.T) {
	t.Parallel()
	for _, step := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"what existed before", testSweep},
		{"dry run", testDryRun},
	} {
		t.Run(step.name, func(t *testing.T) { step.test(t, shared) })
	}
	t.Run("side by side", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *world){
			"attach-policies":       testAttachPolicies,
			"burst":                 testBurst,
			"validate-config":       testValidateConfig,
			"rotate-secret":         testRotateSecret,
			"rotate-secret, by API": testRotateByAPI,
			"patch-task-definition": testPatchTaskDefinition,
			"diagnose-failure":      testDiagnoseFailure,
			"bad input":             testBadInput,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, shared)
			})
		}
	})
	for _, step := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		// Not before: among the samples are those that sweep everything.
		{"samples", testSamples},
		{"nothing was lost", testDeadLetters},
		{"no secret was shown", testNoSecretShown},
		{"documents", testCommands},
		{"what people are told", testMessages},
		{"what operators look at", testDashboard},
		{"what it costs", testCost},
		{"permissions", testPermissions},
		{"grants", testGrants},
		// It leaves much behind that is wrong.
		{"scan", testScan},
	} {
		t.Run(step.name, func(t *testing.T) { step.test(t, shared) })
	}
}

// eventually waits until the condition holds, as long as the functions make
// progress.
func eventually(t *testing.T, what string, condition func(context.Context) (bool, error)) {
	t.Helper()
	if err := stack.Wait(t.Context(), what, condition); err != nil {
		t.Fatal(err)
	}
}

// must gives the value of a call that has to succeed.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// logReader reads a function's log for all tests together: reading it takes
// the emulator as long as the log is.
type logReader struct {
	operator *operator.Operator
	function string

	mutex   sync.Mutex
	read    time.Time
	results []operator.Result
}

// logInterval is how old what was read may be.
const logInterval = 500 * time.Millisecond

func (r *logReader) latest(ctx context.Context) ([]operator.Result, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if time.Since(r.read) < logInterval {
		return r.results, nil
	}
	results, err := r.operator.Results(ctx, r.function)
	if err != nil {
		return nil, err
	}
	r.results, r.read = results, time.Now()
	return results, nil
}

// logged waits for a result that a function logs.
func (w *world) logged(t *testing.T, function, what string, match func(operator.Result) bool) operator.Result {
	t.Helper()
	return w.found(t, function+" has logged "+what, w.logs[function].latest, match)
}

// published waits for a result on the bus.
func (w *world) published(t *testing.T, what string, match func(operator.Result) bool) operator.Result {
	t.Helper()
	return w.found(t, what+" is published", w.bus.Results, match)
}

func (w *world) found(t *testing.T, what string, from func(context.Context) ([]operator.Result, error), match func(operator.Result) bool) operator.Result {
	t.Helper()
	var found operator.Result
	eventually(t, what, func(ctx context.Context) (bool, error) {
		results, err := from(ctx)
		patience.Saw(ctx, "%d results, none of which is it", len(results))
		for _, result := range results {
			if match(result) {
				found = result
				return true, err
			}
		}
		return false, err
	})
	if err := check(found.Result); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return found
}

// check holds a result against the report's contract. What is written of a
// result does not say which findings its actions cured: of one that is
// remediated, all.
func check(result finding.Result) error {
	result.Findings = slices.Clone(result.Findings)
	for index := range result.Findings {
		result.Findings[index].Cured = result.Status == finding.Remediated
	}
	return result.Check()
}
