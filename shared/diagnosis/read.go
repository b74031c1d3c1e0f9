package diagnosis

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// Containers is the part of ECS's client that tells what failed.
type Containers interface {
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error)
	ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error)
	ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error)
	DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error)
}

// Roles is the part of IAM's client that tells what a role may do.
type Roles interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	GetInstanceProfile(context.Context, *iam.GetInstanceProfileInput, ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error)
	iam.SimulatePrincipalPolicyAPIClient
}

// Secrets is the part of Secrets Manager's client that looks at secrets, not at their values.
type Secrets interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
}

// Instances is the part of EC2's client that looks at instances.
type Instances interface {
	ec2.DescribeInstancesAPIClient
	DescribeInstanceAttribute(context.Context, *ec2.DescribeInstanceAttributeInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceAttributeOutput, error)
}

// Clients are AWS's, and the registries'.
type Clients struct {
	Containers Containers
	Roles      Roles
	Secrets    Secrets
	Instances  Instances
	Storage    Storage
	Queues     Queues
	Registries *registry.Asker
}

const (
	// readsOfEvent are the calls that confirm a cause: with the state, the
	// hand-over and the message they are five.
	readsOfEvent = 2
	// readsOfInstance are the calls that tell what keeps an instance out.
	readsOfInstance = 3
	// readsByHand are more, since a person waits for the answer.
	readsByHand = 6
	// lookedAt is how many of a service's stopped tasks are read.
	lookedAt = 20
)

// observe reads what failed, where an event or a person only names it, and sees
// whether people know.
func (d *Diagnosis) observe(ctx context.Context, f Failure) (Observation, error) {
	o := Observation{Failure: f, Found: true, Now: d.now(), reads: readsOfEvent, Answers: map[Question]Answer{}}
	if f.unread != nil {
		return o, f.unread
	}
	if f.ByHand {
		o.reads = readsByHand
	}
	if f.Open != nil {
		o.reads = readsByHand
		return o, nil
	}
	if f.Reason.ID == stopreason.NotRegistered {
		o.reads = readsOfInstance
	}
	switch f.Read {
	case ReadTask:
		return d.readTask(ctx, o)
	case ReadService:
		var err error
		if o, err = d.readService(ctx, o); err != nil || !o.Found || f.ByHand {
			return o, err
		}
	case ReadInstance:
		return d.readInstance(ctx, o)
	}
	if o.Failure.ByHand {
		return o, nil
	}
	sighting, err := d.memory.Claim(ctx, o.Failure, attemptsOf(ctx, o.Failure))
	o.Sighting = sighting
	return o, err
}

// asDetail writes a task of the API as events have it.
func asDetail(task types.Task) taskDetail {
	detail := taskDetail{
		TaskARN: aws.ToString(task.TaskArn), ClusterARN: aws.ToString(task.ClusterArn), TaskDefinitionARN: aws.ToString(task.TaskDefinitionArn),
		ContainerInstanceARN: aws.ToString(task.ContainerInstanceArn), Group: aws.ToString(task.Group), LastStatus: aws.ToString(task.LastStatus),
		StopCode: string(task.StopCode), StoppedReason: aws.ToString(task.StoppedReason), LaunchType: string(task.LaunchType), Version: task.Version,
	}
	if task.PullStoppedAt != nil {
		detail.PullStoppedAt = task.PullStoppedAt.UTC().Format(time.RFC3339)
	}
	raw, err := json.Marshal(containersOf(task))
	if err == nil {
		_ = json.Unmarshal(raw, &detail.Containers)
	}
	return detail
}

type wireContainer struct {
	Name       string `json:"name"`
	Image      string `json:"image"`
	LastStatus string `json:"lastStatus"`
	Reason     string `json:"reason"`
	ExitCode   *int   `json:"exitCode,omitempty"`
}

func containersOf(task types.Task) []wireContainer {
	containers := make([]wireContainer, len(task.Containers))
	for i, c := range task.Containers {
		containers[i] = wireContainer{Name: aws.ToString(c.Name), Image: aws.ToString(c.Image), LastStatus: aws.ToString(c.LastStatus), Reason: aws.ToString(c.Reason)}
		if c.ExitCode != nil {
			code := int(*c.ExitCode)
			containers[i].ExitCode = &code
		}
	}
	return containers
}

// took gives the observation of a failure that was read.
func (o Observation) took(found Failure) Observation {
	found.ByHand, found.DryRun = o.Failure.ByHand, o.Failure.DryRun
	if found.Service == "" {
		found.Service = o.Failure.Service
	}
	if found.Cluster == "" {
		found.Cluster = o.Failure.Cluster
	}
	o.Failure = found
	return o
}

func (d *Diagnosis) readTask(ctx context.Context, o Observation) (Observation, error) {
	output, err := d.clients.Containers.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &o.Failure.Cluster, Tasks: []string{o.Failure.Task}})
	if err != nil {
		return o, fmt.Errorf("describe task %s: %w", o.Failure.Task, err)
	}
	if len(output.Tasks) == 0 {
		o.Found = false
		return o, nil
	}
	o = o.took(asDetail(output.Tasks[0]).failure())
	o.Found = o.Failure.Reason.ID != stopreason.WrapperNoCause && o.Failure.Reason.Text != "" || o.Failure.Reason.ID == stopreason.ApplicationExit
	return o, nil
}

// readService looks at a service's tasks that stopped last, and where none tells
// a cause, at its newest events.
func (d *Diagnosis) readService(ctx context.Context, o Observation) (Observation, error) {
	f := o.Failure
	tasks, err := d.tasksOf(ctx, f, types.DesiredStatusStopped)
	if err != nil {
		return o, err
	}
	o.reads = max(o.reads-2, 0)
	if f.ByHand {
		running, err := d.tasksOf(ctx, f, types.DesiredStatusRunning)
		if err != nil {
			return o, err
		}
		tasks = append(tasks, running...)
		o.reads = readsByHand - 4
	}
	slices.SortStableFunc(tasks, func(a, b types.Task) int { return aws.ToTime(b.StoppedAt).Compare(aws.ToTime(a.StoppedAt)) })
	exit := Failure{}
	for _, task := range tasks {
		found := asDetail(task).failure()
		switch reason := found.Reason; {
		case reason.Failure(), reason.Text != "" && reason.ID == stopreason.Unrecognised:
			return o.took(found), nil
		case reason.ID == stopreason.ApplicationExit, reason.ID == stopreason.OutOfMemory:
			exit = found
		}
	}
	if f.ByHand {
		told, err := d.toldByService(ctx, &o.Failure)
		if told || err != nil {
			return o, err
		}
	}
	if exit.Task != "" {
		return o.took(exit), nil
	}
	o.Found = false
	return o, nil
}

// tasksOf reads the tasks of a service with a status.
func (d *Diagnosis) tasksOf(ctx context.Context, f Failure, status types.DesiredStatus) ([]types.Task, error) {
	listed, err := d.clients.Containers.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &f.Cluster, ServiceName: &f.Service, DesiredStatus: status, MaxResults: aws.Int32(lookedAt)})
	if err != nil {
		return nil, fmt.Errorf("list the tasks of %s/%s: %w", f.Cluster, f.Service, err)
	}
	if len(listed.TaskArns) == 0 {
		return nil, nil
	}
	output, err := d.clients.Containers.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &f.Cluster, Tasks: listed.TaskArns})
	if err != nil {
		return nil, fmt.Errorf("describe the tasks of %s/%s: %w", f.Cluster, f.Service, err)
	}
	return output.Tasks, nil
}

// eventsRead is how many of a service's newest events are read.
const eventsRead = 5

// toldByService takes the reason from what the service's newest events say, and
// reports whether one does.
func (d *Diagnosis) toldByService(ctx context.Context, f *Failure) (bool, error) {
	output, err := d.clients.Containers.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &f.Cluster, Services: []string{f.Service}})
	if err != nil {
		return false, fmt.Errorf("describe service %s/%s: %w", f.Cluster, f.Service, err)
	}
	for _, service := range output.Services {
		for _, event := range service.Events[:min(len(service.Events), eventsRead)] {
			if reason := stopreason.Classify(aws.ToString(event.Message)); reason.Failure() {
				f.Reason = reason
				f.place(aws.ToString(service.ClusterArn))
				return true, nil
			}
		}
	}
	return false, nil
}

// readInstance looks whether the instance is in its cluster.
func (d *Diagnosis) readInstance(ctx context.Context, o Observation) (Observation, error) {
	answer, err := d.registered(ctx, Question{Kind: AskRegistered, Subject: o.Failure.Instance, Role: o.Failure.Cluster})
	switch {
	case err != nil:
		return o, err
	case answer.Gone:
		o.Failure.Reason = stopreason.Known(stopreason.NotRegistered)
	case !answer.Connected:
		o.Failure.Reason = stopreason.Known("place-agent")
	default:
		o.Found = false
	}
	return o, nil
}

// answer reads one wave's answers, side by side.
func (d *Diagnosis) answer(ctx context.Context, o Observation, questions []Question) (Observation, error) {
	answers := make([]Answer, len(questions))
	group, reading := errgroup.WithContext(ctx)
	for i, question := range questions {
		group.Go(func() error {
			answer, err := d.read(reading, question)
			switch {
			case err == nil:
			case awserror.Classify(err) == awserror.Gone:
				answer.Gone = true
			case awserror.Classify(err) == awserror.Denied, awserror.Classify(err) == awserror.Refused:
				// It costs the confirmation, not the message.
				answer.Unknown = awserror.Answered(err)
			default:
				return err
			}
			answers[i] = answer
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return o, err
	}
	known := make(map[Question]Answer, len(o.Answers)+len(questions))
	for question, answer := range o.Answers {
		known[question] = answer
	}
	for i, question := range questions {
		known[question] = answers[i]
		if question.Kind != AskImage {
			o.reads--
		}
	}
	o.Answers = known
	return o, nil
}

// readers answer each kind of question.
var readers = map[Kind]func(*Diagnosis, context.Context, Question) (Answer, error){
	AskDefinition: (*Diagnosis).definition, AskRight: (*Diagnosis).right, AskRole: (*Diagnosis).role, AskSecret: (*Diagnosis).secret,
	AskFile: (*Diagnosis).file, AskImage: (*Diagnosis).image, AskCluster: (*Diagnosis).cluster, AskAttributes: (*Diagnosis).attributes,
	AskService: (*Diagnosis).service, AskRunning: (*Diagnosis).running, AskRegistered: (*Diagnosis).registered,
	AskInstance: (*Diagnosis).instance, AskProfile: (*Diagnosis).profile,
}

func (d *Diagnosis) read(ctx context.Context, q Question) (Answer, error) {
	reader, known := readers[q.Kind]
	if !known {
		return Answer{Unknown: "it isn't known how to ask"}, nil
	}
	return reader(d, ctx, q)
}

func (d *Diagnosis) definition(ctx context.Context, q Question) (Answer, error) {
	output, err := d.clients.Containers.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &q.Subject})
	if err != nil {
		return Answer{}, err
	}
	return Answer{Definition: output.TaskDefinition}, nil
}

func (d *Diagnosis) right(ctx context.Context, q Question) (Answer, error) {
	answers, err := policysimulation.Simulate(ctx, d.clients.Roles, q.Role, []policysimulation.Question{{Action: q.Action, Resource: q.Subject}}, nil)
	if err != nil {
		return Answer{}, err
	}
	answer, err := answers.Of(q.Action, q.Subject)
	if err != nil {
		return Answer{Unknown: err.Error()}, nil
	}
	return Answer{Allowed: answer.Allowed(), Final: answer.Final()}, nil
}

func (d *Diagnosis) secret(ctx context.Context, q Question) (Answer, error) {
	output, err := d.clients.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &q.Subject})
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Deleted: aws.ToTime(output.DeletedDate), Rotates: aws.ToBool(output.RotationEnabled), Changed: aws.ToTime(output.LastChangedDate), Tags: map[string]string{}}
	for _, tag := range output.Tags {
		answer.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return answer, nil
}

func (d *Diagnosis) file(ctx context.Context, q Question) (Answer, error) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(q.Subject, "s3://"), "/")
	_, err := d.clients.Storage.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	return Answer{}, err
}

func (d *Diagnosis) cluster(ctx context.Context, q Question) (Answer, error) {
	output, err := d.clients.Containers.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{q.Subject}})
	if err != nil {
		return Answer{}, err
	}
	if len(output.Clusters) == 0 {
		return Answer{Gone: true}, nil
	}
	return Answer{Inactive: aws.ToString(output.Clusters[0].Status) != "ACTIVE"}, nil
}

func (d *Diagnosis) service(ctx context.Context, q Question) (Answer, error) {
	output, err := d.clients.Containers.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &q.Role, Services: []string{q.Subject}})
	if err != nil {
		return Answer{}, err
	}
	if len(output.Services) == 0 {
		return Answer{Gone: true}, nil
	}
	return Answer{Revision: aws.ToString(output.Services[0].TaskDefinition)}, nil
}

func (d *Diagnosis) instance(ctx context.Context, q Question) (Answer, error) {
	output, err := d.clients.Instances.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{q.Subject}})
	if err != nil {
		return Answer{}, err
	}
	// One id was asked for, so one instance comes.
	for _, reservation := range output.Reservations {
		if len(reservation.Instances) == 0 {
			continue
		}
		instance, answer := reservation.Instances[0], Answer{}
		if instance.State != nil {
			answer.Status = string(instance.State.Name)
		}
		if instance.IamInstanceProfile != nil {
			answer.Profile = aws.ToString(instance.IamInstanceProfile.Arn)
		}
		return answer, nil
	}
	return Answer{Gone: true}, nil
}

func (d *Diagnosis) profile(ctx context.Context, q Question) (Answer, error) {
	output, err := d.clients.Roles.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &q.Subject})
	if err != nil {
		return Answer{}, err
	}
	if len(output.InstanceProfile.Roles) == 0 {
		return Answer{}, nil
	}
	return Answer{Role: aws.ToString(output.InstanceProfile.Roles[0].Arn)}, nil
}

func (d *Diagnosis) role(ctx context.Context, q Question) (Answer, error) {
	output, err := d.clients.Roles.GetRole(ctx, &iam.GetRoleInput{RoleName: &q.Subject})
	if err != nil {
		return Answer{}, err
	}
	policy, err := trustpolicy.Parse(aws.ToString(output.Role.AssumeRolePolicyDocument))
	if err != nil {
		return Answer{Unknown: "its trust policy can't be read"}, nil
	}
	return Answer{Distrusts: !policy.Trusts(trustpolicy.ECSTasks), Role: aws.ToString(output.Role.Arn)}, nil
}

// image asks the registry without a credential. What a secret's credential can
// do, only the function that looks after the secret may find out: anyone
// who registers a task definition chooses its image, and so where a credential
// would be sent.
func (d *Diagnosis) image(ctx context.Context, q Question) (Answer, error) {
	served, named, err := registry.ParseReference(q.Subject)
	if err != nil {
		return Answer{Unknown: "the image's reference can't be read"}, nil
	}
	return Answer{Image: d.clients.Registries.Ask(ctx, []registry.Question{{Registry: served, Image: named}})[0]}, nil
}

// attributes gives what every one of the instances has.
func (d *Diagnosis) attributes(ctx context.Context, q Question) (Answer, error) {
	arns := strings.FieldsFunc(q.Role, func(r rune) bool { return r == ',' })
	if len(arns) == 0 {
		listed, err := d.clients.Containers.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{Cluster: &q.Subject, MaxResults: aws.Int32(100)})
		if err != nil {
			return Answer{}, err
		}
		if arns = listed.ContainerInstanceArns; len(arns) == 0 {
			return Answer{Gone: true}, nil
		}
	}
	output, err := d.clients.Containers.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{Cluster: &q.Subject, ContainerInstances: arns[:min(len(arns), 100)]})
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Gone: len(output.ContainerInstances) == 0}
	seen := map[string]bool{}
	for _, instance := range output.ContainerInstances {
		for _, attribute := range instance.Attributes {
			seen[aws.ToString(attribute.Name)] = true
		}
		if instance.VersionInfo != nil {
			answer.Agent = aws.ToString(instance.VersionInfo.AgentVersion)
		}
	}
	for name := range seen {
		answer.Attributes = append(answer.Attributes, name)
	}
	slices.Sort(answer.Attributes)
	return answer, nil
}

// running looks for a task of the family that runs with the image that it
// should, and gives when it started.
func (d *Diagnosis) running(ctx context.Context, q Question) (Answer, error) {
	listed, err := d.clients.Containers.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &q.Subject, Family: &q.Role, DesiredStatus: types.DesiredStatusRunning, MaxResults: aws.Int32(100)})
	if err != nil || len(listed.TaskArns) == 0 {
		return Answer{}, err
	}
	output, err := d.clients.Containers.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &q.Subject, Tasks: listed.TaskArns})
	if err != nil {
		return Answer{}, err
	}
	var answer Answer
	for _, task := range output.Tasks {
		if aws.ToString(task.LastStatus) != "RUNNING" || stopreason.OfTask(asDetail(task).task()).Cached {
			continue
		}
		started := aws.ToTime(task.StartedAt)
		if started.IsZero() {
			started = aws.ToTime(task.CreatedAt)
		}
		if started.After(answer.Started) {
			answer.Started, answer.Revision = started, aws.ToString(task.TaskDefinitionArn)
		}
	}
	return answer, nil
}

// registered looks for the container instance of an EC2 instance.
func (d *Diagnosis) registered(ctx context.Context, q Question) (Answer, error) {
	cluster := q.Role
	if cluster == "" {
		cluster = "default"
	}
	listed, err := d.clients.Containers.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{Cluster: &cluster, Filter: aws.String("ec2InstanceId == " + q.Subject)})
	if err != nil {
		return Answer{}, err
	}
	if len(listed.ContainerInstanceArns) == 0 {
		return Answer{Gone: true}, nil
	}
	output, err := d.clients.Containers.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{Cluster: &cluster, ContainerInstances: listed.ContainerInstanceArns})
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Gone: true}
	for _, instance := range output.ContainerInstances {
		// An emulator may not know the filter.
		if id := aws.ToString(instance.Ec2InstanceId); id != "" && id != q.Subject {
			continue
		}
		answer.Gone = false
		answer.Connected = answer.Connected || instance.AgentConnected
		answer.Started = aws.ToTime(instance.RegisteredAt)
	}
	return answer, nil
}

func isGone(err error) bool { return err != nil && awserror.Classify(err) == awserror.Gone }

// attemptsKey is where a delivery's attempts are in its context.
type attemptsKey struct{}

// attemptsOf gives the attempts of a failure's group in this delivery.
func attemptsOf(ctx context.Context, f Failure) Attempts {
	known, _ := ctx.Value(attemptsKey{}).(*sync.Map)
	if known != nil {
		if found, ok := known.Load(f.Group()); ok {
			return found.(Attempts)
		}
	}
	return Attempts{IDs: []string{f.attempt()}}
}
