package endtoend

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/sweepreport"
	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/canary"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
)

// plantedKinds is how many kinds of fault a scan has to find at least.
const plantedKinds = 30

// testScan plants faults in roles, files, task definitions and secrets while no rule tells the
// functions of them. A scan from a shell finds them, says the same of each subject
// as a sweep of the stack, and changes nothing.
func testScan(t *testing.T, w *world) {
	for _, logicalID := range []string{"RoleChangedRule", "InstanceProfileUsedRule", "ConfigUploadedRule", "TaskDefinitionRegisteredRule"} {
		rule := must(w.ResourceID(t.Context(), logicalID))(t)
		must(w.EventBridge.DisableRule(t.Context(), &eventbridge.DisableRuleInput{Name: &rule}))(t)
	}
	plantRoles(t, w)
	plantFiles(t, w)
	plantDefinitions(t, w)
	plantSecrets(t, w)

	_, swept := w.sweep(t, `{"dry-run": true}`)
	mark := w.Stack.Record.Mark()
	scanned := scan(t, w)
	calls := 0
	for _, call := range w.Stack.Record.Since(mark) {
		if call.Caller != awscall.Person {
			continue
		}
		calls++
		if !reading.MatchString(call.Operation) {
			t.Errorf("the scan called %s", call.Name())
		}
	}
	if calls < plantedKinds {
		t.Errorf("of the scan's calls only %d were recorded", calls)
	}

	sweeps, scans := verdicts(swept), verdicts(scanned)
	for _, subject := range slices.Sorted(maps.Keys(sweeps)) {
		if scans[subject] != sweeps[subject] {
			t.Errorf("%s: the sweep says %s, the scan says %q", subject, sweeps[subject], scans[subject])
		}
	}
	for _, subject := range slices.Sorted(maps.Keys(scans)) {
		if sweeps[subject] == "" {
			t.Errorf("%s: the scan says %s, the sweep nothing", subject, scans[subject])
		}
	}
	codes, kinds := map[string]bool{}, map[string]bool{}
	for _, result := range scanned.Results {
		for _, f := range result.Findings {
			if f.Severity != finding.Info && slices.Contains(compared, result.Kind) {
				codes[f.Code], kinds[result.Kind] = true, true
			}
		}
	}
	if len(codes) < plantedKinds || len(kinds) < len(compared) {
		t.Errorf("the scan finds %d kinds of fault in %v: %v", len(codes), slices.Sorted(maps.Keys(kinds)), slices.Sorted(maps.Keys(codes)))
	}
}

// compared are the kinds whose subjects both judge. What a sweep says of the
// account is about its own stack's events.
var compared = []string{"roles", "config-objects", "task-definitions", "secrets"}

// verdicts gives what is said of each subject that both can look at.
func verdicts(summary sweepreport.Summary) map[string]string {
	said := map[string]string{}
	for _, result := range summary.Results {
		var codes []string
		for _, f := range result.Findings {
			if f.Severity != finding.Info {
				codes = append(codes, f.Code)
			}
		}
		if !slices.Contains(compared, result.Kind) || len(codes) == 0 {
			continue
		}
		slices.Sort(codes)
		said[result.Kind+" "+result.Subject] = fmt.Sprintf("%s %v", result.Status, slices.Compact(codes))
	}
	return said
}

// scan runs the command in a shell, with the settings of the stack's functions.
func scan(t *testing.T, w *world) sweepreport.Summary {
	t.Helper()
	settings := map[string]string{}
	for _, function := range functions {
		configuration := must(w.Lambda.GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(w.FunctionARN(function))}))(t)
		maps.Copy(settings, configuration.Environment.Variables)
	}
	var variables []string
	for name, value := range settings {
		if !strings.HasPrefix(name, "AWS_") {
			variables = append(variables, name+"="+value)
		}
	}
	line := fmt.Sprintf("go run ./functions/sweep scan --format json --output '' --fail-on never --secret-values --bucket %s --bucket %s 2>/dev/null", existingBucket, w.Stack.Outputs["ConfigBucket"])
	output, code := newShell(t, w).run(t.Context(), line, variables...)
	var summaries []sweepreport.Summary
	if err := json.Unmarshal([]byte(output), &summaries); code != 0 || err != nil || len(summaries) != 1 {
		t.Fatalf("exit code %d, %v: %s", code, err, output)
	}
	return summaries[0]
}

func plantRoles(t *testing.T, w *world) {
	const agent = `["ecs:DiscoverPollEndpoint","ecs:RegisterContainerInstance","ecs:Poll","ecs:SubmitTaskStateChange","ecs:SubmitContainerStateChange"]`
	trusts := func(principal string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}]}`
	}
	instances := trusts(`{"Service":"ec2.amazonaws.com"}`)
	statement := func(text string) string { return `{"Version":"2012-10-17","Statement":[` + text + `]}` }
	boundary := must(w.IAM.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String("scan-boundary"), PolicyDocument: aws.String(statement(`{"Effect":"Allow","Action":"s3:*","Resource":"*"}`))}))(t)
	for name, role := range map[string]struct {
		trust, inline, attached, boundary string
		tags                              map[string]string
	}{
		"bare":        {trust: instances},
		"tasks":       {trust: trusts(`{"Service":"ecs-tasks.amazonaws.com"}`)},
		"everyone":    {trust: trusts(`{"Service":"ec2.amazonaws.com","AWS":"*"}`)},
		"denied":      {trust: instances, attached: operator.AgentPolicy, inline: statement(`{"Effect":"Deny","Action":"ecs:Poll","Resource":"*"}`)},
		"bounded":     {trust: instances, attached: operator.AgentPolicy, boundary: aws.ToString(boundary.Policy.Arn)},
		"conditional": {trust: instances, inline: statement(`{"Effect":"Allow","Action":` + agent + `,"Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-0a1b2c3d"}}}`)},
		"misspelt":    {trust: instances, attached: operator.AgentPolicy, tags: map[string]string{"ecs-guardrails:capabilities": "agent ecrr"}},
		"retired":     {trust: instances, attached: "arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM", inline: statement(`{"Effect":"Allow","Action":` + agent + `,"Resource":"*"}`)},
	} {
		name := aws.String("ecsInstanceRole-scan-" + name)
		input := &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: &role.trust}
		if role.boundary != "" {
			input.PermissionsBoundary = &role.boundary
		}
		for key, value := range role.tags {
			input.Tags = append(input.Tags, iamtypes.Tag{Key: &key, Value: &value})
		}
		must(w.IAM.CreateRole(t.Context(), input))(t)
		if role.inline != "" {
			must(w.IAM.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("own"), PolicyDocument: &role.inline}))(t)
		}
		if role.attached != "" {
			must(w.IAM.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: &role.attached}))(t)
		}
	}
}

func plantFiles(t *testing.T, w *world) {
	for name, content := range map[string]string{
		"misspelt/ecs.config": "ECS_CLUSTR=storefront\n",
		"json/ecs.config":     "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\n",
		"shape/ecs.config":    "ECS_CLUSTER=storefront\nECS_ENGINE_AUTH_TYPE=docker\n" + `ECS_ENGINE_AUTH_DATA={"registry.example.com":{"auth":"` + "dTpw" + `"}}` + "\n",
		"type/ecs.config":     "ECS_CLUSTER=storefront\n" + `ECS_ENGINE_AUTH_DATA={"registry.example.com":{"username":"u","password":"p"}}` + "\n",
		"drivers/ecs.config":  "ECS_CLUSTER=storefront\nECS_AVAILABLE_LOGGING_DRIVERS=json-file\n",
		"duration/ecs.config": "ECS_CLUSTER=storefront\nECS_CONTAINER_STOP_TIMEOUT=5\n",
		"level/ecs.config":    "ECS_CLUSTER=storefront\nECS_LOGLEVEL=loud\n",
		"boolean/ecs.config":  "ECS_CLUSTER=storefront\nECS_ENABLE_TASK_IAM_ROLE=yes please\n",
		"cluster/ecs.config":  "ECS_CLUSTER=gone\n",
		"number/ecs.config":   "ECS_CLUSTER=storefront\nECS_RESERVED_MEMORY=much\nECS_INSTANCE_ATTRIBUTES={a\n",
		"quotes/ecs.config":   "ECS_CLUSTER=\"storefront\nECS_LOGLEVEL=info\n",
		"twice/ecs.config":    "ECS_CLUSTER=storefront\nECS_CLUSTER=other\n",
	} {
		must(w.Upload(t.Context(), existingBucket, "scan/"+name, content))(t)
	}
	// Uploads there cause no event any more.
	must(w.S3.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String(existingBucket), NotificationConfiguration: &s3types.NotificationConfiguration{},
	}))(t)
}

func plantDefinitions(t *testing.T, w *world) {
	const public = "public.ecr.aws/nginx/nginx:1.27"
	secret := arn("secretsmanager", "secret:scan-gone-AbCdEf")
	weak := must(w.CreateRole(t.Context(), "ecsTaskExecutionRole-scan-weak", "ecs-tasks.amazonaws.com"))(t)
	wrong := must(w.CreateRole(t.Context(), "ecsTaskExecutionRole-scan-wrong", "ec2.amazonaws.com"))(t)
	existing := must(w.CreateSecret(t.Context(), "scan/value", "x"))(t)
	private := w.Stack.Registry.Image()
	container := func(image string, change func(*types.ContainerDefinition)) types.ContainerDefinition {
		made := types.ContainerDefinition{Name: aws.String("web"), Image: &image, Memory: aws.Int32(64), Essential: aws.Bool(true)}
		if change != nil {
			change(&made)
		}
		return made
	}
	takes := func(from string) func(*types.ContainerDefinition) {
		return func(c *types.ContainerDefinition) {
			c.Secrets = []types.Secret{{Name: aws.String("S"), ValueFrom: &from}}
		}
	}
	credential := func(name string) func(*types.ContainerDefinition) {
		return func(c *types.ContainerDefinition) {
			c.RepositoryCredentials = &types.RepositoryCredentials{CredentialsParameter: &name}
		}
	}
	for name, definition := range map[string]struct {
		role      string
		container types.ContainerDefinition
		change    func(*ecs.RegisterTaskDefinitionInput)
	}{
		"private":      {role: w.executionRole, container: container(private, nil)},
		"no-role":      {container: container(public, takes(existing))},
		"gone-role":    {role: arn("iam", "role/scan-gone"), container: container(public, takes(existing))},
		"wrong-role":   {role: wrong, container: container(public, takes(existing))},
		"weak-role":    {role: weak, container: container(public, takes(existing))},
		"reference":    {role: w.executionRole, container: container(public, takes(existing+":password"))},
		"secret-gone":  {role: w.executionRole, container: container(public, takes(secret))},
		"login-gone":   {role: w.executionRole, container: container(private, credential(secret))},
		"other-login":  {role: w.executionRole, container: container(private, credential(existing))},
		"other-region": {role: w.executionRole, container: container(private, credential(strings.Replace(existing, ":us-east-1:", ":eu-west-1:", 1)))},
		"ecr-login":    {role: w.executionRole, container: container("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1", credential(existing))},
		"page":         {role: w.executionRole, container: container("hub.docker.com/r/acme/web", nil)},
		"file-type": {role: w.executionRole, container: container(public, func(c *types.ContainerDefinition) {
			c.EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::" + existingBucket + "/a.txt")}}
		})},
		"file-gone": {role: w.executionRole, container: container(public, func(c *types.ContainerDefinition) {
			c.EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::" + existingBucket + "/none.env")}}
		})},
		"logs": {role: weak, container: container(public, func(c *types.ContainerDefinition) {
			c.LogConfiguration = &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/ecs/scan", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x"}}
		}), change: onFargate},
		"ecr": {role: weak, container: container("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1", nil), change: onFargate},
		"windows-ports": {role: w.executionRole, container: container("mcr.microsoft.com/windows/servercore/iis", func(c *types.ContainerDefinition) {
			c.PortMappings = []types.PortMapping{{ContainerPort: aws.Int32(80), HostPort: aws.Int32(80)}}
		}), change: func(input *ecs.RegisterTaskDefinitionInput) {
			input.RuntimePlatform = &types.RuntimePlatform{OperatingSystemFamily: types.OSFamilyWindowsServer2022Core}
			input.TaskRoleArn = &weak
		}},
	} {
		input := &ecs.RegisterTaskDefinitionInput{Family: aws.String("scan-" + name), ContainerDefinitions: []types.ContainerDefinition{definition.container}}
		if definition.role != "" {
			input.ExecutionRoleArn = aws.String(definition.role)
		}
		if definition.change != nil {
			definition.change(input)
		}
		must(w.ECS.RegisterTaskDefinition(t.Context(), input))(t)
	}
}

func plantSecrets(t *testing.T, w *world) {
	password := canary.Text()
	w.canaries.Plant("a password that the registry refuses", password)
	for name, tags := range map[string]map[string]string{
		"driver-unknown": {"ecs-guardrails:driver": "gitlabb"},
		"rotation-off":   {"ecs-guardrails:driver": "manual", "ecs-guardrails:test-image": "acme/app:1.0"},
	} {
		tags["ecs-guardrails:registry"] = w.Stack.Registry.Host + "/" + name
		input := &secretsmanager.CreateSecretInput{Name: aws.String("scan/" + name), SecretString: aws.String(fmt.Sprintf(`{"username":"nobody","password":%q}`, password))}
		for key, value := range tags {
			input.Tags = append(input.Tags, secretstypes.Tag{Key: &key, Value: &value})
		}
		must(w.Secrets.CreateSecret(t.Context(), input))(t)
	}
}

func onFargate(input *ecs.RegisterTaskDefinitionInput) {
	input.RequiresCompatibilities, input.NetworkMode = []types.Compatibility{types.CompatibilityFargate}, types.NetworkModeAwsvpc
	input.Cpu, input.Memory = aws.String("256"), aws.String("512")
}
