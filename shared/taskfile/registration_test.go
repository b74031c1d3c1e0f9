package taskfile

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/exitcode"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/taskdef"
)

// codesOf judges a file without an account, and gives the codes of its findings.
func codesOf(t *testing.T, text string, args ...string) (codes []string, said string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code := command(append([]string{"--file", "-", "--format", "json"}, args...), nil, nowhere, strings.NewReader(text), &stdout, &stderr)
	if code == exitcode.CouldNotRun {
		t.Fatalf("%s", &stderr)
	}
	var report struct {
		Results []struct {
			Findings []finding.Finding
		}
	}
	if err := json.Unmarshal([]byte(stdout.String()), &report); err != nil {
		t.Fatalf("%v in %s", err, &stdout)
	}
	for _, result := range report.Results {
		findingtest.Saw(result.Findings...)
		for _, f := range result.Findings {
			if f.Code == "account-unchecked" {
				continue
			}
			codes = append(codes, f.Code)
			said += string(f.Severity) + " " + f.Message + " " + f.Fix + "\n"
		}
	}
	return codes, said
}

const (
	executionRole = `"executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"`
	onFargate     = `"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512", ` + executionRole
)

// TestWhatRegistrationRefuses: each rule has a definition that ECS refuses for it
// alone, and its control, the nearest one that ECS takes.
func TestWhatRegistrationRefuses(t *testing.T) {
	web := func(fields string) string {
		return `"containerDefinitions": [{"name": "web", "image": "public.ecr.aws/nginx/nginx:1", "memory": 128` + fields + `}]`
	}
	beside := func(fields, other string) string {
		return `"containerDefinitions": [{"name": "web", "image": "public.ecr.aws/nginx/nginx:1", "memory": 128` + fields + `}, {"name": "b", "image": "public.ecr.aws/nginx/nginx:1", "memory": 128` + other + `}]`
	}
	image := func(text string) string {
		return `"containerDefinitions": [{"name": "web", "image": "` + text + `", "memory": 128}]`
	}
	const ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"
	awslogs := func(options string) string {
		return web(`, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "us-east-1"` + options + `}}`)
	}
	mount := web(`, "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]`)
	tests := []struct{ name, code, refused, control string }{
		{"no memory", "memory-missing", `"containerDefinitions": [{"name": "web", "image": "public.ecr.aws/nginx/nginx:1"}]`, `"memory": "512", "containerDefinitions": [{"name": "web", "image": "public.ecr.aws/nginx/nginx:1"}]`},
		{"a reservation above the limit", "memory-missing", web(`, "memoryReservation": 256`), web(`, "memoryReservation": 64`)},
		{"more memory than the task has", "memory-missing", `"memory": "100", ` + web(""), `"memory": "128", ` + web("")},
		{"more memory than the task has, together", "memory-missing", `"memory": "0.2 GB", ` + beside("", ""), `"memory": "256", ` + beside("", "")},
		{"Fargate's pairs", "fargate-size-invalid", strings.Replace(onFargate, `"512"`, `"5120"`, 1) + `, ` + web(""), strings.Replace(onFargate, `"512"`, `"2 GB"`, 1) + `, ` + web("")},
		{"Fargate without cpu", "fargate-size-invalid", strings.Replace(onFargate, `"cpu": "256", `, "", 1) + `, ` + web(""), onFargate + `, ` + web("")},
		{"Fargate with bridge", "network-mode-invalid", strings.Replace(onFargate, "awsvpc", "bridge", 1) + `, ` + web(""), onFargate + `, ` + web("")},
		{"Fargate without a mode", "network-mode-invalid", strings.Replace(onFargate, `"networkMode": "awsvpc", `, "", 1) + `, ` + web(""), onFargate + `, ` + web("")},
		{"Fargate, privileged", "fargate-field-unsupported", onFargate + `, ` + web(`, "privileged": true`), onFargate + `, ` + web(`, "privileged": false`)},
		{"Fargate with a path of the host", "fargate-field-unsupported", onFargate + `, "volumes": [{"name": "data", "host": {"sourcePath": "/data"}}], ` + mount, onFargate + `, "volumes": [{"name": "data", "host": {}}], ` + mount},
		{"Fargate with a volume of Docker's", "fargate-field-unsupported", onFargate + `, "volumes": [{"name": "data", "dockerVolumeConfiguration": {"scope": "task"}}], ` + mount, `"volumes": [{"name": "data", "dockerVolumeConfiguration": {"scope": "task"}}], ` + mount},
		{"Fargate with constraints", "fargate-field-unsupported", onFargate + `, "placementConstraints": [{"type": "memberOf", "expression": "attribute:a == b"}], ` + web(""), `"placementConstraints": [{"type": "memberOf", "expression": "attribute:a == b"}], ` + web("")},
		{"Fargate with a GPU", "fargate-field-unsupported", onFargate + `, ` + web(`, "resourceRequirements": [{"type": "GPU", "value": "1"}]`), web(`, "resourceRequirements": [{"type": "GPU", "value": "1"}]`)},
		{"awsvpc and another host port", "port-mapping-invalid", `"networkMode": "awsvpc", ` + web(`, "portMappings": [{"containerPort": 80, "hostPort": 8080}]`), `"networkMode": "awsvpc", ` + web(`, "portMappings": [{"containerPort": 80, "hostPort": 80}]`)},
		{"host and another host port", "port-mapping-invalid", `"networkMode": "host", ` + web(`, "portMappings": [{"containerPort": 80, "hostPort": 8080}]`), `"networkMode": "bridge", ` + web(`, "portMappings": [{"containerPort": 80, "hostPort": 8080}]`)},
		{"a port above 65535", "port-mapping-invalid", web(`, "portMappings": [{"containerPort": 70000}]`), web(`, "portMappings": [{"containerPort": 65535}]`)},
		{"links in awsvpc", "network-mode-invalid", `"networkMode": "awsvpc", ` + beside(`, "links": ["b"]`, ""), `"networkMode": "bridge", ` + beside(`, "links": ["b"]`, "")},
		{"a volume that is not there", "volume-unknown", mount, `"volumes": [{"name": "data"}], ` + mount},
		{"volumes from nowhere", "volume-unknown", beside(`, "volumesFrom": [{"sourceContainer": "c"}]`, ""), beside(`, "volumesFrom": [{"sourceContainer": "b"}]`, "")},
		{"awslogs on Fargate without a prefix", "log-configuration-invalid", onFargate + `, ` + awslogs(""), onFargate + `, ` + awslogs(`, "awslogs-stream-prefix": "web"`)},
		{"the same on instances", "log-configuration-invalid", onFargate + `, ` + awslogs(""), executionRole + `, ` + awslogs("")},
		{"awslogs without a group", "log-configuration-invalid", executionRole + `, ` + web(`, "logConfiguration": {"logDriver": "awslogs", "options": {}}`), executionRole + `, ` + awslogs("")},
		{"a driver that Fargate lacks", "log-configuration-invalid", onFargate + `, ` + web(`, "logConfiguration": {"logDriver": "syslog"}`), web(`, "logConfiguration": {"logDriver": "syslog"}`)},
		{"a driver that there isn't", "log-configuration-invalid", web(`, "logConfiguration": {"logDriver": "awslog"}`), web(`, "logConfiguration": {"logDriver": "json-file"}`)},
		{"FireLens without a router", "firelens-router-missing", web(`, "logConfiguration": {"logDriver": "awsfirelens"}`), beside(`, "logConfiguration": {"logDriver": "awsfirelens"}`, `, "firelensConfiguration": {"type": "fluentbit"}`)},
		{"a policy as role", "role-invalid", `"executionRoleArn": "arn:aws:iam::123456789012:policy/ecsTaskExecutionRole", ` + web(""), executionRole + `, ` + web("")},
		{"AWS's policy as role", "role-invalid", `"executionRoleArn": "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy", ` + web(""), `"executionRoleArn": "ecsTaskExecutionRole", ` + web("")},
		{"an instance profile as role", "role-invalid", `"taskRoleArn": "arn:aws:iam::123456789012:instance-profile/web", ` + web(""), `"taskRoleArn": "arn:aws:iam::123456789012:role/service-role/web", ` + web("")},
		{"a role of 11 digits", "role-invalid", `"taskRoleArn": "arn:aws:iam::12345678901:role/web", ` + web(""), `"taskRoleArn": "arn:aws-cn:iam::123456789012:role/web", ` + web("")},
		{"a role of 13 digits", "role-invalid", `"executionRoleArn": "arn:aws:iam::1234567890123:role/web", ` + web(""), executionRole + `, ` + web("")},
		{"a variable twice", "variable-defined-twice", executionRole + `, ` + web(`, "environment": [{"name": "A", "value": "1"}], "secrets": [{"name": "A", "valueFrom": "a"}]`), executionRole + `, ` + web(`, "environment": [{"name": "a", "value": "1"}], "secrets": [{"name": "A", "valueFrom": "a"}]`)},
		{"no essential container", "containers-missing", web(`, "essential": false`), beside(`, "essential": false`, "")},
		{"no container", "containers-missing", `"containerDefinitions": []`, web("")},
		{"depends on nothing", "dependency-unknown", web(`, "dependsOn": [{"containerName": "b", "condition": "START"}]`), beside(`, "dependsOn": [{"containerName": "b", "condition": "START"}]`, "")},
		{"depends on itself", "dependency-unmet", web(`, "dependsOn": [{"containerName": "web", "condition": "START"}]`), web(`, "dependsOn": []`)},
		{"waits for health without a check", "dependency-unmet", beside(`, "dependsOn": [{"containerName": "b", "condition": "HEALTHY"}]`, ""), beside(`, "dependsOn": [{"containerName": "b", "condition": "HEALTHY"}]`, `, "healthCheck": {"command": ["true"]}`)},
		{"waits for the end of an essential one", "dependency-unmet", beside(`, "dependsOn": [{"containerName": "b", "condition": "SUCCESS"}]`, ""), beside(`, "dependsOn": [{"containerName": "b", "condition": "SUCCESS"}]`, `, "essential": false`)},
		{"two containers of one name", "name-used-twice", strings.Replace(beside("", ""), `"b"`, `"web"`, 1), beside("", "")},
		// Images that no registry has; ECS takes some of them, and no task starts.
		{"an account of 11 digits", "image-invalid", image(ecr[1:]), image(ecr)},
		{"an account of 13 digits", "image-invalid", image("0" + ecr), image(ecr)},
		{"ECR without a repository", "image-invalid", image(strings.TrimSuffix(ecr, "/app:1")), image(ecr)},
		{"a page of Docker Hub", "image-invalid", image("hub.docker.com/r/acme/app"), image("acme/app")},
		{"an address", "image-invalid", image("https://" + ecr), image(ecr)},
		{"a digest alone", "image-invalid", image("sha256:" + strings.Repeat("0a", 32)), image("nginx@sha256:" + strings.Repeat("0a", 32))},
		{"an empty registry", "image-invalid", image("/acme/app"), image("acme/app")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			codes, said := codesOf(t, `{"family": "app", `+test.refused+`}`)
			if !slices.Equal(codes, []string{test.code}) || !strings.HasPrefix(said, "error ") {
				t.Errorf("got %v, want %s\n%s", codes, test.code, said)
			}
			if codes, said := codesOf(t, `{"family": "app", `+test.control+`}`); len(codes) > 0 {
				t.Errorf("the control has %v\n%s", codes, said)
			}
		})
	}
}

// TestAMissingFamily: ECS refuses a definition without one. Files of other tools
// name it otherwise.
func TestAMissingFamily(t *testing.T) {
	const containers = `[{"name": "web", "image": "public.ecr.aws/nginx/nginx:1", "memory": 128}]`
	for text, want := range map[string]bool{
		`{"containerDefinitions": ` + containers + `}`:                        true,
		`{"family": "", "containerDefinitions": ` + containers + `}`:          true,
		`{"taskDefinition": {"containerDefinitions": ` + containers + `}}`:    true,
		`{"family": "app", "containerDefinitions": ` + containers + `}`:       false,
		`{"family": "${FAMILY}", "containerDefinitions": ` + containers + `}`: false,
		containers: false,
		`{"Resources": {"T": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [{"Name": "web", "Image": "public.ecr.aws/nginx/nginx:1", "Memory": 128}]}}}}`: false,
		`{"AWSEBDockerrunVersion": 2, "containerDefinitions": ` + containers + `}`:                                                                                                      false,
	} {
		codes, said := codesOf(t, text)
		if got := slices.Contains(codes, "name-invalid"); got != want || !want && len(codes) > 0 {
			t.Errorf("%s: %v\n%s", text, codes, said)
		}
	}
}

// TestFieldsOfOtherVersions: a field that this version doesn't know is not told to
// be taken away, and stays when the file is patched; a misspelt one is corrected.
func TestFieldsOfOtherVersions(t *testing.T) {
	const containers = `"containerDefinitions": [{"name": "web", "image": "registry.example.com/app:1", "memory": 128%s}]`
	for fields, want := range map[string]string{
		`"trustedExecutionConfiguration": {"mode": "x"}, `: "doesn't know the field",
		`"netwrokMode": "bridge", `:                        "Write networkMode",
		`"network_mode": "bridge", `:                       "Write networkMode",
		`"NetworkMode": "bridge", `:                        "Write networkMode",
		`"execution-role-arn": "x", `:                      "Write executionRoleArn",
	} {
		text := `{"family": "app", ` + fields + executionRole + `, ` + strings.Replace(containers, "%s", "", 1) + `}`
		_, said := codesOf(t, text)
		if !strings.Contains(said, want) || strings.Contains(said, "take the field away") {
			t.Errorf("%s: %s", fields, said)
		}
		draft := ReadDraft([]byte(text))
		verdict, err := judge(context.Background(), taskdef.Settings{}, draft, testSecrets(t, "registry.example.com"), nil)
		if err != nil {
			t.Fatal(err)
		}
		patched, err := draft.Patched(verdict.edits)
		if name, _, _ := strings.Cut(fields, ":"); err != nil || !strings.Contains(string(patched), name) || !strings.Contains(string(patched), "repositoryCredentials") {
			t.Errorf("%v, patched: %s", err, patched)
		}
	}
	codes, said := codesOf(t, `{"family": "app", `+executionRole+`, `+strings.Replace(strings.Replace(containers, "registry.example.com/", "", 1), "%s", `, "secrets": [{"name": "A", "value": "x"}]`, 1)+`}`)
	if !slices.Equal(codes, []string{"secret-reference-invalid"}) || !strings.Contains(said, "as value") {
		t.Errorf("%v %s", codes, said)
	}
}

// TestSecretsOfTheCommandLine: --secret names a secret by its name, by its ARN, or
// by the ARN without the last six characters, and so may the file.
func TestSecretsOfTheCommandLine(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:team/shop"
	same := map[string]string{"name": "team/shop", "partial ARN": arn, "ARN": arn + "-AbCdEf"}
	for given, secret := range same {
		option := "--secret=registry.example.com=" + secret
		file := func(parameter string) string {
			return `{"family": "app", ` + executionRole + `, "containerDefinitions": [{"name": "web", "image": "registry.example.com/app:1", "memory": 128, "repositoryCredentials": {"credentialsParameter": "` + parameter + `"}}]}`
		}
		for named, parameter := range same {
			if codes, said := codesOf(t, file(parameter), option); len(codes) > 0 {
				t.Errorf("--secret by its %s, the file by its %s: %v\n%s", given, named, codes, said)
			}
		}
		for _, other := range []string{"shop", "team/shop2", strings.Replace(arn, "team/shop", "team/shopper", 1), strings.Replace(arn, "team/shop", "other", 1) + "-AbCdEf"} {
			if codes, _ := codesOf(t, file(other), option); !slices.Contains(codes, "credential-differs") {
				t.Errorf("--secret by its %s is taken for %s", given, other)
			}
		}
	}
}

// TestPartitionsOfEnvironmentFiles: the roles tell the partition of the definition.
func TestPartitionsOfEnvironmentFiles(t *testing.T) {
	for _, test := range []struct {
		role, file string
		right      bool
	}{
		{"aws", "aws", true}, {"aws-cn", "aws-cn", true}, {"aws-us-gov", "aws-us-gov", true},
		{"aws", "aws-cn", false}, {"aws-cn", "aws", false}, {"aws-us-gov", "aws", false},
	} {
		codes, said := codesOf(t, `{"family": "app", "executionRoleArn": "arn:`+test.role+`:iam::123456789012:role/r", "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 128,
			"environmentFiles": [{"type": "s3", "value": "arn:`+test.file+`:s3:::acme-env/web.env"}]}]}`)
		if right := len(codes) == 0; right != test.right {
			t.Errorf("%v: %v\n%s", test, codes, said)
		}
	}
	if codes, said := codesOf(t, `{"family": "app", "executionRoleArn": "ecsTaskExecutionRole", "containerDefinitions": [{"name": "web", "image": "nginx", "memory": 128, "environmentFiles": [{"type": "s3", "value": "arn:aws-cn:s3:::acme-env/web.env"}]}]}`); len(codes) > 0 {
		t.Errorf("nothing tells the partition: %v\n%s", codes, said)
	}
}

// TestWindowsByItsTag: many images for Windows tell it by their tags alone.
func TestWindowsByItsTag(t *testing.T) {
	for image, want := range map[string]bool{
		"mcr.microsoft.com/dotnet/aspnet:8.0-nanoserver-ltsc2022":                   true,
		"123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1.2-windowsservercore":    true,
		"registry.example.com:5000/app:ltsc2019":                                    true,
		"golang:1.25-windowsservercore-ltsc2025@sha256:" + strings.Repeat("0a", 32): true,
		"acme/app:windows-amd64":                                                    true,
		"mcr.microsoft.com/dotnet/aspnet:8.0":                                       false,
		"acme/windows:1":                                                            false,
		"registry.windows.example.com:5000/app":                                     false,
		"acme/app:no-windowsill":                                                    false,
	} {
		text := `{"family": "app", "taskRoleArn": "arn:aws:iam::123456789012:role/r", "containerDefinitions": [{"name": "web", "image": "` + image + `", "memory": 128, "portMappings": [{"containerPort": 80, "hostPort": 80}]}]%s}`
		if codes, _ := codesOf(t, strings.Replace(text, "%s", "", 1)); slices.Contains(codes, "windows-host-port-80") != want {
			t.Errorf("%s: %v", image, codes)
		}
		if codes, _ := codesOf(t, strings.Replace(text, "%s", `, "runtimePlatform": {"operatingSystemFamily": "LINUX"}`, 1)); slices.Contains(codes, "windows-host-port-80") {
			t.Errorf("%s on Linux: %v", image, codes)
		}
	}
}

// TestFilesOfNeighbours: AWS Batch and Elastic Beanstalk make task definitions of
// files of their own.
func TestFilesOfNeighbours(t *testing.T) {
	const image = `"image": "registry.example.com/app:1"`
	tests := map[string]struct{ text, codes, says string }{
		"a job":                       {`{"jobDefinitionName": "j", "type": "container", "containerProperties": {` + image + `, "vcpus": 1, "memory": 512}}`, "credential-missing execution-role-missing", "repositoryCredentials"},
		"a job with an image of ECR":  {`{"jobDefinitionName": "j", "type": "container", "containerProperties": {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1", "vcpus": 1, "memory": 512}}`, "", ""},
		"a job of several containers": {`{"jobDefinitionName": "j", "type": "container", "ecsProperties": {"taskProperties": [{` + executionRole + `, "containers": [{"name": "a", ` + image + `}]}]}}`, "credential-missing", ""},
		"a job of several nodes":      {`{"jobDefinitionName": "j", "type": "multinode", "nodeProperties": {"numNodes": 2, "mainNode": 0, "nodeRangeProperties": [{"targetNodes": "0:0", "container": {` + image + `, "memory": 512}}, {"targetNodes": "1:", "ecsProperties": {"taskProperties": [{` + executionRole + `, "containers": [{"name": "a", ` + image + `}]}]}}]}}`, "credential-missing execution-role-missing credential-missing", ""},
		"a job in Kubernetes":         {`{"jobDefinitionName": "j", "type": "container", "eksProperties": {"podProperties": {}}}`, "file-format-other", "Amazon EKS"},
		"Dockerrun":                   {`{"AWSEBDockerrunVersion": "2", "containerDefinitions": [{"name": "a", ` + image + `, "memory": 128}]}`, "credential-missing", `"authentication"`},
		"Dockerrun with a login":      {`{"AWSEBDockerrunVersion": 2, "authentication": {"bucket": "b", "key": "k"}, "containerDefinitions": [{"name": "a", ` + image + `, "memory": 128}]}`, "", ""},
		"Dockerrun of version 1":      {`{"AWSEBDockerrunVersion": "1", "Image": {"Name": "nginx"}}`, "file-format-other", "version"},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			test := tests[name]
			codes, said := codesOf(t, test.text, "--secret=registry.example.com="+secretARN("shop"))
			if strings.Join(codes, " ") != test.codes || !strings.Contains(said, test.says) || strings.Contains(said, "%!") {
				t.Errorf("got %v, want %s\n%s", codes, test.codes, said)
			}
		})
	}
}
