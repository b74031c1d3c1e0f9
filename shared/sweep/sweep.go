// Package sweep looks at everything that exists already: roles, config objects,
// task definitions and secrets. It settles what the account's own lists tell,
// hands the rest to the functions that look after it, by way of their queues,
// collects what they found, and makes one report of it all.
//
// A sweep can be longer than an invocation. What it knows is kept in one object
// in the report bucket, which is also the lock that keeps two sweeps apart.
package sweep

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Name of the function.
const Name = function.Sweep

// Settings are those of sweep. By attach-policies' it knows which roles are
// fine, by validate-config's which objects are config files.
type Settings struct {
	instancerole.Settings
	configobject.Suffixes
	// ConfigBuckets are existing buckets beside the stack's own, CONFIG_BUCKET.
	ConfigBuckets []string `env:"CONFIG_BUCKETS"`

	// The queues of the functions; "" where a function is off.
	AttachPoliciesQueueURL      string `env:"ATTACH_POLICIES_QUEUE_URL"`
	ValidateConfigQueueURL      string `env:"VALIDATE_CONFIG_QUEUE_URL"`
	PatchTaskDefinitionQueueURL string `env:"PATCH_TASK_DEFINITION_QUEUE_URL"`
	RotateSecretQueueURL        string `env:"ROTATE_SECRET_QUEUE_URL"`
	// SweepQueueURL is the queue that wakes this function itself, to go on.
	SweepQueueURL string `env:"SWEEP_QUEUE_URL"`
	// ResultsQueueURL is where the functions' answers come.
	ResultsQueueURL string `env:"SWEEP_RESULTS_QUEUE_URL"`
	// ReportBucket keeps the reports, and the state of the sweep.
	ReportBucket string `env:"REPORT_BUCKET"`

	// RotateSecretARN is the stack's function that rotates secrets, and
	// ExecutionRoleARN the execution role that it gives to definitions: by them, what
	// depends on the stack is known.
	RotateSecretARN  string `env:"ROTATE_SECRET_FUNCTION_ARN"`
	ExecutionRoleARN string `env:"EXECUTION_ROLE_ARN"`

	// FunctionName is what Lambda calls the function; "" outside.
	FunctionName string `env:"AWS_LAMBDA_FUNCTION_NAME"`
	// ChangeLimit is how many subjects a sweep changes at most without being asked.
	ChangeLimit int `env:"SWEEP_CHANGE_LIMIT" envDefault:"100"`
	// AnswerWait is how long a sweep waits without any answer before it gives up
	// on those that are missing. A message whose function was cut off is delivered
	// again after twelve minutes at most.
	AnswerWait time.Duration `env:"ANSWER_WAIT" envDefault:"15m"`
}

// RoleLister is the part of IAM's client that sweep needs.
type RoleLister interface {
	iam.GetAccountAuthorizationDetailsAPIClient
}

// FamilyLister is the part of ECS's client that tells which task definitions there are.
type FamilyLister interface {
	ecs.ListTaskDefinitionFamiliesAPIClient
	ecs.ListTaskDefinitionsAPIClient
}

// SecretLister is the part of Secrets Manager's client that sweep needs.
type SecretLister interface {
	secretsmanager.ListSecretsAPIClient
}

// TrailReader is the part of CloudTrail's client that tells what is logged.
type TrailReader interface {
	DescribeTrails(context.Context, *cloudtrail.DescribeTrailsInput, ...func(*cloudtrail.Options)) (*cloudtrail.DescribeTrailsOutput, error)
	GetTrailStatus(context.Context, *cloudtrail.GetTrailStatusInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error)
	GetEventSelectors(context.Context, *cloudtrail.GetEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error)
}

// Storage is the part of S3's client that sweep needs.
type Storage interface {
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
	GetBucketNotificationConfiguration(context.Context, *s3.GetBucketNotificationConfigurationInput, ...func(*s3.Options)) (*s3.GetBucketNotificationConfigurationOutput, error)
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Queues is the part of SQS's client that sweep needs.
type Queues interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
}

// Clients are AWS's.
type Clients struct {
	Roles     RoleLister
	Families  FamilyLister
	Services  taskuse.Services
	Rules     taskuse.Rules
	Schedules taskuse.Schedules
	Secrets   SecretLister
	Trails    TrailReader
	Storage   Storage
	Queues    Queues
	// Definitions and Departure are needed to leave alone.
	Definitions Definitions
	Departure   Departure
	// Region is the one that they call.
	Region string
}

// Sweep is the function.
type Sweep struct {
	settings Settings
	clients  Clients
	now      func() time.Time
}

// New makes the function, which looks after the clients' region.
func New(settings Settings, clients Clients, now func() time.Time) *Sweep {
	return &Sweep{settings: settings, clients: clients, now: now}
}

// invocation gives what Lambda calls each delivery of one event, and outside
// Lambda a name that is used once.
func invocation(ctx context.Context) string {
	if lambda, ok := lambdacontext.FromContext(ctx); ok && lambda.AwsRequestID != "" {
		return lambda.AwsRequestID
	}
	return rand.Text()
}

// Handle takes one request as far as the time allows: it hands over what there
// is to look at, and collects what was found (pipeline.Runner).
func (s *Sweep) Handle(ctx context.Context, payload []byte) pipeline.Outcome {
	delivery := event.Decode(payload)
	request, refusal := requested(delivery)
	var outcome pipeline.Outcome
	if refusal != nil {
		outcome = s.outcome(s.settings.Mode, settled("event", refusal))
	} else if request.leave {
		outcome = s.leave(ctx, request.dryRun)
	} else {
		outcome = s.answer(ctx, request)
	}
	outcome.FromQueue = delivery.FromQueue
	for i, entry := range outcome.Entries {
		outcome.Entries[i] = entry.AskedBy(delivery.Messages...)
	}
	return outcome
}

func (s *Sweep) outcome(mode finding.Mode, entries ...pipeline.Entry) pipeline.Outcome {
	return pipeline.Outcome{Function: Name, Mode: mode, Entries: entries}
}

// settled is the entry of what needs no work.
func settled(subject string, result *finding.Result) pipeline.Entry {
	return pipeline.Attempt(Name, subject, func() (finding.Result, error) { return *result, nil })
}

// answer goes on with a sweep, or begins one. What failed and may succeed is left
// to the next delivery of the event.
func (s *Sweep) answer(ctx context.Context, request request) pipeline.Outcome {
	run, entry := s.begin(ctx, request)
	if run == nil {
		return s.outcome(s.settings.Mode, entry)
	}
	outcome := s.outcome(run.Mode)
	if parts := run.parts(); len(parts) > 0 {
		outcome.Entries = s.handOver(ctx, run, parts)
		if slices.ContainsFunc(outcome.Entries, func(entry pipeline.Entry) bool { return entry.Result.Status == finding.Failed }) {
			if err := s.release(ctx, run); err != nil {
				outcome.Entries = append(outcome.Entries, failed(err))
			}
			return outcome
		}
	}
	conclusion, entry := s.conclude(ctx, run)
	outcome.Entries = append(outcome.Entries, entry)
	if conclusion == nil {
		return outcome
	}
	returned, summaryEvent, err := conclusion.told()
	if err != nil {
		outcome.Entries = append(outcome.Entries, failed(err))
		return outcome
	}
	outcome.Summary = returned
	if conclusion.final {
		outcome.Events = append(outcome.Events, summaryEvent)
	}
	return outcome
}

// failed is the entry of a sweep that could not go on.
func failed(err error) pipeline.Entry {
	return pipeline.Attempt(Name, "sweep", func() (finding.Result, error) { return finding.Result{}, err })
}

// begin takes the lock, or takes up the run that the request belongs to. Without
// a run, the entry says why there is none.
func (s *Sweep) begin(ctx context.Context, request request) (*Run, pipeline.Entry) {
	id := request.message
	if id == "" {
		id = invocation(ctx)
	}
	var begun *Run
	entry := pipeline.Attempt(Name, "sweep", func() (finding.Result, error) {
		run, aside, err := s.takeUp(ctx, id, request)
		if aside != nil {
			return finding.Result{Status: finding.Skipped, Findings: []finding.Finding{*aside}}, nil
		}
		begun = run
		return finding.Result{}, err
	})
	return begun, entry
}

// share is one part of a sweep on its way from the list to the queue.
type share struct {
	part     Part
	observed Observation
	// err is why it could not be listed.
	err      error
	planned  handoverPlan
	messages []message
	entry    pipeline.Entry
}

// handOver lists the parts, decides what is handed over of them, sends it, and
// notes the result: each step of all parts side by side.
func (s *Sweep) handOver(ctx context.Context, run *Run, parts []Part) []pipeline.Entry {
	shares := make([]share, len(parts))
	for i, part := range parts {
		shares[i].part = part
	}
	sideBySide(shares, func(portion *share) { s.list(ctx, portion) })
	for i, portion := range shares {
		if portion.err == nil {
			shares[i].planned = s.settings.planHandover(portion.observed)
		}
	}
	run.choosePhase(shares)
	for i, portion := range shares {
		shares[i].messages = run.pack(portion.planned.handover)
	}
	sideBySide(shares, func(portion *share) { s.send(ctx, portion) })
	entries := make([]pipeline.Entry, len(shares))
	for i, portion := range shares {
		if portion.isSent() {
			run.Progress = s.now().UTC()
		} else {
			run.forget(portion.messages)
		}
		run.note(portion.part.Kind, portion.observed, portion.entry.Result)
		entries[i] = portion.entry
	}
	return entries
}

// sideBySide does the same for every share at once.
func sideBySide(shares []share, work func(*share)) {
	var group sync.WaitGroup
	for i := range shares {
		group.Go(func() { work(&shares[i]) })
	}
	group.Wait()
}

// list lists a part.
func (s *Sweep) list(ctx context.Context, part *share) {
	observer := observer{s.settings, s.clients, s.clients.Region, s.now}
	part.err = pipeline.Guard(func() (err error) {
		part.observed, err = observer.observe(ctx, part.part)
		return err
	})
}

// send hands over what was listed, and makes the entry. To ask for a look changes
// nothing, so a dry run sends, too: it asks for plans.
func (s *Sweep) send(ctx context.Context, portion *share) {
	portion.entry = pipeline.Attempt(Name, string(portion.part.Kind), func() (finding.Result, error) {
		if portion.err != nil {
			return finding.Result{}, portion.err
		}
		result := finding.Result{Findings: portion.planned.findings}
		if handover := portion.planned.handover; handover != nil {
			result.Actions = []finding.Action{handover.describe()}
			if err := s.sendAll(ctx, handover.queueURL, portion.messages); err != nil {
				return result, fmt.Errorf("%s: %w", result.Actions[0].Kind, err)
			}
			result.Actions[0].Applied = true
		}
		result.Status = finding.Decide(finding.Enforce, result.Findings, result.Actions)
		return result, nil
	})
}

// isSent reports whether all messages were taken. What was sent in vain, because
// another message was not taken, is forgotten: the next attempt sends it again,
// and to look at something twice does no harm.
func (part *share) isSent() bool {
	actions := part.entry.Result.Actions
	return len(part.messages) > 0 && len(actions) == 1 && actions[0].Applied
}

// conclude collects answers, and reports or goes on. Without a conclusion, the
// answers could not be taken.
func (s *Sweep) conclude(ctx context.Context, run *Run) (*conclusion, pipeline.Entry) {
	var concluded *conclusion
	entry := pipeline.Attempt(Name, "report", func() (finding.Result, error) {
		collected, err := s.collect(ctx, run)
		if err != nil {
			return finding.Result{}, err
		}
		sent, err := s.carryOut(ctx, run)
		if err != nil {
			return finding.Result{Actions: sent}, err
		}
		if len(sent) > 0 {
			more, err := s.collect(ctx, run)
			if err != nil {
				return finding.Result{Actions: sent}, err
			}
			collected = collected.and(more)
		}
		planned := s.settings.plan(run, collected, s.clients.Region)
		concluded = &planned
		run.Ended = planned.final
		result, err := s.finish(ctx, run, collected, planned)
		result.Actions = slices.Concat(sent, result.Actions)
		return result, err
	})
	return concluded, entry
}
