package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
)

// Commands is the part of Systems Manager's client that refreshing needs.
type Commands interface {
	SendCommand(context.Context, *ssm.SendCommandInput, ...func(*ssm.Options)) (*ssm.SendCommandOutput, error)
	ListCommands(context.Context, *ssm.ListCommandsInput, ...func(*ssm.Options)) (*ssm.ListCommandsOutput, error)
	DescribeInstanceInformation(context.Context, *ssm.DescribeInstanceInformationInput, ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error)
}

// Clusters is the part of ECS's client that finds the instances of a cluster.
type Clusters interface {
	ListContainerInstances(context.Context, *ecs.ListContainerInstancesInput, ...func(*ecs.Options)) (*ecs.ListContainerInstancesOutput, error)
	DescribeContainerInstances(context.Context, *ecs.DescribeContainerInstancesInput, ...func(*ecs.Options)) (*ecs.DescribeContainerInstancesOutput, error)
}

const (
	// shellDocument is AWS's own, and runs on Linux.
	shellDocument = "AWS-RunShellScript"
	// commandPages bounds how many of the account's commands are read, 50 a page.
	// A fleet with more counts as not informed, and gets the command again.
	commandPages = 40
)

// instances reads what telling fleets needs: which instances a cluster has, and
// in a look between rotations how the last commands ended.
func (r *Rotation) instances(ctx context.Context, o Observation, fleets []fleet) (map[string]reach, map[string]sent, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	reached := make([]reach, len(fleets))
	for i, named := range fleets {
		if named.cluster != "" {
			group.Go(func() (err error) { reached[i], err = r.reach(ctx, named.cluster); return })
		}
	}
	var last map[string]sent
	if o.Step == Review {
		group.Go(func() (err error) { last, err = r.lastSent(ctx, fleets, o.Now); return })
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	byCluster := map[string]reach{}
	for i, named := range fleets {
		byCluster[named.cluster] = reached[i]
	}
	return byCluster, last, nil
}

// registrations gives when the container instances of clusters were registered. A
// cluster that isn't here has none; unseen says why one may not be read.
func (r *Rotation) registrations(ctx context.Context, clusters []string) (byCluster map[string][]time.Time, unseen map[string]string, err error) {
	registered, denied := make([][]time.Time, len(clusters)), make([]string, len(clusters))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, cluster := range clusters {
		group.Go(func() error {
			err := r.describeInstances(ctx, cluster, func(instances []ecstypes.ContainerInstance) error {
				for _, instance := range instances {
					registered[i] = append(registered[i], aws.ToTime(instance.RegisteredAt))
				}
				return nil
			})
			switch {
			case err == nil, awserror.HasCode(err, "ClusterNotFoundException"):
				return nil
			case awserror.Classify(err) == awserror.Denied:
				denied[i] = failedCall(err)
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	byCluster, unseen = map[string][]time.Time{}, map[string]string{}
	for i, cluster := range clusters {
		if denied[i] != "" {
			unseen[cluster] = denied[i]
			continue
		}
		byCluster[cluster] = registered[i]
	}
	return byCluster, unseen, nil
}

// describeInstances walks through a cluster's instances, a hundred at a time.
func (r *Rotation) describeInstances(ctx context.Context, cluster string, visit func([]ecstypes.ContainerInstance) error) error {
	var next *string
	for {
		page, err := r.clusters.ListContainerInstances(ctx, &ecs.ListContainerInstancesInput{Cluster: &cluster, NextToken: next})
		if err != nil {
			return fmt.Errorf("list the instances of the cluster %s: %w", cluster, err)
		}
		if len(page.ContainerInstanceArns) > 0 {
			described, err := r.clusters.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{Cluster: &cluster, ContainerInstances: page.ContainerInstanceArns})
			if err != nil {
				return fmt.Errorf("describe the instances of the cluster %s: %w", cluster, err)
			}
			if err := visit(described.ContainerInstances); err != nil {
				return err
			}
		}
		if next = page.NextToken; aws.ToString(next) == "" {
			return nil
		}
	}
}

// reach finds a cluster's instances, and which of them Systems Manager reaches.
func (r *Rotation) reach(ctx context.Context, cluster string) (reach, error) {
	var found reach
	err := r.describeInstances(ctx, cluster, func(instances []ecstypes.ContainerInstance) error {
		var ids []string
		for _, instance := range instances {
			ids = append(ids, aws.ToString(instance.Ec2InstanceId))
		}
		return r.sortOut(ctx, ids, &found)
	})
	if awserror.HasCode(err, "ClusterNotFoundException") {
		return reach{missing: true}, nil
	}
	return found, err
}

// sortOut tells instances apart by whether a shell script can be run on them: a
// command that names one that cannot is refused as a whole. Windows has no
// ecs.config.
func (r *Rotation) sortOut(ctx context.Context, ids []string, found *reach) error {
	for some := range slices.Chunk(ids, maxInstances) {
		known := map[string]types.InstanceInformation{}
		var next *string
		for {
			page, err := r.commands.DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{
				Filters:    []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: some}},
				MaxResults: aws.Int32(maxInstances), NextToken: next,
			})
			if err != nil {
				return fmt.Errorf("ask which instances Systems Manager reaches: %w", err)
			}
			for _, information := range page.InstanceInformationList {
				known[aws.ToString(information.InstanceId)] = information
			}
			if next = page.NextToken; aws.ToString(next) == "" {
				break
			}
		}
		for _, id := range some {
			switch information := known[id]; {
			case information.PlatformType == types.PlatformTypeWindows:
			case information.PingStatus == types.PingStatusOnline:
				found.online = append(found.online, id)
			default:
				found.silent = append(found.silent, id)
			}
		}
	}
	return nil
}

// lastSent gives the results of the last commands of each fleet, by their comment.
func (r *Rotation) lastSent(ctx context.Context, fleets []fleet, now time.Time) (map[string]sent, error) {
	since := now
	for _, instances := range fleets {
		if instances.written.Before(since) {
			since = instances.written
		}
	}
	if oldest := now.Add(-commandHistory); since.Before(oldest) {
		since = oldest
	}
	commands := map[string][]types.Command{}
	var next *string
	for range commandPages {
		page, err := r.commands.ListCommands(ctx, &ssm.ListCommandsInput{
			Filters: []types.CommandFilter{
				{Key: types.CommandFilterKeyInvokedAfter, Value: aws.String(since.UTC().Format(time.RFC3339))},
				{Key: types.CommandFilterKeyDocumentName, Value: aws.String(shellDocument)},
			},
			MaxResults: aws.Int32(50), NextToken: next,
		})
		if err != nil {
			return nil, fmt.Errorf("list the commands that instances were sent: %w", err)
		}
		for _, command := range page.Commands {
			comment := aws.ToString(command.Comment)
			commands[comment] = append(commands[comment], command)
		}
		if next = page.NextToken; aws.ToString(next) == "" {
			break
		}
	}
	last := map[string]sent{}
	for _, group := range fleets {
		last[group.comment()] = sum(commands[group.comment()])
	}
	return last, nil
}

// sum puts the last commands of one fleet together: a large one gets several at once.
func sum(commands []types.Command) sent {
	var all sent
	for _, command := range commands {
		if when := aws.ToTime(command.RequestedDateTime); !when.Before(all.when) {
			all.id, all.when = aws.ToString(command.CommandId), when
		}
	}
	all.complete = true
	for _, command := range commands {
		if all.when.Sub(aws.ToTime(command.RequestedDateTime)) > batch {
			continue
		}
		all.targets += int(command.TargetCount)
		all.failed += int(command.ErrorCount + command.DeliveryTimedOutCount)
		switch command.Status {
		case types.CommandStatusSuccess:
		case types.CommandStatusPending, types.CommandStatusInProgress, types.CommandStatusCancelling:
			all.running = true
		default:
			all.complete = false
		}
	}
	return all
}

// refresh sends the command. Sent twice, it finds nothing to do the second time.
func (r *Rotation) refresh(ctx context.Context, action Action) error {
	fleet := action.Fleet
	input := &ssm.SendCommandInput{
		DocumentName: aws.String(shellDocument),
		Comment:      aws.String(fleet.comment()),
		Parameters: map[string][]string{
			"commands":         RefreshCommands(fleet.files, fleet.cluster == "", "/etc/ecs"),
			"executionTimeout": {"300"},
		},
		MaxConcurrency: aws.String(string(r.maxConcurrency)),
		MaxErrors:      aws.String(string(r.maxErrors)),
		InstanceIds:    action.Instances,
	}
	if fleet.cluster == "" {
		input.Targets = []types.Target{{Key: aws.String("tag:" + InstanceTag), Values: []string{fleet.files[0].String()}}}
	}
	answered, err := r.commands.SendCommand(ctx, input)
	if err != nil {
		return fmt.Errorf("have the instances of %s read their ecs.config again: %w", fleet, err)
	}
	if answered.Command != nil {
		*action.CommandID = aws.ToString(answered.Command.CommandId)
	}
	return nil
}
