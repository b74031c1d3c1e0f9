package interleavings

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
)

// containers are ECS: task definitions, whose numbers are never used twice. A
// family alone means its latest active revision.
type containers struct {
	revisions map[string][]*registered
	instances []types.ContainerInstance
	tasks     []types.Task
}

type registered struct {
	definition types.TaskDefinition
	tags       []types.Tag
}

func definitionARN(family string, number int) string {
	return fmt.Sprintf("arn:aws:ecs:%s:%s:task-definition/%s:%d", region, accountNumber, family, number)
}

func (c *containers) find(name string) *registered {
	asked, err := revision.Parse(name)
	if err != nil {
		return nil
	}
	all := c.revisions[asked.Family]
	if asked.Number > 0 {
		if int(asked.Number) > len(all) {
			return nil
		}
		return all[asked.Number-1]
	}
	for _, of := range slices.Backward(all) {
		if of.definition.Status == types.TaskDefinitionStatusActive {
			return of
		}
	}
	return nil
}

// describe gives the revisions of all families, with what the functions change.
func (c *containers) describe() []string {
	var lines []string
	for family, all := range c.revisions {
		for number, of := range all {
			line := fmt.Sprintf("%s:%d is %s", family, number+1, of.definition.Status)
			for _, container := range of.definition.ContainerDefinitions {
				credential := "none"
				if container.RepositoryCredentials != nil {
					credential = aws.ToString(container.RepositoryCredentials.CredentialsParameter)
				}
				line += fmt.Sprintf(", %s has the image %s and the credential %s", aws.ToString(container.Name), aws.ToString(container.Image), credential)
			}
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines
}

func (c *containers) register(input *ecs.RegisterTaskDefinitionInput, by string) *registered {
	if c.revisions == nil {
		c.revisions = map[string][]*registered{}
	}
	family := aws.ToString(input.Family)
	number := len(c.revisions[family]) + 1
	added := &registered{tags: slices.Clone(input.Tags), definition: types.TaskDefinition{
		ContainerDefinitions: input.ContainerDefinitions, Family: input.Family, ExecutionRoleArn: input.ExecutionRoleArn, TaskRoleArn: input.TaskRoleArn,
		NetworkMode: input.NetworkMode, RequiresCompatibilities: input.RequiresCompatibilities, Cpu: input.Cpu, Memory: input.Memory, Volumes: input.Volumes,
		PlacementConstraints: input.PlacementConstraints, RuntimePlatform: input.RuntimePlatform,
		Revision: int32(number), Status: types.TaskDefinitionStatusActive, TaskDefinitionArn: aws.String(definitionARN(family, number)),
		RegisteredAt: aws.Time(time.Now()), RegisteredBy: &by,
	}}
	c.revisions[family] = append(c.revisions[family], added)
	return added
}

func unknownDefinition() error {
	return refusal("ClientException", "Unable to describe task definition.")
}

func (c *containers) DescribeTaskDefinition(_ context.Context, input *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	found := c.find(aws.ToString(input.TaskDefinition))
	if found == nil {
		return nil, unknownDefinition()
	}
	definition := found.definition
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &definition, Tags: slices.Clone(found.tags)}, nil
}

func (c *containers) RegisterTaskDefinition(_ context.Context, input *ecs.RegisterTaskDefinitionInput) (*ecs.RegisterTaskDefinitionOutput, error) {
	definition := c.register(input, "arn:aws:sts::"+accountNumber+":assumed-role/guardrails/function").definition
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &definition, Tags: input.Tags}, nil
}

func (c *containers) DeregisterTaskDefinition(_ context.Context, input *ecs.DeregisterTaskDefinitionInput) (*ecs.DeregisterTaskDefinitionOutput, error) {
	found := c.find(aws.ToString(input.TaskDefinition))
	if found == nil {
		return nil, unknownDefinition()
	}
	found.definition.Status = types.TaskDefinitionStatusInactive
	return &ecs.DeregisterTaskDefinitionOutput{TaskDefinition: &found.definition}, nil
}

func (c *containers) ListTaskDefinitions(_ context.Context, input *ecs.ListTaskDefinitionsInput) (*ecs.ListTaskDefinitionsOutput, error) {
	output := &ecs.ListTaskDefinitionsOutput{}
	for _, of := range slices.Backward(c.revisions[aws.ToString(input.FamilyPrefix)]) {
		if of.definition.Status == input.Status {
			output.TaskDefinitionArns = append(output.TaskDefinitionArns, aws.ToString(of.definition.TaskDefinitionArn))
		}
	}
	return output, nil
}

func (c *containers) ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	output := &ecs.ListTaskDefinitionFamiliesOutput{}
	for family := range c.revisions {
		output.Families = append(output.Families, family)
	}
	slices.Sort(output.Families)
	return output, nil
}

func (c *containers) DescribeClusters(_ context.Context, input *ecs.DescribeClustersInput) (*ecs.DescribeClustersOutput, error) {
	output := &ecs.DescribeClustersOutput{}
	for _, name := range input.Clusters {
		name = name[strings.LastIndexByte(name, '/')+1:]
		output.Clusters = append(output.Clusters, types.Cluster{ClusterName: &name, ClusterArn: aws.String("arn:aws:ecs:" + region + ":" + accountNumber + ":cluster/" + name), Status: aws.String("ACTIVE")})
	}
	return output, nil
}

func (c *containers) ListClusters(context.Context, *ecs.ListClustersInput) (*ecs.ListClustersOutput, error) {
	return &ecs.ListClustersOutput{}, nil
}

func (c *containers) ListServices(context.Context, *ecs.ListServicesInput) (*ecs.ListServicesOutput, error) {
	return &ecs.ListServicesOutput{}, nil
}

func (c *containers) DescribeServices(context.Context, *ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{}, nil
}

func (c *containers) ListTasks(context.Context, *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
	return &ecs.ListTasksOutput{}, nil
}

func (c *containers) DescribeTasks(context.Context, *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
	return &ecs.DescribeTasksOutput{Tasks: c.tasks}, nil
}

func (c *containers) ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput) (*ecs.ListContainerInstancesOutput, error) {
	return &ecs.ListContainerInstancesOutput{}, nil
}

func (c *containers) DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput) (*ecs.DescribeContainerInstancesOutput, error) {
	return &ecs.DescribeContainerInstancesOutput{ContainerInstances: c.instances}, nil
}

func (c *containers) DescribeCapacityProviders(context.Context, *ecs.DescribeCapacityProvidersInput) (*ecs.DescribeCapacityProvidersOutput, error) {
	return &ecs.DescribeCapacityProvidersOutput{}, nil
}

// queues are SQS.
type queues struct{ sent []string }

func (q *queues) SendMessage(_ context.Context, input *sqs.SendMessageInput) (*sqs.SendMessageOutput, error) {
	url := aws.ToString(input.QueueUrl)
	q.sent = append(q.sent, url[strings.LastIndexByte(url, '/')+1:]+" gets "+aws.ToString(input.MessageBody))
	return &sqs.SendMessageOutput{}, nil
}

// describe gives the messages, in no order.
func (q *queues) describe() []string { return slices.Sorted(slices.Values(q.sent)) }

// commands are SSM.
type commands struct{}

func (*commands) ListCommands(context.Context, *ssm.ListCommandsInput) (*ssm.ListCommandsOutput, error) {
	return &ssm.ListCommandsOutput{}, nil
}
