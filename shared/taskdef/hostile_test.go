package taskdef

import (
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
)

// TestHostileDefinitions puts each text that others could choose into each field of a
// definition, and looks at the grammar of all that is said, and for secrets in it.
func TestHostileDefinitions(t *testing.T) {
	racetest.Skip(t)
	said := map[finding.Finding]bool{}
	inFile := &Unregistered{NeedsFamily: true, Place: Place{"aws", region, account}}
	for kind, text := range findingtest.Hostile() {
		for index := range 1 + len(leavesOf(reflect.ValueOf(fullDefinition()), "")) {
			for _, variant := range []struct {
				whole        bool
				unregistered *Unregistered
			}{{true, nil}, {true, inFile}, {false, nil}} {
				definition := fullDefinition()
				where := "the log group"
				if leaves := leavesOf(reflect.ValueOf(definition), ""); index < len(leaves) {
					where = leaves[index].path
					value := leaves[index].value
					if variant.whole {
						value.SetString(text)
					} else {
						value.SetString(atTheEnd(value.String(), text))
					}
				} else {
					definition.ContainerDefinitions[0].LogConfiguration.Options["awslogs-group"] = text
				}
				for _, f := range everythingSaid(definition, text, variant.unregistered) {
					if said[f] {
						continue
					}
					said[f] = true
					checkText(t, f, where+": "+kind)
				}
			}
		}
	}
	codes := map[string]bool{}
	for f := range said {
		codes[f.Code] = true
	}
	t.Logf("%d different texts of %d codes", len(said), len(codes))
	if len(codes) < 20 {
		t.Errorf("only %d codes are said: the definition has too little in it", len(codes))
	}
}

func checkText(t *testing.T, f finding.Finding, what string) {
	t.Helper()
	for _, fault := range findingtest.Faults(f) {
		t.Errorf("%s with %s: %s\n%s\nfix: %s", f.Code, what, fault, f.Message, f.Fix)
	}
	for _, secret := range []string{"AKIAIOSFODNN7EXAMPLE", "0123456789abcdefghij", "hunter2", "c2lnbmF0dXJl", "dXNlcjpodW50"} {
		if strings.Contains(f.Message+f.Fix, secret) {
			t.Errorf("%s with %s shows a secret: %s\nfix: %s", f.Code, what, f.Message, f.Fix)
		}
	}
}

// everythingSaid plans a definition whose execution role may do nothing, with secrets
// that have a stranger's name.
func everythingSaid(definition *types.TaskDefinition, text string, unregistered *Unregistered) []finding.Finding {
	scope, _ := image.ParseScope("registry.example.com")
	settings := Settings{ReplaceCredentials: true, CureExecutionRoles: true}
	observed := Observation{
		Definition: definition, Unregistered: unregistered, region: region, now: time.Unix(1_800_000_000, 0),
		Secrets: RegistrySecrets{
			{ARN: secretARN("shop"), Name: text, Scope: scope},
			{ARN: secretARN("other"), Name: text, TagProblem: text},
		},
		UnknownFields: []string{text},
	}
	first := settings.run(observed)
	observed.ExecutionRole = &ExecutionRole{ARN: first.place().role(first.executionRoleAfter()), Name: "exec", Trust: trustsECS}
	for _, needed := range first.roleNeeds() {
		observed.ExecutionRole.unmet = append(observed.ExecutionRole.unmet, unmetNeed{need: needed})
	}
	return settings.run(observed).findings
}

// atTheEnd replaces the last part of an ARN or path with a text.
func atTheEnd(value, text string) string {
	return value[:strings.LastIndexAny(value, "/:")+1] + text + path.Ext(value)
}

// leaf is a text in a definition.
type leaf struct {
	path  string
	value reflect.Value
}

func leavesOf(value reflect.Value, path string) (leaves []leaf) {
	switch value.Kind() {
	case reflect.Pointer:
		if !value.IsNil() {
			return leavesOf(value.Elem(), path)
		}
	case reflect.Struct:
		for i := range value.NumField() {
			if field := value.Type().Field(i); field.IsExported() {
				leaves = append(leaves, leavesOf(value.Field(i), path+"."+field.Name)...)
			}
		}
	case reflect.Slice:
		for i := range value.Len() {
			leaves = append(leaves, leavesOf(value.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.String:
		return []leaf{{path, value}}
	}
	return leaves
}

// fullDefinition has something in each field that a finding can be about.
func fullDefinition() *types.TaskDefinition {
	var definition types.TaskDefinition
	err := json.Unmarshal([]byte(`{
		"Family": "app", "TaskDefinitionArn": "`+arnOf("app", 7)+`", "Revision": 7,
		"ExecutionRoleArn": "`+roleARN+`", "TaskRoleArn": "`+roleARN+`", "NetworkMode": "awsvpc", "Cpu": "256", "Memory": "512",
		"RequiresCompatibilities": ["FARGATE"], "RuntimePlatform": {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
		"Volumes": [{"Name": "data", "FsxWindowsFileServerVolumeConfiguration": {"AuthorizationConfig": {"CredentialsParameter": "`+secretARN("fsx")+`"}}}],
		"ContainerDefinitions": [
			{
				"Name": "app", "Image": "registry.example.com/app:1", "RepositoryCredentials": {"CredentialsParameter": "`+secretARN("mine")+`"},
				"Secrets": [{"Name": "PASSWORD", "ValueFrom": "`+secretARN("db")+`"}, {"Name": "TOKEN", "ValueFrom": "/prod/token"}],
				"Environment": [{"Name": "PASSWORD", "Value": "x"}],
				"EnvironmentFiles": [{"Type": "s3", "Value": "arn:aws:s3:::acme-env/app.env"}],
				"LogConfiguration": {"LogDriver": "awslogs", "SecretOptions": [{"Name": "splunk-token", "ValueFrom": "`+secretARN("splunk")+`"}]},
				"MountPoints": [{"SourceVolume": "data"}], "VolumesFrom": [{"SourceContainer": "router"}], "DependsOn": [{"ContainerName": "router", "Condition": "START"}],
				"Links": ["router"], "PortMappings": [{"ContainerPort": 80, "HostPort": 8080}], "User": "app", "DnsServers": ["10.0.0.2"],
				"CredentialSpecs": ["credentialspec:`+secretARN("spec")+`"]
			},
			{"Name": "router", "Image": "registry.example.com/router", "Essential": false},
			{"Name": "ecr", "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/app:1", "Essential": false}
		]
	}`), &definition)
	if err != nil {
		panic(err)
	}
	definition.ContainerDefinitions[0].LogConfiguration.Options = map[string]string{"awslogs-group": "/ecs/app", "awslogs-region": region, "awslogs-stream-prefix": "app"}
	return &definition
}
