package instancerole

import (
	"cmp"
	"strings"
)

// site is where a role's instances do their work: it turns kinds of resources
// into ARNs.
type site struct {
	partition, region, account string
	// cluster is the one that the instance is to join, where the event told.
	cluster string
	// bucket, object (its key), key (of KMS) and logGroup are the settings', or
	// those of the config file in question.
	bucket, object, key, logGroup string
}

// anyName stands for a thing whose name nobody told, so that a policy for all
// of a kind fits and one for a single other thing does not.
const anyName = "ecs-guardrails"

// arn gives the resource's ARN, or "" where the settings have no such thing.
func (s site) arn(of resource) string {
	regional := func(service, resource string) string {
		return strings.Join([]string{"arn", s.partition, service, s.region, s.account, resource}, ":")
	}
	clusterName := cmp.Or(s.cluster, "default")
	switch of {
	case cluster:
		return regional("ecs", "cluster/"+clusterName)
	case containerInstance:
		return regional("ecs", "container-instance/"+clusterName+"/00000000000000000000000000000000")
	case repository:
		return regional("ecr", "repository/"+anyName)
	case configBucket, configObject:
		if s.bucket == "" {
			return ""
		}
		bucket := "arn:" + s.partition + ":s3:::" + s.bucket
		if of == configBucket {
			return bucket
		}
		return bucket + "/" + s.object
	case configKey:
		return s.key
	case logGroup:
		return regional("logs", "log-group:"+s.logGroup)
	case logStream:
		return regional("logs", "log-group:"+s.logGroup+":log-stream:"+anyName)
	default:
		return "*"
	}
}
