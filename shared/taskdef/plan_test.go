package taskdef

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// definitionOf decodes a definition in ECS's JSON, with what every one has: ECS
// would register it, unless the fields are about just that.
func definitionOf(t testing.TB, fields string) Observation {
	t.Helper()
	whole := map[string]any{
		"family": "app", "taskDefinitionArn": arnOf("app", 1), "revision": 1, "status": "ACTIVE", "executionRoleArn": roleARN, "memory": "512", "cpu": "256",
	}
	var own map[string]any
	if err := json.Unmarshal([]byte("{"+fields+"}"), &own); err != nil {
		t.Fatalf("%v in %s", err, fields)
	}
	for name, value := range own {
		whole[name] = value
	}
	body, err := json.Marshal(map[string]any{"taskDefinition": whole, "tags": own["tags"]})
	if err != nil {
		t.Fatal(err)
	}
	output, err := DecodeDescription(body)
	if err != nil {
		t.Fatal(err)
	}
	return Observation{Definition: output.TaskDefinition, Tags: output.Tags, UnknownFields: unknownFields(body)}
}

// defaults are the settings of a stack without parameters, but for the modes.
func defaults(t testing.TB) Settings {
	t.Helper()
	s, err := settings.Load[Settings]("patch-task-definition", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// one is a definition's field with one container: its image, and what else it has.
func one(image, more string) string {
	return fmt.Sprintf(`"containerDefinitions": [{"name": "web", "image": %q %s}]`, image, more)
}

func credential(parameter string) string {
	return fmt.Sprintf(`, "repositoryCredentials": {"credentialsParameter": %q}`, parameter)
}

const (
	ecrImage  = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1"
	shopImage = "registry.example.com/shop/web:1"
	windows   = `"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}, `
	fargate   = `"requiresCompatibilities": ["FARGATE"], `
)

// planRegistries are the tags of the table's secrets; each secret is called as
// its tag, with other signs as hyphens.
var planRegistries = []string{
	"registry.example.com", "registry.example.com/special", "registry.example.com:5000", "registry.gitlab.com/acme",
	"docker.io/acme", "docker.io/acme/secret-app", "2001:db8::1", "localhost:5000", "twice.example.com",
}

func planSecrets(t testing.TB) RegistrySecrets {
	var secrets RegistrySecrets
	name := strings.NewReplacer("/", "-", ":", "-", ".", "-")
	for _, registry := range planRegistries {
		secret, ok := registrySecret(tagged(name.Replace(registry), registry))
		if !ok || secret.TagProblem != "" {
			t.Fatal(registry, secret.TagProblem)
		}
		secrets = append(secrets, secret)
	}
	second, _ := registrySecret(tagged("twice-again", "https://twice.example.com/"))
	gone, _ := registrySecret(tagged("deleted", "deleted.example.com"))
	gone.Deleted = true
	wrong, _ := registrySecret(tagged("wrong", "acme"))
	return append(secrets, second, gone, wrong)
}

func TestPlan(t *testing.T) {
	replace := func(s *Settings) { s.ReplaceCredentials = true }
	giveRole := func(s *Settings) { s.ExecutionRoleARN = givenARN }
	const (
		missing = "credential-missing"
		noRole  = `"executionRoleArn": null, `
	)
	const external = `"requiresCompatibilities": ["EXTERNAL"], `
	mine := secretARN("mine")
	tests := []struct {
		name string
		// fields are a definition's, in JSON.
		fields string
		change func(*Settings)
		// codes are the findings', * behind one that the plan cures.
		codes string
		// edits are what the new revision changes.
		edits string
	}{
		// Which image is served by which secret.
		{"a private registry", one(shopImage, ""), nil, missing + "*", "web=registry-example-com"},
		{"without a tag", one("registry.example.com/shop/web", ""), nil, missing + "*", "web=registry-example-com"},
		{"with a digest", one("registry.example.com/shop/web@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", ""), nil, missing + "*", "web=registry-example-com"},
		{"with tag and digest", one("registry.example.com/web:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", ""), nil, missing + "*", "web=registry-example-com"},
		{"with the default port", one("registry.example.com:443/web", ""), nil, missing + "*", "web=registry-example-com"},
		{"in capitals", one("Registry.EXAMPLE.com/web", ""), nil, missing + "*", "web=registry-example-com"},
		{"on another port", one("registry.example.com:5000/web", ""), nil, missing + "*", "web=registry-example-com-5000"},
		{"on a port that nothing serves", one("registry.example.com:5001/web", ""), nil, "registry-not-served", ""},
		{"below a longer path", one("registry.example.com/special/web", ""), nil, missing + "*", "web=registry-example-com-special"},
		{"the longer path itself", one("registry.example.com/special", ""), nil, missing + "*", "web=registry-example-com-special"},
		{"a path that only begins alike", one("registry.example.com/specials/web", ""), nil, missing + "*", "web=registry-example-com"},
		{"GitLab, a group's", one("registry.gitlab.com/acme/group/web:1", ""), nil, missing + "*", "web=registry-gitlab-com-acme"},
		{"GitLab, somebody else's", one("registry.gitlab.com/other/web:1", ""), nil, "registry-not-served", ""},
		{"Docker Hub, our namespace", one("acme/web", ""), nil, missing + "*", "web=docker-io-acme"},
		{"Docker Hub by its name", one("docker.io/acme/web", ""), nil, missing + "*", "web=docker-io-acme"},
		{"Docker Hub by its old name", one("index.docker.io/acme/web", ""), nil, missing + "*", "web=docker-io-acme"},
		{"Docker Hub by its API's name", one("registry-1.docker.io/acme/web", ""), nil, missing + "*", "web=docker-io-acme"},
		{"Docker Hub, one repository", one("acme/secret-app:2", ""), nil, missing + "*", "web=docker-io-acme-secret-app"},
		{"Docker Hub, an official image", one("nginx", ""), nil, "", ""},
		{"Docker Hub, somebody else's", one("other/web", ""), nil, "", ""},
		{"a library image in full", one("docker.io/library/acme", ""), nil, "", ""},
		{"IPv6", one("[2001:db8::1]/web", ""), nil, missing + "*", "web=2001-db8--1"},
		{"IPv6 on a port that nothing serves", one("[2001:db8::1]:5000/web", ""), nil, "registry-not-served", ""},
		{"localhost", one("localhost:5000/web", ""), nil, missing + "*", "web=localhost-5000"},
		{"localhost without the port", one("localhost/web", ""), nil, "registry-not-served", ""},
		{"a subdomain is another registry", one("eu.registry.example.com/web", ""), nil, "registry-not-served", ""},
		{"two secrets for one registry", one("twice.example.com/web", ""), nil, "registry-secrets-ambiguous", ""},
		{"a secret on its way out serves nothing", one("deleted.example.com/web", ""), nil, "registry-not-served", ""},
		{"a public registry", one("quay.io/prometheus/prometheus", ""), nil, "", ""},
		{"Microsoft's", one("mcr.microsoft.com/dotnet/runtime:8.0", ""), nil, "", ""},
		{"GitHub's", one("ghcr.io/acme/web", ""), nil, "", ""},
		// Amazon ECR.
		{"ECR", one(ecrImage, ""), nil, "", ""},
		{"ECR in China", one("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/app", ""), nil, "", ""},
		{"ECR with FIPS", one("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/app", ""), nil, "", ""},
		{"ECR over both stacks", one("123456789012.dkr-ecr.us-east-1.on.aws/app", ""), nil, "", ""},
		{"ECR's pull-through cache", one("123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub/acme/web", ""), nil, "", ""},
		{"ECR Public", one("public.ecr.aws/docker/library/nginx", ""), nil, "", ""},
		{"ECR with a credential", one(ecrImage, credential(mine)), nil, "credential-on-ecr-image", ""},
		{"ECR with a credential, to be replaced", one(ecrImage, credential(mine)), replace, "credential-on-ecr-image*", "web="},
		{"ECR Public with a credential", one("public.ecr.aws/nginx/nginx", credential("mine")), nil, "credential-on-ecr-image", ""},
		// Texts that are no images.
		{"an empty image", one("", ""), nil, "image-invalid", ""},
		{"an image with a scheme", one("https://registry.example.com/web", ""), nil, "image-invalid", ""},
		{"an image in capitals", one("registry.example.com/Web", ""), nil, "image-invalid", ""},
		{"an image with a space", one("nginx latest", ""), nil, "image-invalid", ""},
		{"an image that is an id", one(strings.Repeat("0a", 32), ""), nil, "image-invalid", ""},
		{"a placeholder that was registered", one("<IMAGE1_NAME>", ""), nil, "image-invalid", ""},
		// Credentials that are there.
		{"the right secret by its ARN", one(shopImage, credential(secretARN("registry-example-com"))), nil, "", ""},
		{"the right secret by its name", one(shopImage, credential("registry-example-com")), nil, "", ""},
		{"the right secret without its last characters", one(shopImage, credential(strings.TrimSuffix(secretARN("registry-example-com"), "-AbCdEf"))), nil, "", ""},
		{"another secret", one(shopImage, credential(mine)), nil, "credential-differs", ""},
		{"another secret, to be replaced", one(shopImage, credential(mine)), replace, "credential-differs*", "web=registry-example-com"},
		{"a secret of a registry that nothing else serves", one("other.example.com/web", credential(mine)), nil, "", ""},
		{"a credential for a public image", one("nginx", credential(mine)), nil, "", ""},
		{"two secrets, and one was chosen", one("twice.example.com/web", credential(secretARN("twice-again"))), nil, "", ""},
		{"two secrets, and a third was chosen", one("twice.example.com/web", credential(mine)), nil, "", ""},
		{"an empty credential", one(shopImage, `, "repositoryCredentials": {"credentialsParameter": ""}`), nil, missing + "*", "web=registry-example-com"},
		{"an empty credential that nothing fills", one("nginx", `, "repositoryCredentials": {}`), nil, "credential-invalid", ""},
		{"a parameter of Systems Manager", one("nginx", credential("arn:aws:ssm:us-east-1:123456789012:parameter/hub")), nil, "credential-invalid", ""},
		{"an ARN with a key behind it", one("nginx", credential(mine+":password::")), nil, "credential-invalid", ""},
		{"an ARN of something else", one("nginx", credential("arn:aws:iam::123456789012:role/hub")), nil, "credential-invalid", ""},
		{"an ARN without an account", one("nginx", credential("arn:aws:secretsmanager:us-east-1::secret:hub")), nil, "credential-invalid", ""},
		{"an ARN that is too long", one("nginx", credential(secretARN(strings.Repeat("a", 2048)))), nil, "credential-invalid", ""},
		{"a name with a space", one("nginx", credential("my secret")), nil, "credential-invalid", ""},
		{"a name that is too long", one("nginx", credential(strings.Repeat("a", 513))), nil, "credential-invalid", ""},
		{"a name with slashes", one("nginx", credential("prod/hub+x=y.z@1")), nil, "", ""},
		{"a secret of another account", one("nginx", credential("arn:aws:secretsmanager:us-east-1:999999999999:secret:hub-AbCdEf")), nil, "credential-in-other-account", ""},
		{"a secret of another partition", one("nginx", credential("arn:aws-cn:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf")), nil, "credential-in-other-account", ""},
		{"a secret of another region", one("nginx", credential("arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub-AbCdEf")), nil, "credential-in-other-region", ""},
		{"a secret that is being deleted", one("nginx", credential("deleted")), nil, "credential-gone", ""},
		{"a wrong one that is replaced is not judged", one(shopImage, credential("my secret")), replace, "credential-differs*", "web=registry-example-com"},
		// Several containers.
		{"every container that needs one", `"containerDefinitions": [{"name": "a", "image": "registry.example.com/a"}, {"name": "b", "image": "nginx"}, {"name": "c", "image": "registry.gitlab.com/acme/c"}]`, nil, missing + "* " + missing + "*", "a=registry-example-com c=registry-gitlab-com-acme"},
		{"one has its own, one needs one", `"containerDefinitions": [{"name": "a", "image": "registry.example.com/a"` + credential("mine") + `}, {"name": "b", "image": "registry.example.com/b"}]`, nil, "credential-differs " + missing + "*", "b=registry-example-com"},
		{"one image is wrong, one needs one", `"containerDefinitions": [{"name": "a", "image": ""}, {"name": "b", "image": "registry.example.com/b"}]`, nil, "image-invalid " + missing + "*", "b=registry-example-com"},
		{"no containers at all", `"containerDefinitions": []`, nil, "", ""},
		// Names.
		{"a container with a dot in its name", `"containerDefinitions": [{"name": "a.b", "image": "nginx"}]`, nil, "name-invalid", ""},
		{"a container with a name of 256", `"containerDefinitions": [{"name": "` + strings.Repeat("a", 256) + `", "image": "nginx"}]`, nil, "name-invalid", ""},
		{"a container with a name of 255", `"containerDefinitions": [{"name": "` + strings.Repeat("a", 255) + `", "image": "nginx"}]`, nil, "", ""},
		{"a container without a name", `"containerDefinitions": [{"image": "nginx"}]`, nil, "name-invalid", ""},
		{"two containers of one name", `"containerDefinitions": [{"name": "a", "image": "nginx"}, {"name": "a", "image": "redis"}]`, nil, "name-used-twice", ""},
		{"a family with a space", `"family": "my app", ` + one("nginx", ""), nil, "name-invalid", ""},
		// The execution role.
		{"no role, and none is needed", noRole + one("nginx", ""), nil, "", ""},
		{"no role for the credential", noRole + one(shopImage, ""), nil, missing + " execution-role-missing", ""},
		{"no role, and one to give", noRole + one(shopImage, ""), giveRole, missing + "* execution-role-missing*", "web=registry-example-com executionRoleArn"},
		{"no role for a credential that is there", noRole + one("nginx", credential(mine)), nil, "execution-role-missing", ""},
		{"no role for a credential that goes", noRole + one(ecrImage, credential(mine)), replace, "credential-on-ecr-image*", "web="},
		{"no role for secrets", noRole + one("nginx", `, "secrets": [{"name": "A", "valueFrom": "a"}]`), giveRole, "execution-role-missing*", "executionRoleArn"},
		{"no role for environment files", noRole + one("nginx", `, "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::b-bucket/a.env"}]`), nil, "execution-role-missing", ""},
		{"no role for secret log options", noRole + one("nginx", `, "logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "splunk-token", "valueFrom": "t"}]}`), nil, "execution-role-missing", ""},
		{"no role for ECR on Fargate", noRole + fargate + one(ecrImage, ""), nil, "execution-role-missing", ""},
		{"no role for ECR on an instance", noRole + one(ecrImage, ""), nil, "", ""},
		{"no role for awslogs on Fargate", noRole + fargate + one("nginx", `, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}`), nil, "execution-role-missing", ""},
		{"no role for awslogs on an instance", noRole + one("nginx", `, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}`), nil, "", ""},
		{"no role for ECR on an external instance", noRole + external + one(ecrImage, ""), nil, "execution-role-missing", ""},
		{"no role for awslogs on a managed instance", noRole + `"requiresCompatibilities": ["MANAGED_INSTANCES"], ` + one("nginx", `, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}`), nil, "execution-role-missing", ""},
		{"no role for a public image on an external instance", noRole + external + one("nginx", `, "logConfiguration": {"logDriver": "json-file"}`), nil, "", ""},
		{"no role for a configuration of FireLens", noRole + one("nginx", `, "firelensConfiguration": {"type": "fluentbit", "options": {"config-file-type": "s3", "config-file-value": "arn:aws:s3:::b/x.conf"}}`), nil, "execution-role-missing", ""},
		{"no role for a domain's credentials", noRole + one("nginx", `, "credentialSpecs": ["credentialspec:arn:aws:ssm:us-east-1:123456789012:parameter/gmsa"]`), nil, "execution-role-missing", ""},
		{"no role for FSx", noRole + `"volumes": [{"name": "v", "fsxWindowsFileServerVolumeConfiguration": {"fileSystemId": "fs-0", "rootDirectory": "d", "authorizationConfig": {"credentialsParameter": "a", "domain": "d"}}}], ` + one("nginx", ""), nil, "execution-role-missing", ""},
		// Environment files.
		{"an environment file", one("nginx", `, "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::acme-env/prod/app.env"}]`), nil, "", ""},
		{"one in China", one("nginx", `, "environmentFiles": [{"type": "s3", "value": "arn:aws-cn:s3:::acme-env/app.env"}]`), nil, "environment-file-invalid", ""},
		{"one with another ending", one("nginx", `, "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::acme-env/app.txt"}]`), nil, "environment-file-invalid", ""},
		{"one by its address", one("nginx", `, "environmentFiles": [{"type": "s3", "value": "s3://acme-env/app.env"}]`), nil, "environment-file-invalid", ""},
		{"one without an object", one("nginx", `, "environmentFiles": [{"type": "s3", "value": "arn:aws:s3:::acme-env"}]`), nil, "environment-file-invalid", ""},
		{"one of another type", one("nginx", `, "environmentFiles": [{"type": "ssm", "value": "arn:aws:s3:::acme-env/app.env"}]`), nil, "environment-file-invalid", ""},
		{"ten of them", one("nginx", files(10)), nil, "", ""},
		{"eleven of them", one("nginx", files(11)), nil, "environment-files-too-many", ""},
		{"eleven in two containers", `"containerDefinitions": [{"name": "a", "image": "nginx"` + files(6) + `}, {"name": "b", "image": "nginx"` + files(5) + `}]`, nil, "environment-files-too-many", ""},
		// Windows.
		{"Windows, port 80 and a task role", windows + `"taskRoleArn": "arn:aws:iam::123456789012:role/app", ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "windows-host-port-80", ""},
		{"Windows, port 80 without a task role", windows + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "windows-host-port-80", ""},
		{"Windows, port 80 of the container", windows + `"taskRoleArn": "r", ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 8080}]`), nil, "", ""},
		{"Windows, a port that ECS chooses", windows + `"taskRoleArn": "r", ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 0}]`), nil, "", ""},
		{"Windows, port 80 of its own interface", windows + `"networkMode": "awsvpc", "taskRoleArn": "r", ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "", ""},
		{"Windows on Fargate, port 80", windows + fargate + `"networkMode": "awsvpc", "taskRoleArn": "r", ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "", ""},
		{"Linux, port 80", `"taskRoleArn": "r", ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "", ""},
		{"Windows by its image", `"taskRoleArn": "r", ` + one("mcr.microsoft.com/windows/servercore/iis", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "windows-host-port-80", ""},
		{"Windows by its placement", `"taskRoleArn": "r", "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == windows"}], ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "windows-host-port-80", ""},
		{"not Windows by its placement", `"taskRoleArn": "r", "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type != windows"}], ` + one("nginx", `, "portMappings": [{"containerPort": 80, "hostPort": 80}]`), nil, "", ""},
		{"Linux in spite of its image", `"runtimePlatform": {"operatingSystemFamily": "LINUX"}, "taskRoleArn": "r", ` + one("mcr.microsoft.com/windows/nanoserver", `, "portMappings": [{"hostPort": 80}]`), nil, "", ""},
		{"Windows, the script without a role", windows + one("nginx", `, "entryPoint": ["powershell", "-Command"], "command": ["New-NetRoute -DestinationPrefix 169.254.170.2/32; app.exe"]`), nil, "windows-task-role-missing", ""},
		{"Windows, the script with a role", windows + `"taskRoleArn": "r", ` + one("nginx", `, "command": ["new-netroute"]`), nil, "", ""},
		{"Windows, fields that it has not", windows + one("nginx", `, "linuxParameters": {"initProcessEnabled": true}, "ulimits": [{"name": "core", "softLimit": 0, "hardLimit": 0}], "privileged": true`), nil, "windows-field-unsupported", ""},
		{"Windows, fields that are off", windows + one("nginx", `, "privileged": false, "readonlyRootFilesystem": false, "links": [], "user": ""`), nil, "", ""},
		{"Windows, the host's network", windows + `"networkMode": "host", "pidMode": "task", ` + one("nginx", ""), nil, "windows-field-unsupported", ""},
		{"Windows, a volume of Docker's", windows + `"volumes": [{"name": "v", "dockerVolumeConfiguration": {"scope": "shared", "driver": "local"}}, {"name": "w", "dockerVolumeConfiguration": {"scope": "task"}}], ` + one("nginx", ""), nil, "", ""},
		{"Windows, a volume of a plugin's", windows + `"volumes": [{"name": "v", "dockerVolumeConfiguration": {"driver": "rexray/ebs"}}], ` + one("nginx", ""), nil, "windows-field-unsupported", ""},
		{"Windows on Fargate, environment files", windows + fargate + one("nginx", files(1)), nil, "windows-field-unsupported", ""},
		{"Windows gets its credential, too", windows + one(shopImage, ""), nil, missing + "*", "web=registry-example-com"},
		// What keeps a new revision away.
		{"Elastic Inference", `"inferenceAccelerators": [{"deviceName": "d", "deviceType": "eia2.medium"}], ` + one(shopImage, ""), nil, missing + " field-withdrawn", ""},
		{"Elastic Inference, nothing to do", `"inferenceAccelerators": [{"deviceName": "d", "deviceType": "eia2.medium"}], ` + one("nginx", ""), nil, "", ""},
		{"Elastic Inference of a container", one(shopImage, `, "resourceRequirements": [{"type": "InferenceAccelerator", "value": "d"}]`), nil, missing + " field-withdrawn", ""},
		{"a GPU", one(shopImage, `, "resourceRequirements": [{"type": "GPU", "value": "1"}]`), nil, missing + "*", "web=registry-example-com"},
		{"CloudFormation's", `"tags": [{"key": "aws:cloudformation:stack-name", "value": "shop"}], ` + one(shopImage, ""), nil, missing + " definition-owned", ""},
		{"CloudFormation's, all the same", `"tags": [{"key": "aws:cloudformation:stack-name", "value": "shop"}], ` + one(shopImage, ""), func(s *Settings) { s.ChangeOwnedResources = All }, missing + "*", "web=registry-example-com"},
		{"CloudFormation's, nothing to do", `"tags": [{"key": "aws:cloudformation:stack-name", "value": "shop"}], ` + one("nginx", ""), nil, "", ""},
		{"a field of tomorrow", `"teleport": true, ` + one(shopImage, ""), nil, missing + " field-unknown", ""},
		{"a field of tomorrow, nothing to do", `"teleport": true, ` + one("nginx", ""), nil, "", ""},
	}
	if len(tests) < 80 {
		t.Errorf("%d cases", len(tests))
	}
	seen := map[string]bool{}
	for _, test := range tests {
		if seen[test.name] {
			t.Errorf("two cases are called %q", test.name)
		}
		seen[test.name] = true
		t.Run(test.name, func(t *testing.T) {
			settings := defaults(t)
			if test.change != nil {
				test.change(&settings)
			}
			observed := definitionOf(t, test.fields)
			observed.Secrets = planSecrets(t)
			plan := settings.Plan(observed)
			findingtest.Saw(plan.Findings...)
			if got := codesAndCures(plan.Findings); got != test.codes {
				t.Errorf("found %q, want %q\n%+v", got, test.codes, plan.Findings)
			}
			if got := editsOf(observed, plan.Actions); got != test.edits {
				t.Errorf("changes %q, want %q", got, test.edits)
			}
			for _, f := range plan.Findings {
				if f.Message == "" || f.Fix == "" {
					t.Errorf("%s lacks a message or a fix", f.Code)
				}
			}
		})
	}
}

func files(n int) string {
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf(`{"type": "s3", "value": "arn:aws:s3:::acme-env/%d.env"}`, i))
	}
	return `, "environmentFiles": [` + strings.Join(entries, ",") + `]`
}

func codesAndCures(findings []finding.Finding) string {
	var texts []string
	for _, f := range findings {
		text := f.Code
		if f.Cured {
			text += "*"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, " ")
}

// editsOf tells what a plan's registration changes, by comparing.
func editsOf(observed Observation, actions []Action) string {
	var texts []string
	for _, action := range actions {
		registration, ok := action.(Registration)
		if !ok {
			continue
		}
		for i, container := range registration.Input.ContainerDefinitions {
			before, after := credentialOf(observed.Definition.ContainerDefinitions[i]), credentialOf(container)
			if before != after {
				secret := strings.TrimSuffix(after[strings.LastIndexByte(after, ':')+1:], "-AbCdEf")
				texts = append(texts, aws.ToString(container.Name)+"="+secret)
			}
		}
		if aws.ToString(observed.Definition.ExecutionRoleArn) != aws.ToString(registration.Input.ExecutionRoleArn) {
			texts = append(texts, "executionRoleArn")
		}
	}
	return strings.Join(texts, " ")
}
