package configobject

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// ClusterDescriber is the part of ECS's client that looking for a cluster needs.
type ClusterDescriber interface {
	DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error)
}

// NamedCluster is the cluster that a file names, and where it does.
type NamedCluster struct {
	// Name is a name or an ARN.
	Name string
	// Region of the cluster as far as the file tells, "" for the function's own:
	// a bucket, its notifications and its instances share a region as a rule.
	Region       string
	Line, Column int
}

var (
	// CreateCluster, clusterName in the ECS API Reference. What is neither a name
	// nor an ARN, the judge has its own finding for.
	clusterName = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)
	clusterARN  = lazyregexp.New(`^arn:aws[a-z-]*:ecs:([a-z0-9-]+):\d{12}:cluster/[A-Za-z0-9_-]{1,255}$`)
	regionName  = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$`)
)

// namedCluster gives the cluster that can be looked for. The agent creates
// "default" for a file that names none (ecs_client.go RegisterContainerInstance).
func namedCluster(file ecsconfig.File) *NamedCluster {
	name, assignment, named := file.Cluster()
	if !named {
		return nil
	}
	cluster := &NamedCluster{Name: name, Region: file.Region(), Line: assignment.Line, Column: assignment.ValueColumn()}
	if arn := clusterARN.FindStringSubmatch(name); arn != nil {
		cluster.Region = arn[1]
	} else if !clusterName.MatchString(name) {
		return nil
	}
	if cluster.Region != "" && !regionName.MatchString(cluster.Region) {
		return nil
	}
	return cluster
}

// clusterState is what ECS says about a cluster.
type clusterState struct {
	// Region that was asked.
	Region string
	// Status as ECS gives it, "" where there is no such cluster.
	Status string
	// Unreachable: the region has no ECS.
	Unreachable bool
	// Unknown is ECS's code where it does not tell us.
	Unknown string
}

// sound reports whether instances can join.
func (c clusterState) sound() bool {
	return c.Unknown == "" && !c.Unreachable && c.Status != "" && c.Status != "INACTIVE" && c.Status != "DEPROVISIONING"
}

// look asks ECS for a cluster in its region.
func look(ctx context.Context, client ClusterDescriber, cluster NamedCluster, ownRegion string) (clusterState, error) {
	state := clusterState{Region: cluster.Region}
	if state.Region == "" {
		state.Region = ownRegion
	}
	output, err := client.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{cluster.Name}},
		func(options *ecs.Options) { options.Region = state.Region })
	if err != nil {
		if unknown, ok := errors.AsType[*net.DNSError](err); ok && unknown.IsNotFound {
			state.Unreachable = true
			return state, nil
		}
		if kind := awserror.Classify(err); kind == awserror.Denied || kind == awserror.Refused {
			state.Unknown = awserror.Code(err)
			return state, nil
		}
		return clusterState{}, fmt.Errorf("look for the cluster %s in %s: %w", cluster.Name, state.Region, err)
	}
	if len(output.Clusters) > 0 {
		state.Status = aws.ToString(output.Clusters[0].Status)
	}
	return state, nil
}

// findings says what a cluster's state means to the instances that boot with
// the file: the agent does not create a cluster that has a name, and gives up.
func (c clusterState) findings(cluster NamedCluster) []finding.Finding {
	if c.sound() {
		return nil
	}
	region, name := finding.Name("region", c.Region), finding.Name("cluster", cluster.Name)
	var f finding.Finding
	switch {
	case c.Unreachable:
		f = clusterRegion.With(region)
	case c.Unknown != "":
		f = clusterUnchecked.With(region, finding.Answer("answer", c.Unknown))
	case c.Status == "":
		f = clusterMissing.With(region, name)
	default:
		f = clusterInactive.With(region, name, finding.Name("status", c.Status))
	}
	f.Line, f.Column, f.Variable = cluster.Line, cluster.Column, "ECS_CLUSTER"
	return []finding.Finding{f}
}
