package instancerole

import (
	"cmp"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/logarn"
)

// site is where a role's instances do their work: it turns kinds of resources
// into ARNs.
type site struct {
	partition, region, account string
	// cluster is the one that the instance is to join, "" where nothing names it.
	cluster string
	// bucket, object (its key), key (of KMS) and logGroup are the settings', or
	// those of the config file in question.
	bucket, object, key, logGroup string
}

// anyName stands for a thing whose name is not known, so that a policy for all
// of a kind fits and one for a single other thing does not.
const anyName = "ecs-guardrails"

func (s site) clusterName() string { return cmp.Or(s.cluster, "default") }

// arn gives the resource's ARN, or "" where the settings have no such thing.
func (s site) arn(stored resource) string {
	regional := func(service, resource string) string {
		return strings.Join([]string{"arn", s.partition, service, s.region, s.account, resource}, ":")
	}
	switch stored {
	case cluster:
		return regional("ecs", "cluster/"+s.clusterName())
	case containerInstance:
		return regional("ecs", "container-instance/"+s.clusterName()+"/00000000000000000000000000000000")
	case repository:
		return regional("ecr", "repository/"+anyName)
	case configBucket, configObject:
		if s.bucket == "" {
			return ""
		}
		bucket := "arn:" + s.partition + ":s3:::" + s.bucket
		if stored == configBucket {
			return bucket
		}
		return bucket + "/" + s.object
	case configKey:
		return s.key
	case logGroup:
		return logarn.Group(s.partition, s.region, s.account, s.logGroup)
	case logStream:
		return logarn.Stream(s.partition, s.region, s.account, s.logGroup, anyName)
	default:
		return "*"
	}
}

// others is a pattern for all that an instance could use of a kind, where a
// role's author may have chosen some of them; "" where there is nothing to choose.
func (s site) others(stored resource) string {
	arn := func(service, account, resource string) string {
		return strings.Join([]string{"arn", s.partition, service, "*", account, resource}, ":")
	}
	switch stored {
	case cluster:
		return arn("ecs", s.account, "cluster/*")
	case containerInstance:
		return arn("ecs", s.account, "container-instance/*")
	case repository:
		// Images may come from another account.
		return arn("ecr", "*", "repository/*")
	case configObject:
		return "arn:" + s.partition + ":s3:::" + s.bucket + "/*"
	case logGroup, logStream:
		return arn("logs", "*", "log-group:*:log-stream:*")
	default:
		return ""
	}
}
