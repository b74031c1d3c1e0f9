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
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ecsguardrails/shared/configobject"
	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/instancerole"
	"ecsguardrails/shared/pipeline"
	"ecsguardrails/shared/taskuse"
)

// Name of the function.
const Name = "sweep"

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

	// IAMEvents says whether the stack listens for IAM's events here.
	IAMEvents IAMEvents `env:"IAM_EVENTS" envDefault:"auto"`
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
}

// Sweep is the function.
type Sweep struct {
	settings Settings
	clients  Clients
	region   string
	now      func() time.Time
	// request identifies an invocation: those that deliver one event again have
	// the same.
	request func(context.Context) string
}

// New makes the function, which looks after a region. Request tells what
// identifies an invocation, the same for each delivery of one event.
func New(settings Settings, clients Clients, region string, now func() time.Time, request func(context.Context) string) *Sweep {
	return &Sweep{settings: settings, clients: clients, region: region, now: now, request: request}
}

// Handle takes one request as far as the time allows: it hands over what there
// is to look at, and collects what was found (pipeline.Runner).
func (s *Sweep) Handle(ctx context.Context, payload []byte) pipeline.Outcome {
	asked, settled := s.asked(event.Decode(payload))
	if settled != nil {
		return s.answering(settled).Handle(ctx, payload)
	}
	id := asked.message
	if id == "" {
		id = s.request(ctx)
	}
	run, aside, err := s.begin(ctx, id, asked)
	if err != nil || aside != nil {
		return s.steppingAside(aside, err).Handle(ctx, payload)
	}
	outcome := s.sweep(ctx, run, payload)
	outcome.Report.Mode = run.Mode
	if run.summary == nil {
		return outcome
	}
	returned, event, err := run.told()
	if err != nil {
		return outcome.And(s.steppingAside(nil, err).Handle(ctx, payload))
	}
	outcome.Report.Summary = returned
	if run.final {
		outcome.Events = append(outcome.Events, event)
	}
	return outcome
}

// sweep hands over what is still to be listed, and reports. What failed and may
// succeed is left to the next delivery of the event.
func (s *Sweep) sweep(ctx context.Context, run *Run, payload []byte) pipeline.Outcome {
	if len(run.parts()) == 0 {
		return s.reporting(run).Handle(ctx, payload)
	}
	handed := s.handingOver(run).Handle(ctx, payload)
	run.note(handed.Report.Results)
	if !slices.ContainsFunc(handed.Report.Results, func(result finding.Result) bool { return result.Status == finding.Failed }) {
		return handed.And(s.reporting(run).Handle(ctx, payload))
	}
	if err := s.release(ctx, run); err != nil {
		return handed.And(s.steppingAside(nil, err).Handle(ctx, payload))
	}
	return handed
}

// answering is the function for what needs no sweep.
func (s *Sweep) answering(settled []pipeline.Subject[Part]) *pipeline.Function[Part, Observation, pipeline.NoQuestion, Action] {
	return &pipeline.Function[Part, Observation, pipeline.NoQuestion, Action]{
		Name: Name, Mode: s.settings.Mode,
		Subjects: func(event.Trigger) []pipeline.Subject[Part] { return settled },
	}
}

// steppingAside is the function where no sweep could begin.
func (s *Sweep) steppingAside(aside *finding.Finding, err error) *pipeline.Function[Part, Observation, pipeline.NoQuestion, Action] {
	return &pipeline.Function[Part, Observation, pipeline.NoQuestion, Action]{
		Name: Name, Mode: s.settings.Mode,
		Subjects: func(event.Trigger) []pipeline.Subject[Part] {
			return []pipeline.Subject[Part]{{Name: "sweep"}}
		},
		Observe: func(context.Context, Part) (Observation, error) { return Observation{}, err },
		Plan:    func(Observation) pipeline.Plan[Action] { return pipeline.Plan[Action]{Skip: aside} },
	}
}

// handingOver is the function that lists what exists and hands it over.
func (s *Sweep) handingOver(run *Run) *pipeline.Function[Part, Observation, pipeline.NoQuestion, Action] {
	observer := observer{s.settings, s.clients, s.region, s.now}
	sender := sender{s.clients.Queues, run, s.now}
	return &pipeline.Function[Part, Observation, pipeline.NoQuestion, Action]{
		Name: Name, Mode: run.Mode,
		// To ask for a look changes nothing; in a dry run, it asks for a plan.
		Harmless: true,
		Subjects: func(event.Trigger) []pipeline.Subject[Part] { return run.parts() },
		Observe:  observer.observe,
		Plan: func(o Observation) pipeline.Plan[Action] {
			run.saw(o)
			return s.settings.plan(o)
		},
		Describe: Action.describe,
		Apply:    sender.apply,
		Parallel: len(kinds) + 1,
	}
}

// reporting is the function that collects the answers and reports.
func (s *Sweep) reporting(run *Run) *pipeline.Function[*Run, Collection, pipeline.NoQuestion, Conclusion] {
	collector := collector{s, run}
	return &pipeline.Function[*Run, Collection, pipeline.NoQuestion, Conclusion]{
		Name: Name, Mode: run.Mode,
		Harmless: true,
		Subjects: func(event.Trigger) []pipeline.Subject[*Run] {
			return []pipeline.Subject[*Run]{{Name: "report", Of: run}}
		},
		Observe: collector.observe,
		Plan: func(c Collection) pipeline.Plan[Conclusion] {
			c.Region = s.region
			plan, summary, final := s.settings.conclude(c)
			run.summary, run.final = &summary, final
			return plan
		},
		Describe: Conclusion.describe,
		Apply:    collector.apply,
	}
}
