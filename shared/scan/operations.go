package scan

import "slices"

// Operations are those that a scan may send, by the SDK's id of their service.
// The read-only policy in docs/scan.md is written from them.
var Operations = map[string][]string{
	"CloudTrail":      {"DescribeTrails", "GetEventSelectors", "GetTrailStatus"},
	"EC2":             {"DescribeImages", "DescribeInstanceAttribute", "DescribeInstances", "DescribeLaunchTemplateVersions"},
	"ECS":             {"DescribeCapacityProviders", "DescribeClusters", "DescribeContainerInstances", "DescribeServices", "DescribeTaskDefinition", "DescribeTasks", "ListClusters", "ListContainerInstances", "ListServices", "ListTaskDefinitionFamilies", "ListTaskDefinitions", "ListTasks"},
	"EventBridge":     {"ListEventBuses", "ListRuleNamesByTarget", "ListTargetsByRule"},
	"IAM":             {"GetAccountAuthorizationDetails", "GetAccountSummary", "GetInstanceProfile", "GetPolicy", "GetPolicyVersion", "GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListEntitiesForPolicy", "ListInstanceProfilesForRole", "ListRolePolicies", "SimulatePrincipalPolicy"},
	"S3":              {"GetBucketAcl", "GetBucketEncryption", "GetBucketNotificationConfiguration", "GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketVersioning", "GetObject", "GetObjectAcl", "GetObjectTagging", "GetPublicAccessBlock", "HeadObject", "ListBuckets", "ListObjectVersions", "ListObjectsV2"},
	"S3 Control":      {"GetPublicAccessBlock"},
	"Scheduler":       {"GetSchedule", "ListSchedules"},
	"Secrets Manager": {"DescribeSecret", "GetResourcePolicy", "ListSecrets"},
	"STS":             {"GetCallerIdentity"},
}

// valueOperations are sent only where the operator asks for the values of secrets:
// the values, and what a credential in use says about instances.
var valueOperations = map[string][]string{
	"Secrets Manager": {"GetSecretValue"},
	"SSM":             {"DescribeInstanceInformation", "ListCommands"},
}

// allows reports whether a scan may send an operation.
func (o Options) allows(service, operation string) bool {
	return slices.Contains(Operations[service], operation) || o.SecretValues && slices.Contains(valueOperations[service], operation)
}
