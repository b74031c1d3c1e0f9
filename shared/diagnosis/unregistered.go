package diagnosis

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

const (
	// joinWithin is how long an instance has to register: agents need one to three
	// minutes on Linux, Windows and long user data more. What isn't in its cluster
	// after joinBy was informed about, or isn't ours.
	joinWithin = 10 * time.Minute
	joinBy     = time.Hour
	// maxUserData bounds how many instances' user data one look reads, and
	// maxClusters in how many clusters it looks for an instance.
	maxUserData = 20
	maxClusters = 50
)

// capacityProviderTag is on the instances of an Auto Scaling group behind a
// capacity provider ("Amazon ECS capacity providers for EC2", ECS developer guide).
const capacityProviderTag = "AmazonECSManaged"

// otherOwners begin the tags of instances that somebody else has join clusters
// of their own: AWS Batch, Elastic Beanstalk, ECS Managed Instances, EKS.
var otherOwners = []string{"AWSBatchServiceTag", "aws:batch:", "elasticbeanstalk:", "aws:ecs:", "eks:", "aws:eks:", "kubernetes.io/"}

// unregistered finds the instances that should be in a cluster by now and
// aren't: of a capacity provider, or with user data that sets ECS up. Where none
// was launched within the hour it takes one call.
func (d *Diagnosis) unregistered(ctx context.Context) ([]Failure, error) {
	pages := ec2.NewDescribeInstancesPaginator(d.clients.Instances, &ec2.DescribeInstancesInput{
		Filters: []ec2types.Filter{{Name: aws.String("instance-state-name"), Values: []string{string(ec2types.InstanceStateNameRunning)}}}, MaxResults: aws.Int32(1000),
	})
	var failures []Failure
	left := maxUserData
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the running instances: %w", err)
		}
		for _, reservation := range page.Reservations {
			for _, instance := range reservation.Instances {
				f, err := d.outside(ctx, instance, aws.ToString(reservation.OwnerId), &left)
				if err != nil {
					return nil, err
				}
				if f != nil {
					failures = append(failures, *f)
				}
			}
		}
	}
	return failures, nil
}

// outside gives the failure of an instance that should be in a cluster by now and
// isn't, nil for any other.
func (d *Diagnosis) outside(ctx context.Context, instance ec2types.Instance, account string, left *int) (*Failure, error) {
	if !d.isDue(instance) {
		return nil, nil
	}
	wants, cluster, err := d.wantsCluster(ctx, instance, left)
	if err != nil || !wants {
		return nil, err
	}
	f := Failure{Instance: aws.ToString(instance.InstanceId), Cluster: cluster, Account: account, Reason: stopreason.Known(stopreason.NotRegistered)}
	if instance.IamInstanceProfile != nil {
		f.Profile = aws.ToString(instance.IamInstanceProfile.Arn)
		f.Partition, _, _, _, _ = arnParts(f.Profile)
	}
	if zone := instance.Placement; zone != nil {
		f.Region = strings.TrimRight(aws.ToString(zone.AvailabilityZone), "abcdefghijklmnopqrstuvwxyz")
	}
	if joined, err := d.joined(ctx, f); joined || err != nil {
		return nil, err
	}
	return &f, nil
}

// isDue reports whether an instance should have registered within the hour, if
// it is one of ours.
func (d *Diagnosis) isDue(instance ec2types.Instance) bool {
	age := d.now().Sub(aws.ToTime(instance.LaunchTime))
	if age < joinWithin || age > joinBy || (instance.Operator != nil && aws.ToBool(instance.Operator.Managed)) {
		return false
	}
	tags := map[string]string{}
	for _, tag := range instance.Tags {
		key := aws.ToString(tag.Key)
		tags[key] = aws.ToString(tag.Value)
		for _, prefix := range otherOwners {
			if strings.HasPrefix(key, prefix) {
				return false
			}
		}
	}
	return !optout.Asked(tags)
}

// wantsCluster reports whether an instance should be in a cluster, and in which:
// "" where nothing says so.
func (d *Diagnosis) wantsCluster(ctx context.Context, instance ec2types.Instance, left *int) (wants bool, cluster string, err error) {
	for _, tag := range instance.Tags {
		wants = wants || aws.ToString(tag.Key) == capacityProviderTag
	}
	if *left == 0 {
		return wants, "", nil
	}
	*left--
	output, err := d.clients.Instances.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: instance.InstanceId, Attribute: ec2types.InstanceAttributeNameUserData})
	if err != nil {
		return false, "", fmt.Errorf("read the user data of %s: %w", aws.ToString(instance.InstanceId), err)
	}
	if output.UserData == nil {
		return wants, "", nil
	}
	source, err := base64.StdEncoding.DecodeString(aws.ToString(output.UserData.Value))
	if err != nil {
		return wants, "", nil
	}
	read := userdata.Read(source, userdata.Options{})
	return wants || read.IsECSSetup(), read.Cluster().Text, nil
}

// joined looks for the instance in its cluster, or in every one.
func (d *Diagnosis) joined(ctx context.Context, f Failure) (bool, error) {
	clusters := []string{f.Cluster}
	if f.Cluster == "" {
		listed, err := d.clients.Containers.ListClusters(ctx, &ecs.ListClustersInput{MaxResults: aws.Int32(maxClusters)})
		if err != nil {
			return false, fmt.Errorf("list the clusters: %w", err)
		}
		clusters = listed.ClusterArns
		if listed.NextToken != nil {
			// It may be in one of the others: say nothing.
			return true, nil
		}
	}
	for _, cluster := range clusters {
		answer, err := d.registered(ctx, Question{Kind: AskRegistered, Subject: f.Instance, Role: cluster})
		switch {
		case isGone(err):
		case err != nil:
			return false, err
		case !answer.Gone:
			return true, nil
		}
	}
	return false, nil
}
