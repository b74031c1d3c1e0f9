// Package authorization holds the calls of the functions against the policies
// of their roles, as AWS does on every call and the emulator does not.
package authorization

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// Demand is one permission that a call needs (Service Authorization
// Reference).
type Demand struct {
	Action   string
	Resource string
	// Context has the condition keys that the service sets for this action.
	Context map[string][]string
}

// Tagged is a resource with its tags.
type Tagged struct {
	ARN  string
	Tags map[string]string
}

// Resources finds what a call names by less than its ARN.
type Resources interface {
	Role(ctx context.Context, name string) (Tagged, error)
	Secret(ctx context.Context, id string) (Tagged, error)
	// Policy returns the resource's own policy, by the resource's ARN, or "" where
	// it has none or its kind has none here.
	Policy(ctx context.Context, arn string) (string, error)
}

// place is where the call was made.
type place struct{ account, region string }

func (p place) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + p.region + ":" + p.account + ":" + resource
}

func (p place) global(service, resource string) string {
	return "arn:aws:" + service + "::" + p.account + ":" + resource
}

// wholeService are the operations for which no resource can be named.
var wholeService = map[string]bool{
	"iam:ListRoles": true, "iam:GetAccountSummary": true, "iam:GetAccountAuthorizationDetails": true, "iam:ListInstanceProfiles": true,
	"ec2:DescribeInstances": true, "ec2:DescribeImages": true, "ec2:DescribeLaunchTemplateVersions": true, "ec2:DescribeIamInstanceProfileAssociations": true,
	"ecs:DescribeTaskDefinition": true, "ecs:DeregisterTaskDefinition": true, "ecs:ListTaskDefinitions": true,
	"ecs:ListTaskDefinitionFamilies": true, "ecs:ListClusters": true, "ecs:ListServices": true,
	"events:ListEventBuses": true, "events:ListRuleNamesByTarget": true, "scheduler:ListSchedules": true, "cloudtrail:DescribeTrails": true,
	"secretsmanager:ListSecrets": true, "secretsmanager:GetRandomPassword": true,
	"s3:GetAccountPublicAccessBlock": true, "cloudwatch:PutMetricData": true, "tag:GetResources": true,
	"ssm:ListCommands": true, "ssm:DescribeInstanceInformation": true,
}

// free are the operations that need no permission.
var free = map[string]bool{"sts:GetCallerIdentity": true}

// Demands says which permissions the call needs. It returns false for an
// operation that it does not know.
func Demands(ctx context.Context, exchange awscall.Exchange, account string, resources Resources) ([]Demand, bool, error) {
	call := exchange.Call
	at := place{account: account, region: call.Region}
	switch name := call.Name(); {
	case free[name]:
		return nil, true, nil
	case wholeService[name]:
		return []Demand{{Action: name, Resource: "*"}}, true, nil
	case call.Service == "s3":
		demands := s3Demands(call.Operation, exchange.Parameters)
		return demands, demands != nil, nil
	case call.Service == "iam":
		return iamDemands(ctx, exchange, at, resources)
	case call.Service == "secretsmanager":
		secret, err := resources.Secret(ctx, text(exchange.Parameters, "SecretId"))
		if err != nil {
			return nil, true, err
		}
		keys := resourceTags(secret.Tags, "aws:ResourceTag/", "secretsmanager:ResourceTag/")
		if call.Operation == "PutResourcePolicy" {
			keys["secretsmanager:BlockPublicPolicy"] = []string{fmt.Sprint(exchange.Parameters["BlockPublicPolicy"] == true)}
		}
		keys["secretsmanager:SecretId"] = []string{secret.ARN}
		if stage := text(exchange.Parameters, "VersionStage"); stage != "" {
			keys["secretsmanager:VersionStage"] = []string{stage}
		}
		if name == "secretsmanager:PutResourcePolicy" {
			blocks, given := exchange.Parameters["BlockPublicPolicy"].(bool)
			keys["secretsmanager:BlockPublicPolicy"] = []string{fmt.Sprint(!given || blocks)}
		}
		return []Demand{{Action: name, Resource: secret.ARN, Context: keys}}, true, nil
	case name == "sts:GetWebIdentityToken":
		return identityDemands(exchange.Parameters), true, nil
	case name == "ecs:RegisterTaskDefinition":
		return registerDemands(exchange.Parameters, at), true, nil
	case name == "ecs:DescribeClusters":
		return clusterDemands(exchange.Parameters, at), true, nil
	case name == "ecs:ListTasks":
		// Its resource is a container instance, which the call needn't name.
		cluster := clusterARN(text(exchange.Parameters, "cluster"), at)
		instances := at.arn("ecs", "container-instance/"+cluster[strings.LastIndexByte(cluster, '/')+1:]+"/*")
		return []Demand{{Action: name, Resource: instances, Context: map[string][]string{"ecs:cluster": {cluster}}}}, true, nil
	case name == "ecs:DescribeCapacityProviders":
		return capacityProviderDemands(exchange.Parameters, at), true, nil
	case name == "ecs:ListContainerInstances":
		return []Demand{{Action: name, Resource: clusterARN(text(exchange.Parameters, "cluster"), at)}}, true, nil
	case name == "ecs:DescribeContainerInstances":
		return containerInstanceDemands(exchange.Parameters), true, nil
	case name == "ssm:SendCommand":
		return commandDemands(exchange.Parameters, at), true, nil
	case name == "ec2:DescribeInstanceAttribute":
		return []Demand{{Action: name, Resource: at.arn("ec2", "instance/"+text(exchange.Parameters, "InstanceId"))}}, true, nil
	case call.Service == "sqs":
		queue := text(exchange.Parameters, "QueueUrl")
		return []Demand{{Action: strings.TrimSuffix(name, "Batch"), Resource: at.arn("sqs", queue[strings.LastIndexByte(queue, '/')+1:])}}, true, nil
	case name == "events:ListTargetsByRule":
		rule := text(exchange.Parameters, "Rule")
		if bus := text(exchange.Parameters, "EventBusName"); bus != "" && bus != "default" {
			rule = bus + "/" + rule
		}
		return []Demand{{Action: name, Resource: at.arn("events", "rule/"+rule)}}, true, nil
	case name == "scheduler:GetSchedule":
		schedule := text(exchange.Parameters, "GroupName") + "/" + text(exchange.Parameters, "Name")
		return []Demand{{Action: name, Resource: at.arn("scheduler", "schedule/"+schedule)}}, true, nil
	case name == "cloudtrail:GetTrailStatus", name == "cloudtrail:GetEventSelectors":
		return []Demand{{Action: name, Resource: text(exchange.Parameters, "Name") + text(exchange.Parameters, "TrailName")}}, true, nil
	case name == "ecs:DescribeServices":
		return serviceDemands(exchange.Parameters, at), true, nil
	case name == "ecs:UpdateService":
		demands := serviceDemands(map[string]any{"cluster": exchange.Parameters["cluster"], "services": []any{exchange.Parameters["service"]}}, at)
		demands[0].Action = name
		return demands, true, nil
	case name == "ecs:DescribeTasks":
		// The functions name tasks by their ARNs.
		var demands []Demand
		tasks, _ := exchange.Parameters["tasks"].([]any)
		for _, task := range tasks {
			demands = append(demands, Demand{Action: name, Resource: fmt.Sprint(task)})
		}
		return demands, true, nil
	case name == "events:PutEvents":
		return eventDemands(exchange.Parameters, at), true, nil
	case name == "securityhub:BatchImportFindings":
		// Its resource is the product of each finding.
		var demands []Demand
		for _, finding := range members(exchange.Parameters, "Findings") {
			demand := Demand{Action: name, Resource: text(finding, "ProductArn"), Context: map[string][]string{"securityhub:TargetAccount": {text(finding, "AwsAccountId")}}}
			if !slices.ContainsFunc(demands, func(known Demand) bool { return known.Resource == demand.Resource }) {
				demands = append(demands, demand)
			}
		}
		return demands, len(demands) > 0, nil
	case name == "sns:Publish":
		return []Demand{{Action: name, Resource: text(exchange.Parameters, "TopicArn")}}, true, nil
	case name == "lambda:Invoke":
		return []Demand{{Action: "lambda:InvokeFunction", Resource: text(exchange.Parameters, "FunctionName")}}, true, nil
	}
	return nil, false, nil
}

func text(parameters map[string]any, name string) string {
	value, _ := parameters[name].(string)
	return value
}

func members(parameters map[string]any, name string) []map[string]any {
	list, _ := parameters[name].([]any)
	var found []map[string]any
	for _, item := range list {
		if member, ok := item.(map[string]any); ok {
			found = append(found, member)
		}
	}
	return found
}

func resourceTags(tags map[string]string, prefixes ...string) map[string][]string {
	keys := map[string][]string{}
	for key, value := range tags {
		for _, prefix := range prefixes {
			keys[prefix+key] = []string{value}
		}
	}
	return keys
}

// requestTags are the condition keys of a request that carries tags.
func requestTags(keys map[string][]string, tags []map[string]any, key, value string) {
	for _, tag := range tags {
		name := text(tag, key)
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], name)
		keys["aws:RequestTag/"+name] = []string{text(tag, value)}
	}
}

// s3Actions are the actions of operations that are named otherwise. Operations
// on a version of their own object have actions.
var s3Actions = map[string]string{
	"ListBuckets": "ListAllMyBuckets", "HeadBucket": "ListBucket", "ListObjects": "ListBucket", "ListObjectsV2": "ListBucket",
	"ListObjectVersions": "ListBucketVersions", "GetBucketEncryption": "GetEncryptionConfiguration",
	"GetPublicAccessBlock": "GetBucketPublicAccessBlock", "GetBucketNotificationConfiguration": "GetBucketNotification",
	"GetBucketLifecycleConfiguration": "GetLifecycleConfiguration", "HeadObject": "GetObject",
	"CreateMultipartUpload": "PutObject", "UploadPart": "PutObject", "CompleteMultipartUpload": "PutObject",
	"GetBucketAcl": "GetBucketAcl", "GetBucketLocation": "GetBucketLocation", "GetBucketOwnershipControls": "GetBucketOwnershipControls",
	"GetBucketPolicy": "GetBucketPolicy", "GetBucketPolicyStatus": "GetBucketPolicyStatus", "GetBucketTagging": "GetBucketTagging",
	"GetBucketVersioning": "GetBucketVersioning", "GetObject": "GetObject", "GetObjectAcl": "GetObjectAcl",
	"GetObjectTagging": "GetObjectTagging", "PutObjectTagging": "PutObjectTagging", "DeleteObject": "DeleteObject",
}

func s3Demands(operation string, parameters map[string]any) []Demand {
	bucket, key, version := text(parameters, "Bucket"), text(parameters, "Key"), text(parameters, "VersionId")
	resource := "arn:aws:s3:::" + bucket
	switch {
	case bucket == "":
		resource = "*"
	case key != "":
		resource += "/" + key
	}
	switch operation {
	case "PutObject":
		demands := []Demand{{Action: "s3:PutObject", Resource: resource}}
		if text(parameters, "IfMatch") != "" {
			// Amazon S3 User Guide, "Add preconditions to S3 operations with
			// conditional requests": If-Match reads what is there.
			demands = append(demands, Demand{Action: "s3:GetObject", Resource: resource})
		}
		if text(parameters, "Tagging") != "" {
			demands = append(demands, Demand{Action: "s3:PutObjectTagging", Resource: resource})
		}
		return demands
	case "CopyObject":
		source, err := url.PathUnescape(strings.TrimPrefix(text(parameters, "CopySource"), "/"))
		if err != nil {
			return nil
		}
		read := "s3:GetObject"
		if from, _, ok := strings.Cut(source, "?versionId="); ok {
			source, read = from, "s3:GetObjectVersion"
		}
		return []Demand{{Action: read, Resource: "arn:aws:s3:::" + source}, {Action: "s3:PutObject", Resource: resource}}
	}
	action, known := s3Actions[operation]
	if !known {
		return nil
	}
	if version != "" && key != "" {
		action = strings.Replace(action, "Object", "ObjectVersion", 1)
	}
	demand := Demand{Action: "s3:" + action, Resource: resource}
	if prefix, ok := parameters["Prefix"].(string); ok {
		demand.Context = map[string][]string{"s3:prefix": {prefix}}
	}
	return []Demand{demand}
}

func iamDemands(ctx context.Context, exchange awscall.Exchange, at place, resources Resources) ([]Demand, bool, error) {
	name, parameters := exchange.Call.Name(), exchange.Parameters
	switch name {
	case "iam:SimulatePrincipalPolicy":
		return []Demand{{Action: name, Resource: text(parameters, "PolicySourceArn")}}, true, nil
	case "iam:GetInstanceProfile":
		return []Demand{{Action: name, Resource: at.global("iam", "instance-profile/"+text(parameters, "InstanceProfileName"))}}, true, nil
	case "iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy":
		return []Demand{{Action: name, Resource: text(parameters, "PolicyArn")}}, true, nil
	}
	if text(parameters, "RoleName") == "" {
		return nil, false, nil
	}
	role, err := resources.Role(ctx, text(parameters, "RoleName"))
	if err != nil {
		return nil, true, err
	}
	keys := resourceTags(role.Tags, "aws:ResourceTag/", "iam:ResourceTag/")
	if policy := text(parameters, "PolicyArn"); policy != "" {
		keys["iam:PolicyARN"] = []string{policy}
	}
	requestTags(keys, members(parameters, "Tags"), "Key", "Value")
	if removed, ok := parameters["TagKeys"].([]any); ok {
		for _, key := range removed {
			keys["aws:TagKeys"] = append(keys["aws:TagKeys"], fmt.Sprint(key))
		}
	}
	return []Demand{{Action: name, Resource: role.ARN, Context: keys}}, true, nil
}

// registerDemands: the task definition itself, its tags, and the roles that
// are handed to ECS with it.
func registerDemands(parameters map[string]any, at place) []Demand {
	definition := at.arn("ecs", "task-definition/"+text(parameters, "family")+":*")
	keys := map[string][]string{}
	tags := members(parameters, "tags")
	requestTags(keys, tags, "key", "value")
	demands := []Demand{{Action: "ecs:RegisterTaskDefinition", Resource: definition, Context: keys}}
	if len(tags) > 0 {
		tagging := map[string][]string{"ecs:CreateAction": {"RegisterTaskDefinition"}}
		requestTags(tagging, tags, "key", "value")
		demands = append(demands, Demand{Action: "ecs:TagResource", Resource: definition, Context: tagging})
	}
	for _, parameter := range []string{"taskRoleArn", "executionRoleArn"} {
		role := text(parameters, parameter)
		if role == "" {
			continue
		}
		if !strings.HasPrefix(role, "arn:") {
			role = at.global("iam", "role/"+role)
		}
		demands = append(demands, Demand{Action: "iam:PassRole", Resource: role, Context: map[string][]string{
			"iam:PassedToService": {"ecs-tasks.amazonaws.com"},
		}})
	}
	return demands
}

func clusterDemands(parameters map[string]any, at place) []Demand {
	list, _ := parameters["clusters"].([]any)
	if len(list) == 0 {
		list = []any{"default"}
	}
	var demands []Demand
	for _, item := range list {
		demands = append(demands, Demand{Action: "ecs:DescribeClusters", Resource: clusterARN(fmt.Sprint(item), at)})
	}
	return demands
}

// capacityProviderDemands: those that the call names, else any.
func capacityProviderDemands(parameters map[string]any, at place) []Demand {
	list, _ := parameters["capacityProviders"].([]any)
	if len(list) == 0 {
		list = []any{"*"}
	}
	var demands []Demand
	for _, item := range list {
		provider := fmt.Sprint(item)
		if !strings.HasPrefix(provider, "arn:") {
			provider = at.arn("ecs", "capacity-provider/"+provider)
		}
		demands = append(demands, Demand{Action: "ecs:DescribeCapacityProviders", Resource: provider})
	}
	return demands
}

func clusterARN(cluster string, at place) string {
	if cluster == "" {
		cluster = "default"
	}
	if strings.HasPrefix(cluster, "arn:") {
		return cluster
	}
	return at.arn("ecs", "cluster/"+cluster)
}

func containerInstanceDemands(parameters map[string]any) []Demand {
	instances, _ := parameters["containerInstances"].([]any)
	var demands []Demand
	for _, instance := range instances {
		demands = append(demands, Demand{Action: "ecs:DescribeContainerInstances", Resource: fmt.Sprint(instance)})
	}
	return demands
}

// commandDemands: the document, and each instance; those that are found by a tag
// have it.
func commandDemands(parameters map[string]any, at place) []Demand {
	document := "arn:aws:ssm:" + at.region + "::document/" + text(parameters, "DocumentName")
	demands := []Demand{{Action: "ssm:SendCommand", Resource: document}}
	instances, _ := parameters["InstanceIds"].([]any)
	for _, instance := range instances {
		id := fmt.Sprint(instance)
		resource := at.arn("ec2", "instance/"+id)
		if strings.HasPrefix(id, "mi-") {
			resource = at.arn("ssm", "managed-instance/"+id)
		}
		demands = append(demands, Demand{Action: "ssm:SendCommand", Resource: resource})
	}
	for _, target := range members(parameters, "Targets") {
		keys := map[string][]string{}
		values, _ := target["Values"].([]any)
		for _, value := range values {
			name := "ssm:resourceTag/" + strings.TrimPrefix(text(target, "Key"), "tag:")
			keys[name] = append(keys[name], fmt.Sprint(value))
		}
		demands = append(demands, Demand{Action: "ssm:SendCommand", Resource: at.arn("ec2", "instance/*"), Context: keys})
	}
	return demands
}

func serviceDemands(parameters map[string]any, at place) []Demand {
	cluster := text(parameters, "cluster")
	cluster = cluster[strings.LastIndexByte(cluster, '/')+1:]
	list, _ := parameters["services"].([]any)
	var demands []Demand
	for _, item := range list {
		service := fmt.Sprint(item)
		if !strings.HasPrefix(service, "arn:") {
			service = at.arn("ecs", "service/"+cluster+"/"+service)
		}
		demands = append(demands, Demand{Action: "ecs:DescribeServices", Resource: service})
	}
	return demands
}

// identityDemands are those of sts:GetWebIdentityToken, whose conditions are about
// what the token is for.
func identityDemands(parameters map[string]any) []Demand {
	keys := map[string][]string{}
	audiences, _ := parameters["Audience"].([]any)
	for _, audience := range audiences {
		keys["sts:IdentityTokenAudience"] = append(keys["sts:IdentityTokenAudience"], fmt.Sprint(audience))
	}
	if seconds, given := parameters["DurationSeconds"]; given {
		keys["sts:DurationSeconds"] = []string{fmt.Sprint(seconds)}
	}
	return []Demand{{Action: "sts:GetWebIdentityToken", Resource: "*", Context: keys}}
}

func eventDemands(parameters map[string]any, at place) []Demand {
	var demands []Demand
	for _, entry := range members(parameters, "Entries") {
		bus := text(entry, "EventBusName")
		if bus == "" {
			bus = "default"
		}
		if !strings.HasPrefix(bus, "arn:") {
			bus = at.arn("events", "event-bus/"+bus)
		}
		keys := map[string][]string{"events:source": {text(entry, "Source")}, "events:detail-type": {text(entry, "DetailType")}}
		demands = append(demands, Demand{Action: "events:PutEvents", Resource: bus, Context: keys})
	}
	return demands
}
