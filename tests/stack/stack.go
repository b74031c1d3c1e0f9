// Package stack runs the shipped template on this machine: emulator, endpoint,
// what the rig adds to them, and the deployment by the real sam.
package stack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	trails "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/ecs-guardrails/ecs-guardrails/tests/authorization"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/bucketpolicy"
	"github.com/ecs-guardrails/ecs-guardrails/tests/cloudtrail"
	"github.com/ecs-guardrails/ecs-guardrails/tests/containerinstance"
	"github.com/ecs-guardrails/ecs-guardrails/tests/customerkey"
	"github.com/ecs-guardrails/ecs-guardrails/tests/ecsimage"
	"github.com/ecs-guardrails/ecs-guardrails/tests/emulator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/managedpolicy"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/tests/registryserver"
	"github.com/ecs-guardrails/ecs-guardrails/tests/resourcepolicy"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rolepages"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rolequota"
	"github.com/ecs-guardrails/ecs-guardrails/tests/rotationservice"
	"github.com/ecs-guardrails/ecs-guardrails/tests/secretpolicy"
	"github.com/ecs-guardrails/ecs-guardrails/tests/securityhub"
	"github.com/ecs-guardrails/ecs-guardrails/tests/taskdefinition"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
	"github.com/ecs-guardrails/ecs-guardrails/tests/userdata"
)

const (
	// Account is the account of the local stack: that of the samples in events/,
	// so that they are about this account when a person sends them.
	Account = "123456789012"
	// Region is the one in which IAM's events exist.
	Region = "us-east-1"
	// AccessKey and SecretKey are a person's credentials; the emulator takes any.
	AccessKey = "test"
	SecretKey = "test"
	// user is the name that CloudTrail's records give to people.
	user = "operator"
	// testPrefix begins the names of stacks that a program runs for itself.
	testPrefix = "test-"
)

// Options say what to run. The zero value runs the checkout's template in
// enforce mode for this process alone.
type Options struct {
	// Checkout is the root of the repository; by default the one that the
	// working folder is in.
	Checkout string
	// Name tells stacks of one checkout apart; by default one of this process.
	Name string
	// StackName is CloudFormation's; by default ecs-guardrails.
	StackName string
	// Template is the SAM template; by default the checkout's.
	Template string
	// Parameters are added to, or replace, the local ones of the template.
	Parameters map[string]string
	// Waits replace waits of the template that have no parameter and that a test
	// can't sit out, by the path below Resources ("Queue.Properties.DelaySeconds").
	Waits map[string]string
	// Progress gets a line for each step; by default they are dropped.
	Progress io.Writer
}

// Stack is a running local AWS with the template deployed.
type Stack struct {
	// Name is CloudFormation's name of the stack.
	Name string
	// Endpoint is the AWS_ENDPOINT_URL for everybody.
	Endpoint string
	// Outputs are the stack's.
	Outputs map[string]string
	// Config is for a person's clients.
	Config aws.Config
	// Behind is for clients whose calls cause no event.
	Behind aws.Config
	// Record has every call that passed the endpoint.
	Record *awscall.Record
	// Simulation answers what a role may do, from the policies in the emulator.
	Simulation *policysimulation.Service
	// Guard holds the functions' calls against their roles' policies.
	Guard *authorization.Guard
	// Registry is a real one, with an htpasswd file in the config bucket.
	Registry *registryserver.Server
	// Instances are those of clusters.
	Instances *containerinstance.Service
	// SecurityHub has the findings that were imported.
	SecurityHub *securityhub.Service
	// Launches are those of EC2 instances.
	Launches *userdata.Store

	options   Options
	folder    *Folder
	deliverer *cloudtrail.Deliverer
	rotation  *rotationservice.Service
	closers   []func() error
	logger    *slog.Logger
	emulator  *emulator.Emulator

	rolesMutex sync.Mutex
	// roles are the functions' identities by short name, principals those of
	// everybody else by access key.
	roles, principals map[string]cloudtrail.Identity
	deployments       deployments
}

// Start runs a stack. When it fails, or the context ends before it is ready,
// nothing is left running; the logs stay in .local/run/NAME.
func Start(ctx context.Context, options Options) (*Stack, error) {
	if options.Progress == nil {
		options.Progress = io.Discard
	}
	if options.Checkout == "" {
		checkout, err := Checkout()
		if err != nil {
			return nil, err
		}
		options.Checkout = checkout
	}
	if options.Name == "" {
		options.Name = testPrefix + strconv.Itoa(os.Getpid())
	}
	if options.StackName == "" {
		options.StackName = "ecs-guardrails"
	}
	if options.Template == "" {
		options.Template = filepath.Join(options.Checkout, "template.yaml")
	}
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("the local stack runs the functions' Linux binaries, and so needs Linux, not %s (a virtual machine or a container will do)", runtime.GOOS)
	}
	folder, err := claimFolder(options.Checkout, options.Name)
	if err != nil {
		return nil, err
	}
	stack := &Stack{Name: options.StackName, options: options, folder: folder, roles: map[string]cloudtrail.Identity{}, principals: map[string]cloudtrail.Identity{}}
	stack.closers = append(stack.closers, folder.close)
	if err := stack.start(ctx); err != nil {
		return nil, errors.Join(err, stack.Stop())
	}
	return stack, nil
}

func (s *Stack) start(ctx context.Context) error {
	progress := s.options.Progress
	python, err := toolchain.Install(ctx, s.options.Checkout, toolchain.Emulator, progress)
	if err != nil {
		return err
	}
	samPrograms, err := toolchain.Install(ctx, s.options.Checkout, toolchain.SAM, progress)
	if err != nil {
		return err
	}
	if err := s.startAWS(ctx, filepath.Join(python, "python")); err != nil {
		return err
	}
	sam := &sam{program: filepath.Join(samPrograms, "sam"), stack: s}
	if err := sam.prepare(ctx); err != nil {
		return err
	}
	fmt.Fprintln(progress, "building the functions with sam build …")
	if err := sam.build(ctx); err != nil {
		return err
	}
	fmt.Fprintln(progress, "deploying the stack with sam deploy …")
	if err := sam.deploy(ctx); err != nil {
		return err
	}
	if err := s.readOutputs(ctx); err != nil {
		return err
	}
	fmt.Fprintln(progress, "starting the registry …")
	return s.startRegistry(ctx)
}

// startAWS runs the emulator and what stands in front of it.
func (s *Stack) startAWS(ctx context.Context, python string) error {
	log, err := os.Create(s.folder.file("rig.log"))
	if err != nil {
		return fmt.Errorf("making the rig's log: %w", err)
	}
	s.closers = append(s.closers, log.Close)
	s.logger = slog.New(slog.NewTextHandler(log, nil))
	lines, err := os.Create(s.folder.file("calls.jsonl"))
	if err != nil {
		return fmt.Errorf("making the record of calls: %w", err)
	}
	s.closers = append(s.closers, lines.Close)
	s.Record = awscall.NewRecord(lines)

	front, err := endpoint.Listen()
	if err != nil {
		return err
	}
	s.closers = append(s.closers, front.Close)
	s.Endpoint = front.URL.String()
	s.Config = configuration(s.Endpoint)

	managed, err := managedpolicy.Documents()
	if err != nil {
		return err
	}
	parameters, err := ecsimage.Parameters()
	if err != nil {
		return err
	}
	fmt.Fprintln(s.options.Progress, "starting the AWS emulator …")
	s.emulator, err = emulator.Start(ctx, emulator.Options{
		Python:   python,
		Folder:   s.folder.Path,
		Log:      s.folder.file("ministack.log"),
		Endpoint: s.Endpoint,
		Account:  Account,
		Region:   Region,
		Provided: emulator.Provided{ManagedPolicies: managed, Images: ecsimage.Images, Parameters: parameters},
		Internal: s.internal,
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.emulator.Stop)

	// The rig's own calls go past the endpoint: they belong to no principal.
	s.Behind = configuration(s.emulator.URL.String())
	behind := s.Behind
	functions, queues, roles := lambda.NewFromConfig(behind), sqs.NewFromConfig(behind), iam.NewFromConfig(behind)
	secrets := secretsmanager.NewFromConfig(behind)
	if err := cloudtrail.LogManagementEvents(ctx, trails.NewFromConfig(behind)); err != nil {
		return err
	}
	policies := &resourcepolicy.Checker{Lambda: functions, SQS: queues}
	s.Simulation = &policysimulation.Service{IAM: roles}
	s.deliverer = &cloudtrail.Deliverer{
		EventBridge: eventbridge.NewFromConfig(behind),
		Lambda:      functions,
		SQS:         queues,
		Admits:      policies.Admits,
		Identify:    s.identify,
		Logger:      s.logger,
	}
	s.background(s.deliverer.Run)
	s.rotation = rotationservice.New(&rotationservice.Service{
		SecretsManager: secrets,
		Lambda:         functions,
		MayInvoke: func(ctx context.Context, function, secret string) (bool, error) {
			return policies.Admits(ctx, function, "secretsmanager.amazonaws.com", secret)
		},
		Logger: s.logger,
	})
	s.closers = append(s.closers, s.rotation.Stop)
	if s.Instances, err = containerinstance.New(s.folder.file("instances"), s.emulator.URL.String(), Region, Account); err != nil {
		return err
	}
	s.closers = append(s.closers, s.Instances.Stop)
	s.Launches = &userdata.Store{}
	definitions := s.taskDefinitions(context.WithoutCancel(ctx))
	s.deployments.definitions = definitions
	customerKeys := &customerkey.Store{}
	bucketPolicies := &bucketpolicy.Service{S3: s3.NewFromConfig(behind)}
	quota := &rolequota.Service{IAM: roles}
	s.SecurityHub = &securityhub.Service{Account: Account, Region: Region}

	s.Guard = &authorization.Guard{
		Account:    Account,
		Simulation: s.Simulation,
		Resources:  &authorization.Emulated{IAM: roles, SecretsManager: secrets, EventBridge: eventbridge.NewFromConfig(behind)},
		Principal: func(ctx context.Context, exchange awscall.Exchange) (authorization.Principal, error) {
			identity, err := s.function(ctx, exchange)
			return authorization.Principal{RoleARN: identity.RoleARN, SessionARN: identity.SessionARN()}, err
		},
		Person: func(ctx context.Context, exchange awscall.Exchange) (authorization.Principal, error) {
			identity, err := s.identify(ctx, exchange)
			return authorization.Principal{RoleARN: cmp.Or(identity.RoleARN, identity.ARN()), SessionARN: identity.ARN()}, err
		},
		Logger: s.logger,
		Key:    s.options.Parameters["KeyArn"],
	}
	supplements := s.rotation.Supplements()
	maps.Copy(supplements, s.Instances.Supplements())
	maps.Copy(supplements, customerKeys.Supplements())
	maps.Copy(supplements, s.SecurityHub.Supplements())
	supplements["iam:SimulatePrincipalPolicy"] = s.Simulation.Answer
	supplements["iam:AttachRolePolicy"] = quota.Answer
	supplements["secretsmanager:PutResourcePolicy"] = secretpolicy.Answer
	supplements["s3:GetBucketPolicyStatus"] = bucketPolicies.Answer
	supplements["s3:GetAccountPublicAccessBlock"] = bucketpolicy.AnswerAccount
	supplements["ec2:DescribeInstanceAttribute"] = s.Launches.Answer
	amendments := s.rotation.Amendments()
	amendments["ecs:RegisterTaskDefinition"] = definitions.AmendRegistration
	amendments["ecs:DescribeTaskDefinition"] = definitions.AmendDescription
	amendments["ec2:DescribeInstances"] = s.Launches.AmendInstances
	maps.Copy(amendments, new(rolepages.Service).Amendments())
	front.Serve(s.emulator.URL, endpoint.Options{
		Record: s.Record,
		Guard: func(writer http.ResponseWriter, request *http.Request, exchange awscall.Exchange) bool {
			s.deployments.note(exchange)
			return s.Guard.Check(writer, request, exchange)
		},
		Supplements: supplements,
		Amendments:  amendments,
		Observe: func(exchange awscall.Exchange) {
			if call := exchange.Call; call.Caller != awscall.Person {
				patience.Happened(fmt.Sprintf("at %s, %s called %s: %d %s", call.Time.Format("15:04:05"), call.Caller, call.Name(), call.Status, call.ErrorCode))
			}
			s.Launches.Observe(exchange)
			customerKeys.Observe(exchange)
			s.deliverer.Observe(exchange)
		},
		Logger: s.logger,
	})
	return nil
}

// taskDefinitions completes what the emulator says of them.
func (s *Stack) taskDefinitions(ctx context.Context) *taskdefinition.Store {
	client := ecs.NewFromConfig(s.Behind)
	return &taskdefinition.Store{
		Identify: func(exchange awscall.Exchange) (string, error) {
			identity, err := s.identify(ctx, exchange)
			return identity.ARN(), err
		},
		Latest: func(family string) (string, error) {
			pages := ecs.NewListTaskDefinitionsPaginator(client, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family, Sort: ecstypes.SortOrderDesc})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return "", fmt.Errorf("listing the revisions of %s: %w", family, err)
				}
				for _, arn := range page.TaskDefinitionArns {
					// The emulator takes the family for the beginning of one.
					if strings.Contains(arn, "/"+family+":") {
						return arn, nil
					}
				}
			}
			return "", nil
		},
		Describe: func(like awscall.Exchange, name string) ([]byte, error) {
			return endpoint.Repeat(ctx, s.emulator.URL, like, map[string]any{"taskDefinition": name})
		},
	}
}

// startRegistry runs a registry whose htpasswd file lies in the config bucket,
// where rotate-secret may change it.
func (s *Stack) startRegistry(ctx context.Context) error {
	bucket := s.Outputs["ConfigBucket"]
	if bucket == "" {
		return fmt.Errorf("the stack %s has no output ConfigBucket, where the registry's htpasswd file belongs", s.Name)
	}
	log, err := os.Create(s.folder.file("registry.log"))
	if err != nil {
		return fmt.Errorf("making the registry's log: %w", err)
	}
	s.closers = append(s.closers, log.Close)
	s.Registry, err = registryserver.Start(ctx, registryserver.Options{
		S3:     s3.NewFromConfig(s.Behind),
		Bucket: bucket,
		Key:    "registry/htpasswd",
		Folder: s.folder.Path,
		Log:    log,
		Logger: s.logger,
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, s.Registry.Stop)
	return nil
}

// background runs a service of the rig until the stack stops.
func (s *Stack) background(run func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(ctx)
	}()
	s.closers = append(s.closers, func() error {
		cancel()
		<-done
		return nil
	})
}

func configuration(url string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
		HTTPClient:   endpoint.NewClient(),
	}
}

func (s *Stack) readOutputs(ctx context.Context) error {
	output, err := cloudformation.NewFromConfig(s.Config).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &s.Name})
	if err != nil {
		return fmt.Errorf("reading the stack's outputs: %w", err)
	}
	s.Outputs = map[string]string{}
	for _, value := range output.Stacks[0].Outputs {
		s.Outputs[aws.ToString(value.OutputKey)] = aws.ToString(value.OutputValue)
	}
	return nil
}

// Stop ends everything that Start began, the last first.
func (s *Stack) Stop() error {
	var failures []error
	for index := len(s.closers) - 1; index >= 0; index-- {
		failures = append(failures, s.closers[index]())
	}
	s.closers = nil
	return errors.Join(failures...)
}

// Binary is the path of a function's executable ("attach-policies"), as it was
// deployed.
func (s *Stack) Binary(function string) string {
	return s.folder.file(filepath.Join("build", LogicalID(function), "bootstrap"))
}

// Done is closed when the emulator ended by itself, which it should not.
func (s *Stack) Done() <-chan struct{} { return s.emulator.Done() }

// Hand delivers events of AWS's services to the targets of the stack's rules.
func (s *Stack) Hand(ctx context.Context, events ...cloudtrail.Event) error {
	return s.deliverer.Hand(ctx, events...)
}

// Deliveries returns the CloudTrail events that rules handed to targets.
func (s *Stack) Deliveries() []cloudtrail.Delivery { return s.deliverer.Deliveries() }

// AllDelivered reports whether rules have got the event of every call so far.
func (s *Stack) AllDelivered() bool { return s.deliverer.IsIdle() }

// Rotations returns the rotations that were asked of Secrets Manager.
func (s *Stack) Rotations() []rotationservice.Rotation { return s.rotation.Rotations() }

// CallsBy returns what a function ("attach-policies") called so far.
func (s *Stack) CallsBy(function string) []awscall.Call {
	return s.Record.Calls(awscall.By(function))
}

// Wait asks until the condition holds, as long as a function of a stack makes
// calls (patience.Wait).
func Wait(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	return patience.Wait(ctx, what, condition)
}

// architecture is the template's word for this machine's processor.
func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// Variable is one that leads a shell to the stack.
type Variable struct{ Name, Value string }

// Variables are all that a person or a script needs to reach the stack.
func (s *Stack) Variables() []Variable {
	return []Variable{
		{"AWS_ENDPOINT_URL", s.Endpoint},
		{"AWS_REGION", Region},
		{"AWS_DEFAULT_REGION", Region},
		{"AWS_ACCESS_KEY_ID", AccessKey},
		{"AWS_SECRET_ACCESS_KEY", SecretKey},
		{"STACK", s.Name},
		{"REGISTRY", s.Registry.Host},
		{"REGISTRY_IMAGE", s.Registry.Image()},
		{"REGISTRY_USERNAME", s.Registry.Username},
		{"REGISTRY_PASSWORD", s.Registry.Password},
		{"REGISTRY_HTPASSWD", s.Registry.HtpasswdObject()},
	}
}

// Beside deploys the same build once more, as another stack of the same account
// and region. It ends with this one.
func (s *Stack) Beside(ctx context.Context, name string, parameters map[string]string) (*Stack, error) {
	programs, err := toolchain.Install(ctx, s.options.Checkout, toolchain.SAM, s.options.Progress)
	if err != nil {
		return nil, err
	}
	options := s.options
	options.Parameters = maps.Clone(s.options.Parameters)
	if options.Parameters == nil {
		options.Parameters = map[string]string{}
	}
	maps.Copy(options.Parameters, parameters)
	other := &Stack{
		Name: name, Endpoint: s.Endpoint, Config: s.Config, Record: s.Record, Simulation: s.Simulation, Guard: s.Guard, Registry: s.Registry,
		options: options, folder: s.folder, deliverer: s.deliverer, rotation: s.rotation, logger: s.logger, emulator: s.emulator,
		roles: map[string]cloudtrail.Identity{}, principals: map[string]cloudtrail.Identity{},
	}
	deployer := &sam{program: filepath.Join(programs, "sam"), stack: other}
	if err := deployer.prepare(ctx); err != nil {
		return nil, err
	}
	if err := deployer.deploy(ctx); err != nil {
		return nil, err
	}
	return other, other.readOutputs(ctx)
}
