package endtoend

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// reading matches the names of operations that change nothing.
var reading = regexp.MustCompile(`^(Get|List|Describe|Head|Simulate)`)

// ask is one action that a call needs.
type ask struct {
	action, resource string
	context          map[string][]string
}

// directory resolves what calls name.
type directory struct {
	operator *operator.Operator
	// roles by name, secretTags by ARN and by name.
	roles      map[string]string
	secrets    map[string]string
	secretTags map[string]map[string]string
}

func newDirectory(ctx context.Context, o *operator.Operator) (*directory, error) {
	d := &directory{operator: o, roles: map[string]string{}, secrets: map[string]string{}, secretTags: map[string]map[string]string{}}
	roles := iam.NewListRolesPaginator(o.IAM, &iam.ListRolesInput{})
	for roles.HasMorePages() {
		page, err := roles.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing roles: %w", err)
		}
		for _, role := range page.Roles {
			d.roles[aws.ToString(role.RoleName)] = aws.ToString(role.Arn)
		}
	}
	secrets := secretsmanager.NewListSecretsPaginator(o.Secrets, &secretsmanager.ListSecretsInput{})
	for secrets.HasMorePages() {
		page, err := secrets.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing secrets: %w", err)
		}
		for _, secret := range page.SecretList {
			arn := aws.ToString(secret.ARN)
			tags := map[string]string{}
			for _, tag := range secret.Tags {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			for _, name := range []string{arn, aws.ToString(secret.Name)} {
				d.secrets[name], d.secretTags[name] = arn, tags
			}
		}
	}
	return d, nil
}

// arn of a thing of the account in the stack's region.
func arn(service, resource string) string {
	return "arn:aws:" + service + ":" + stack.Region + ":" + stack.Account + ":" + resource
}

func global(resource string) string { return "arn:aws:iam::" + stack.Account + ":" + resource }

// s3Actions are the operations whose action has another name (Service
// Authorization Reference, "Actions defined by Amazon S3").
var s3Actions = map[string]string{
	"HeadObject": "GetObject", "HeadBucket": "ListBucket", "ListObjectsV2": "ListBucket", "ListObjects": "ListBucket",
	"ListObjectVersions": "ListBucketVersions", "CopyObject": "PutObject",
	"GetBucketEncryption": "GetEncryptionConfiguration", "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
	"GetBucketNotificationConfiguration": "GetBucketNotification", "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
}

// versioned are the actions that have another name where a version is asked for.
var versioned = map[string]string{
	"GetObject": "GetObjectVersion", "GetObjectTagging": "GetObjectVersionTagging", "PutObjectTagging": "PutObjectVersionTagging",
	"GetObjectAcl": "GetObjectVersionAcl", "DeleteObject": "DeleteObjectVersion",
}

// asks are the actions that a call needs, as the Service Authorization
// Reference has them.
func (d *directory) asks(call awscall.Call) []ask {
	text := func(name string) string {
		value, _ := call.Parameters[name].(string)
		return value
	}
	one := func(resource string, context map[string][]string) []ask {
		return []ask{{call.Service + ":" + call.Operation, resource, context}}
	}
	switch call.Service {
	case "sts":
		// GetCallerIdentity needs no permission, by its API reference. Only programs
		// outside Lambda call it, which know none of their stack's roles.
		return nil
	case "iam":
		return d.iamAsks(call, text, one)
	case "s3":
		return s3Asks(call, text)
	case "events":
		switch call.Operation {
		case "PutEvents":
		case "ListTargetsByRule":
			return one(arn("events", "rule/"+strings.TrimPrefix(text("EventBusName")+"/", "default/")+text("Rule")), nil)
		default:
			return one("*", nil)
		}
		var asks []ask
		entries, _ := call.Parameters["Entries"].([]any)
		for _, entry := range entries {
			fields, _ := entry.(map[string]any)
			bus := cmp.Or(fmt.Sprint(fields["EventBusName"]), "default")
			asks = append(asks, ask{"events:PutEvents", arn("events", "event-bus/"+bus), map[string][]string{
				"events:source": {fmt.Sprint(fields["Source"])}, "events:detail-type": {fmt.Sprint(fields["DetailType"])},
			}})
		}
		return asks
	case "securityhub":
		findings, _ := call.Parameters["Findings"].([]any)
		var asks []ask
		for _, finding := range findings {
			fields, _ := finding.(map[string]any)
			asks = append(asks, ask{"securityhub:BatchImportFindings", fmt.Sprint(fields["ProductArn"]), nil})
		}
		return asks
	case "sns":
		return one(text("TopicArn"), nil)
	case "sqs":
		url := text("QueueUrl")
		return []ask{{"sqs:" + strings.TrimSuffix(call.Operation, "Batch"), arn("sqs", url[strings.LastIndexByte(url, '/')+1:]), nil}}
	case "secretsmanager":
		id := text("SecretId")
		if strings.HasPrefix(id, "arn:") && !strings.HasPrefix(id, arn("secretsmanager", "")) {
			// A sample's secret, of another account: AWS itself refuses the call.
			return nil
		}
		if id == "" {
			return one("*", nil)
		}
		context := map[string][]string{}
		for key, value := range d.secretTags[id] {
			context["aws:ResourceTag/"+key] = []string{value}
			context["secretsmanager:ResourceTag/"+key] = []string{value}
		}
		if call.Operation == "PutResourcePolicy" {
			context["secretsmanager:BlockPublicPolicy"] = []string{fmt.Sprint(call.Parameters["BlockPublicPolicy"])}
		}
		return one(cmp.Or(d.secrets[id], id), context)
	case "cloudtrail":
		return one(cmp.Or(text("Name"), text("TrailName"), "*"), nil)
	case "scheduler":
		if name := text("Name"); name != "" {
			return one(arn("scheduler", "schedule/"+text("GroupName")+"/"+name), nil)
		}
		return one("*", nil)
	case "ecs":
		return ecsAsks(call, text, one)
	case "ssm":
		if call.Operation == "SendCommand" {
			return commandAsks(call, text)
		}
	case "ec2":
		if instance := text("InstanceId"); instance != "" {
			return one(arn("ec2", "instance/"+instance), nil)
		}
	}
	return one("*", nil)
}

func (d *directory) iamAsks(call awscall.Call, text func(string) string, one func(string, map[string][]string) []ask) []ask {
	role := cmp.Or(d.roles[text("RoleName")], global("role/"+text("RoleName")))
	switch call.Operation {
	case "SimulatePrincipalPolicy":
		return one(text("PolicySourceArn"), nil)
	case "GetInstanceProfile":
		return one(global("instance-profile/"+text("InstanceProfileName")), nil)
	case "GetPolicy", "GetPolicyVersion", "ListEntitiesForPolicy":
		return one(text("PolicyArn"), nil)
	case "AttachRolePolicy", "DetachRolePolicy":
		return one(role, map[string][]string{"iam:PolicyARN": {text("PolicyArn")}})
	case "TagRole", "UntagRole":
		var keys []string
		tags, _ := call.Parameters["Tags"].([]any)
		for _, tag := range tags {
			fields, _ := tag.(map[string]any)
			keys = append(keys, fmt.Sprint(fields["Key"]))
		}
		names, _ := call.Parameters["TagKeys"].([]any)
		for _, name := range names {
			keys = append(keys, fmt.Sprint(name))
		}
		return one(role, map[string][]string{"aws:TagKeys": keys})
	case "GetAccountSummary", "ListRoles", "GetAccountAuthorizationDetails", "ListPolicies":
		return one("*", nil)
	}
	return one(role, nil)
}

func s3Asks(call awscall.Call, text func(string) string) []ask {
	action := cmp.Or(s3Actions[call.Operation], call.Operation)
	if call.Operation == "GetAccountPublicAccessBlock" {
		return []ask{{"s3:GetAccountPublicAccessBlock", "*", nil}}
	}
	resource := "arn:aws:s3:::" + text("Bucket")
	if key := text("Key"); key != "" {
		resource += "/" + key
		if text("VersionId") != "" {
			action = cmp.Or(versioned[action], action)
		}
	}
	var context map[string][]string
	if prefix := text("Prefix"); prefix != "" {
		context = map[string][]string{"s3:prefix": {prefix}}
	}
	asks := []ask{{"s3:" + action, resource, context}}
	if text("Tagging") != "" {
		asks = append(asks, ask{"s3:PutObjectTagging", resource, nil})
	}
	return asks
}

func ecsAsks(call awscall.Call, text func(string) string, one func(string, map[string][]string) []ask) []ask {
	switch call.Operation {
	case "RegisterTaskDefinition":
		return registrationAsks(call, text)
	case "DescribeClusters":
		var asks []ask
		names, _ := call.Parameters["clusters"].([]any)
		for _, name := range names {
			asks = append(asks, one(clusterARN(fmt.Sprint(name)), nil)...)
		}
		return asks
	case "ListContainerInstances":
		return one(clusterARN(text("cluster")), nil)
	case "DescribeContainerInstances", "DescribeTasks":
		var asks []ask
		instances, _ := call.Parameters["containerInstances"].([]any)
		tasks, _ := call.Parameters["tasks"].([]any)
		for _, instance := range slices.Concat(instances, tasks) {
			asks = append(asks, one(fmt.Sprint(instance), nil)...)
		}
		return asks
	case "DescribeServices", "UpdateService":
		names, _ := call.Parameters["services"].([]any)
		if name := text("service"); name != "" {
			names = []any{name}
		}
		var asks []ask
		for _, name := range names {
			service := fmt.Sprint(name)
			if !strings.HasPrefix(service, "arn:") {
				cluster := text("cluster")
				service = arn("ecs", "service/"+cluster[strings.LastIndexByte(cluster, '/')+1:]+"/"+service)
			}
			asks = append(asks, one(service, nil)...)
		}
		return asks
	}
	return one("*", nil)
}

func clusterARN(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return arn("ecs", "cluster/"+name)
}

// commandAsks: the document, and each instance that is named or has the tag.
func commandAsks(call awscall.Call, text func(string) string) []ask {
	asks := []ask{{"ssm:SendCommand", "arn:aws:ssm:" + stack.Region + "::document/" + text("DocumentName"), nil}}
	instances, _ := call.Parameters["InstanceIds"].([]any)
	for _, instance := range instances {
		resource := arn("ec2", "instance/"+fmt.Sprint(instance))
		if strings.HasPrefix(fmt.Sprint(instance), "mi-") {
			resource = arn("ssm", "managed-instance/"+fmt.Sprint(instance))
		}
		asks = append(asks, ask{"ssm:SendCommand", resource, nil})
	}
	targets, _ := call.Parameters["Targets"].([]any)
	for _, target := range targets {
		fields, _ := target.(map[string]any)
		tag := strings.TrimPrefix(fmt.Sprint(fields["Key"]), "tag:")
		values, _ := fields["Values"].([]any)
		for _, value := range values {
			asks = append(asks, ask{"ssm:SendCommand", arn("ec2", "instance/*"), map[string][]string{"ssm:resourceTag/" + tag: {fmt.Sprint(value)}}})
		}
	}
	return asks
}

func registrationAsks(call awscall.Call, text func(string) string) []ask {
	asks := []ask{{"ecs:RegisterTaskDefinition", arn("ecs", "task-definition/"+text("family")+":1"), nil}}
	if tags, _ := call.Parameters["tags"].([]any); len(tags) > 0 {
		asks = append(asks, ask{"ecs:TagResource", arn("ecs", "task-definition/"+text("family")+":1"), map[string][]string{
			"ecs:CreateAction": {"RegisterTaskDefinition"},
		}})
	}
	for _, name := range []string{"executionRoleArn", "taskRoleArn"} {
		if role := text(name); role != "" {
			asks = append(asks, ask{"iam:PassRole", role, map[string][]string{"iam:PassedToService": {"ecs-tasks.amazonaws.com"}}})
		}
	}
	return asks
}

// everyCall are the condition keys that AWS gives to all calls.
func everyCall(context map[string][]string) policysimulation.Context {
	all := map[string][]string{
		"aws:SecureTransport": {"true"}, "aws:RequestedRegion": {stack.Region}, "aws:PrincipalAccount": {stack.Account},
		"aws:ResourceAccount": {stack.Account},
	}
	maps.Copy(all, context)
	return policysimulation.NewContext(all)
}

// grant is one action in one Allow statement of a function's role.
type grant struct{ function, sid, action string }

func (g grant) String() string { return g.function + ", " + g.sid + ": " + g.action }

// unused are grants that no call of this run needs, and why they are there.
// The function "" is every function; the SID "" is every statement.
var unused = map[grant]string{
	{"", "TakeEvents", "sqs:ReceiveMessage"}:                                          "Lambda's poller of the queue asks with the function's role",
	{"", "TakeEvents", "sqs:DeleteMessage"}:                                           "Lambda's poller of the queue asks with the function's role",
	{"", "TakeEvents", "sqs:GetQueueAttributes"}:                                      "Lambda's poller of the queue asks with the function's role",
	{"", "KeepFailedEvents", "sqs:SendMessage"}:                                       "Lambda sends to the on-failure destination with the function's role",
	{"rotate-secret", "AttachToVpc", "ec2:CreateNetworkInterface"}:                    "Lambda attaches the function to a VPC with the function's role",
	{"rotate-secret", "AttachToVpc", "ec2:DescribeNetworkInterfaces"}:                 "Lambda attaches the function to a VPC with the function's role",
	{"rotate-secret", "AttachToVpc", "ec2:DescribeSubnets"}:                           "Lambda attaches the function to a VPC with the function's role",
	{"rotate-secret", "AttachToVpc", "ec2:DeleteNetworkInterface"}:                    "Lambda attaches the function to a VPC with the function's role",
	{"rotate-secret", "AttachToVpc", "ec2:AssignPrivateIpAddresses"}:                  "Lambda attaches the function to a VPC with the function's role",
	{"rotate-secret", "AttachToVpc", "ec2:UnassignPrivateIpAddresses"}:                "Lambda attaches the function to a VPC with the function's role",
	{"rotate-secret", "ProveRoleToEntraID", "sts:GetWebIdentityToken"}:                "only with the driver acr and a federated administrator, in a cloud that the local stack has none of",
	{"rotate-secret", "SeeSinceWhenInstancesRun", "ecs:ListContainerInstances"}:       "only where no command tells a cluster's instances of their file",
	{"rotate-secret", "SeeSinceWhenInstancesRun", "ecs:DescribeContainerInstances"}:   "only where no command tells a cluster's instances of their file",
	{"", "WriteLogs", "logs:CreateLogStream"}:                                         "Lambda writes the log with the function's role",
	{"", "WriteLogs", "logs:PutLogEvents"}:                                            "Lambda writes the log with the function's role",
	{"", "WriteTraces", "xray:PutTraceSegments"}:                                      "Lambda's X-Ray daemon sends with the function's role",
	{"", "WriteTraces", "xray:PutTelemetryRecords"}:                                   "Lambda's X-Ray daemon sends with the function's role",
	{"", "", "s3:ListBucket"}:                                                         "no call: S3 answers NoSuchKey instead of AccessDenied to who has it",
	{"", "", "kms:Decrypt"}:                                                           "no call of the function's: Secrets Manager, S3 and SNS ask with its role",
	{"", "", "kms:GenerateDataKey"}:                                                   "no call of the function's: Secrets Manager, S3 and SNS ask with its role",
	{"validate-config", "", "s3:GetObjectTagging"}:                                    "as for a version, in a bucket without versions",
	{"validate-config", "", "s3:PutObjectTagging"}:                                    "as for a version, in a bucket without versions",
	{"validate-config", "", "s3:GetObject"}:                                           "as for a version, in a bucket without versions",
	{"validate-config", "", "s3:GetObjectVersionAcl"}:                                 "as in a bucket without versions, in one with versions",
	{"validate-config", "AskWhatInstanceRolesCanDo", "iam:SimulatePrincipalPolicy"}:   "only about roles that are twenty minutes old",
	{"validate-config", "AskWhatInstanceRolesCanDo", "iam:ListAttachedRolePolicies"}:  "only where a condition of a role's policies may decide",
	{"validate-config", "AskWhatInstanceRolesCanDo", "iam:ListRolePolicies"}:          "only where a condition of a role's policies may decide",
	{"validate-config", "AskWhatInstanceRolesCanDo", "iam:GetRolePolicy"}:             "only where a condition of a role's policies may decide",
	{"validate-config", "ReadPoliciesOfInstanceRoles", "iam:GetPolicy"}:               "only where a condition of a role's policies may decide",
	{"validate-config", "ReadPoliciesOfInstanceRoles", "iam:GetPolicyVersion"}:        "only where a condition of a role's policies may decide",
	{"patch-task-definition", "SeeExecutionRoles", "iam:ListAttachedRolePolicies"}:    "only where a condition of a role's policies may decide",
	{"patch-task-definition", "SeeExecutionRoles", "iam:ListRolePolicies"}:            "only where a condition of a role's policies may decide",
	{"patch-task-definition", "SeeExecutionRoles", "iam:GetRolePolicy"}:               "only where a condition of a role's policies may decide",
	{"patch-task-definition", "ReadPoliciesOfExecutionRoles", "iam:GetPolicy"}:        "only where a condition of a role's policies may decide",
	{"patch-task-definition", "ReadPoliciesOfExecutionRoles", "iam:GetPolicyVersion"}: "only where a condition of a role's policies may decide",
	{"sweep", "SeeGrants", "secretsmanager:GetResourcePolicy"}:                        "only where a person leaves the stack, as in TestOptions",
	{"sweep", "TurnRotationsOff", "secretsmanager:CancelRotateSecret"}:                "only where a person leaves the stack, as in TestOptions",
	{"attach-policies", "TakeBackAgentClustersPolicy", "iam:DetachRolePolicy"}:        "only of a role that got the policy before AgentPolicyClusters was emptied (make lifecycle LIVE=yes)",
	{"attach-policies", "ReadRoles", "iam:GetRolePolicy"}:                             "only where a role that lacks something has its own policy",
	{"attach-policies", "ReadRoles", "iam:ListInstanceProfilesForRole"}:               "only where a role goes out of use, or capacity providers have others' profiles",
	{"attach-policies", "ReadPolicies", "iam:GetPolicy"}:                              "only where a role that lacks something has a customer's policy",
	{"attach-policies", "ReadPolicies", "iam:GetPolicyVersion"}:                       "only where a role that lacks something has a customer's policy",
	{"attach-policies", "ReadPolicies", "iam:ListEntitiesForPolicy"}:                  "only where a customer's policy changes",
	{"attach-policies", "ReadQuota", "iam:GetAccountSummary"}:                         "only where a role has nearly as many policies as it can have",
	{"attach-policies", "ReadInstances", "ec2:DescribeInstances"}:                     "only for instances of an association, which names no image",
	{"attach-policies", "ReadInstances", "ec2:DescribeLaunchTemplateVersions"}:        "only for launches through a template",
	{"patch-task-definition", "SeeTasks", "ecs:DescribeTasks"}:                        "only where tasks of the family run, and the service of this run has none",
	{"patch-task-definition", "SeeAgents", "ecs:DescribeContainerInstances"}:          "only where the service's cluster has instances",
	{"patch-task-definition", "ReadTaskDefinitions", "ecs:ListTaskDefinitions"}:       "only where a revision came in between",
	{"patch-task-definition", "ReadTaskDefinitions", "ecs:DeregisterTaskDefinition"}:  "only where a revision came in between",
}

func reason(g grant) string {
	for _, key := range []grant{g, {g.function, "", g.action}, {"", g.sid, g.action}, {"", "", g.action}} {
		if why, ok := unused[key]; ok {
			return why
		}
	}
	return ""
}

// figures are what one run shows of least privilege.
type figures struct {
	calls, grants int
	// refused are calls that no policy allows; idle are grants that nothing used
	// and nothing explains.
	refused, idle []string
}

// testPermissions holds the calls of the whole run and the deployed roles
// together.
func testPermissions(t *testing.T, w *world) {
	directory := must(newDirectory(t.Context(), w.Operator))(t)
	all := figures{}
	for _, function := range functions {
		t.Run(function, func(t *testing.T) {
			if len(w.Stack.CallsBy(function)) == 0 {
				t.Fatal("the function made no call")
			}
			directory.figures(t, &all, function, nil)
		})
	}
	all.show(t, "the template as it is")
	t.Run("what attaches policies", func(t *testing.T) { testSelfGate(t, w, directory) })
}

// testPermissionsOfOptions does the same in a stack with options. Of its grants
// only those are asked for that the stack of all tests does not have.
func testPermissionsOfOptions(t *testing.T, o *operator.Operator) {
	directory := must(newDirectory(t.Context(), o))(t)
	all := figures{}
	for _, function := range functions {
		known := map[grant]bool{}
		policies := must(shared.Stack.Simulation.PrincipalPolicies(t.Context(), roleOf(t, shared.Operator, function)))(t)
		for _, policy := range policies.Identity {
			for _, statement := range policy.Document.Statements {
				for _, action := range statement.Actions {
					known[grant{function, statement.SID, action}] = true
				}
			}
		}
		directory.figures(t, &all, function, known)
	}
	all.show(t, "with options")
}

// figures adds a function's. Grants that are known already are not asked for.
func (d *directory) figures(t *testing.T, all *figures, function string, known map[grant]bool) {
	policies := must(d.operator.Stack.Simulation.PrincipalPolicies(t.Context(), roleOf(t, d.operator, function)))(t)
	calls := d.operator.Stack.CallsBy(function)
	used, refused := d.usedAndRefused(function, policies, calls)
	all.calls += len(calls)
	for _, refusal := range refused {
		all.refused = append(all.refused, function+": "+refusal)
	}
	for _, policy := range policies.Identity {
		for _, statement := range policy.Document.Statements {
			for _, action := range statement.Actions {
				granted := grant{function, statement.SID, action}
				if statement.Deny || known[granted] {
					continue
				}
				all.grants++
				if !used[granted] && reason(granted) == "" {
					all.idle = append(all.idle, granted.String())
				}
			}
		}
	}
}

// show fails for what there should be none of, and keeps the figures where
// make test prints them from.
func (f figures) show(t *testing.T, run string) {
	t.Helper()
	for _, refusal := range f.refused {
		t.Errorf("a function made a call that its role does not allow: %s", refusal)
	}
	for _, granted := range f.idle {
		t.Errorf("nothing used, and nothing explains, %s", granted)
	}
	line := fmt.Sprintf("least privilege, %s: %d calls, %d of them without permission; %d permissions, %d of them without use or reason\n",
		run, f.calls, len(f.refused), f.grants, len(f.idle))
	t.Log(line)
	folder := filepath.Join(shared.checkout, ".local", "figures")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "least privilege, "+run), []byte(line), 0o644); err != nil {
		t.Fatal(err)
	}
}

// usedAndRefused holds calls against policies: which grants they need, and what
// no policy allows.
func (d *directory) usedAndRefused(function string, policies policysimulation.Policies, calls []awscall.Call) (used map[grant]bool, refused []string) {
	used = map[grant]bool{}
	refusals := map[string]bool{}
	answered := map[string]bool{}
	for _, call := range calls {
		for _, ask := range d.asks(call) {
			key := fmt.Sprint(ask)
			if answered[key] {
				continue
			}
			answered[key] = true
			result := policysimulation.Simulate(policies, policysimulation.Request{
				Action: ask.action, Resource: ask.resource, Context: everyCall(ask.context),
			})
			if result.Decision != policysimulation.Allowed {
				refusals[fmt.Sprintf("%s on %s is %s", ask.action, ask.resource, result.Decision)] = true
				continue
			}
			for _, matched := range result.Matched {
				for _, action := range matched.Statement.Actions {
					if strings.EqualFold(action, ask.action) {
						used[grant{function, matched.Statement.SID, action}] = true
					}
				}
			}
		}
	}
	return used, slices.Sorted(maps.Keys(refusals))
}
