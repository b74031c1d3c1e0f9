// Package templatelint has cfn-lint look at what CloudFormation gets of the
// template: the SAM translator's result, for one set of parameters after the other,
// in regions of four partitions.
//
// sam validate --lint looks at the template before that, without the values that
// parameters can have.
package templatelint

import (
	"maps"
	"slices"
)

// regions are those of two commercial regions and one of each other partition, by
// their partition.
var regions = map[string]string{
	"us-east-1": "aws", "eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn", "eusc-de-east-1": "aws-eusc",
}

// Combination is one set of parameters; those that it leaves out have their defaults.
type Combination struct {
	Name string `json:"name"`
	// Parameters may have {partition} and {region}, for those of each region.
	Parameters map[string]string `json:"parameters"`
	Regions    []string          `json:"regions"`
}

// The values of parameters that more than one combination has.
const (
	key         = "arn:{partition}:kms:{region}:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
	slack       = "slack:T0123456789/C0123456789"
	teams       = "teams:0b1c2d3e-4f50-4a6b-8c7d-9e0f1a2b3c4d/1c2d3e4f-5061-4b7c-9d8e-0f1a2b3c4d5e/19%3ab6ef35dc342d56ba5654e6fc6d25a071%40thread.tacv2"
	bus         = "arn:{partition}:events:{region}:111122223333:event-bus/central"
	network     = "subnet-0123456789abcdef0,subnet-0123456789abcdef1/sg-0123456789abcdef0"
	everyWord   = "cure-execution-roles,replace-credentials,update-services,deregister-superseded,restore-config,registry-logins,private-registries,refresh-tagged-instances,refresh-cluster-instances"
	everyPart   = "agent,ecr,config,logs,ssm"
	boundary    = "arn:{partition}:iam::123456789012:policy/boundaries/functions"
	codeSigning = "arn:{partition}:lambda:{region}:123456789012:code-signing-config:csc-0123456789abcdef0"
	caLayer     = "arn:{partition}:lambda:{region}:123456789012:layer:registry-ca:3"
	function    = "arn:{partition}:lambda:{region}:123456789012:function:issue-credentials"
)

// everything sets each parameter, so that all resources are there that can be
// there together.
var everything = map[string]string{
	"Mode": "enforce", "Allow": everyWord, "ChangeOwnedResources": "all", "RequireActorRight": "yes", "SweepChangeLimit": "0",
	"FindingsEmail": "ops@example.com", "CentralFindings": "security-hub," + bus,
	"InstanceRolePattern": "ecs*", "Capabilities": everyPart, "AgentPolicyClusters": "web,batch",
	"ConfigSuffix": ".config", "ConfigBuckets": "one-bucket,another-bucket",
	"HtpasswdObjects": "one-bucket/htpasswd,one-bucket/teams/*/htpasswd", "RegistryFunctionArns": function + "," + function + ":live",
	"RegistrySecretPattern": "registries/*", "RegistryNetwork": network, "RegistryProxy": "http://proxy.example.com:3128,.amazonaws.com,10.0.0.0/8", "RegistryCaLayer": caLayer,
	"IgnoredFamilies": "test-*", "PassRolePattern": "service/*",
	"Architecture": "x86_64", "LogRetentionDays": "365", "PermissionsBoundaryArn": boundary, "RolePath": "/platform/", "KeyArn": key, "AccessLogBucket": "access-logs", "CodeSigningConfigArn": codeSigning,
}

// chatRegions have Amazon Q Developer in chat applications, whose resource types
// CloudFormation doesn't know in GovCloud and China.
var chatRegions = []string{"us-east-1", "eu-west-1"}

// short are the combinations of make test: with them, each condition both holds and
// doesn't.
func short() []Combination {
	return []Combination{
		{Name: "the defaults"},
		{Name: "everything", Parameters: everything},
		{Name: "everything, with Slack", Parameters: with(everything, "ChatChannel", slack), Regions: chatRegions},
		{Name: "Teams", Parameters: set("ChatChannel", teams), Regions: chatRegions},
		{Name: "off, in the central account", Parameters: set("Mode", "off", "Allow", "none", "CentralFindings", "o-a1b2c3d4e5")},
		{Name: "off, with buckets", Parameters: set("Mode", "off", "ConfigBuckets", "one-bucket")},
	}
}

// all are those of make template-lint.
func all() []Combination {
	combinations := append(short(),
		Combination{Name: "everything, off", Parameters: with(everything, "Mode", "off")},
		Combination{Name: "everything, without a key", Parameters: with(everything, "KeyArn", "")},
		Combination{Name: "everything, from outside the VPC", Parameters: with(everything, "RegistryNetwork", "")},
		Combination{Name: "everything, in the central account", Parameters: with(everything, "CentralFindings", "security-hub,o-a1b2c3d4e5")},
		Combination{Name: "everything, in the stack's own buckets", Parameters: with(everything, "ConfigBuckets", "", "HtpasswdObjects", "")},
		Combination{Name: "enforce", Parameters: set("Mode", "enforce")},
		Combination{Name: "some off", Parameters: set("Mode", "dry-run,attach-policies=off,rotate-secret=off,diagnose-failure=off")},
		Combination{Name: "the others off", Parameters: set("Mode", "enforce, validate-config=off, patch-task-definition=off, sweep=off")},
		Combination{Name: "all off but two", Parameters: set("Mode", "off,validate-config=enforce,sweep=dry-run")},
		Combination{Name: "an address", Parameters: set("FindingsEmail", "ops@example.com")},
		Combination{Name: "Slack", Parameters: set("ChatChannel", slack), Regions: chatRegions},
		Combination{Name: "Security Hub", Parameters: set("CentralFindings", "security-hub")},
		Combination{Name: "forwarded findings", Parameters: set("CentralFindings", bus)},
		Combination{Name: "findings forwarded to the bus that they come from", Parameters: set("CentralFindings", "arn:{partition}:events:{region}:123456789012:event-bus/ecs-guardrails-findings")},
		Combination{Name: "clusters", Parameters: set("AgentPolicyClusters", "web", "Capabilities", everyPart)},
		Combination{Name: "the actor's rights", Parameters: set("RequireActorRight", "yes", "ChangeOwnedResources", "none")},
		Combination{Name: "buckets", Parameters: set("ConfigBuckets", "one-bucket,another-bucket", "Allow", "restore-config")},
		Combination{Name: "htpasswd files", Parameters: set("HtpasswdObjects", "one-bucket/htpasswd")},
		Combination{Name: "functions that issue credentials", Parameters: set("RegistryFunctionArns", function)},
		Combination{Name: "a VPC", Parameters: set("RegistryNetwork", network, "RegistryCaLayer", caLayer)},
		Combination{Name: "a VPC and a key", Parameters: set("RegistryNetwork", network, "KeyArn", key)},
		Combination{Name: "a key", Parameters: set("KeyArn", key)},
		Combination{Name: "a key, and buckets", Parameters: set("KeyArn", key, "ConfigBuckets", "one-bucket", "AccessLogBucket", "access-logs")},
		Combination{Name: "a boundary", Parameters: set("PermissionsBoundaryArn", boundary)},
		Combination{Name: "a path", Parameters: set("RolePath", "/platform/")},
		Combination{Name: "signed code", Parameters: set("CodeSigningConfigArn", codeSigning, "Architecture", "x86_64")},
	)
	for _, word := range []string{"cure-execution-roles,replace-credentials", "update-services", "deregister-superseded", "registry-logins,private-registries", "refresh-tagged-instances", "refresh-cluster-instances"} {
		combinations = append(combinations, Combination{Name: "Allow=" + word, Parameters: set("Allow", word)})
	}
	return combinations
}

func set(pairs ...string) map[string]string { return with(nil, pairs...) }

// with gives parameters with other values for some.
func with(parameters map[string]string, pairs ...string) map[string]string {
	changed := map[string]string{}
	maps.Copy(changed, parameters)
	for pair := range slices.Chunk(pairs, 2) {
		changed[pair[0]] = pair[1]
	}
	return changed
}
