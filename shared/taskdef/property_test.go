package taskdef

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"pgregory.net/rapid"

	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// texts that fields of these names are filled with; others get any text.
var interesting = map[string][]string{
	"Image": {
		shopImage, ecrImage, "nginx", "acme/app", "registry.gitlab.com/acme/a@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"twice.example.com/a", "registry.example.com:5000/a", "[2001:db8::1]/a", "", "Not An Image", "public.ecr.aws/a/b", "deleted.example.com/x", "unknown.example.com/x",
	},
	"CredentialsParameter":  {"", "mine", "registry-example-com", secretARN("registry-example-com"), secretARN("mine"), "arn:aws:ssm:us-east-1:123456789012:parameter/x", "not a name"},
	"ExecutionRoleArn":      {"", roleARN, "ecsTaskExecutionRole"},
	"Family":                {"app", "a b"},
	"TaskDefinitionArn":     {arnOf("app", 7)},
	"ValueFrom":             {"", "/a/b", secretARN("db") + ":k::", "arn:aws:ssm:us-east-1:123456789012:parameter/x", "::::"},
	"OperatingSystemFamily": {"", "LINUX", "WINDOWS_SERVER_2022_CORE"},
	"Key":                   {"team", TagPatchedFrom, "aws:cloudformation:stack-name", "aws:x"},
}

// drawn fills a value of any of the SDK's types.
func drawn(t *rapid.T, of reflect.Value, name string) {
	switch of.Kind() {
	case reflect.Pointer:
		if !rapid.Bool().Draw(t, name+" is there") {
			return
		}
		if of.Type() == reflect.TypeFor[*time.Time]() {
			of.Set(reflect.ValueOf(aws.Time(time.Unix(1_700_000_000, 0))))
			return
		}
		of.Set(reflect.New(of.Type().Elem()))
		drawn(t, of.Elem(), name)
	case reflect.Struct:
		for i := range of.NumField() {
			if field := of.Type().Field(i); field.IsExported() {
				drawn(t, of.Field(i), field.Name)
			}
		}
	case reflect.Slice:
		most := 1
		if name == "ContainerDefinitions" {
			most = 4
		}
		length := rapid.IntRange(-1, most).Draw(t, name+"'s length")
		if length < 0 {
			return
		}
		of.Set(reflect.MakeSlice(of.Type(), length, length))
		for i := range length {
			drawn(t, of.Index(i), name)
		}
	case reflect.Map:
		if rapid.Bool().Draw(t, name+" is there") {
			filled(of, name)
		}
	case reflect.Interface:
		if rapid.Bool().Draw(t, name+" is there") {
			filled(of, name)
		}
	case reflect.String:
		if texts, ok := interesting[name]; ok {
			of.SetString(rapid.SampledFrom(texts).Draw(t, name))
			return
		}
		of.SetString(rapid.SampledFrom([]string{"", "a", "80", "awslogs", "FARGATE", "s3", "awsvpc"}).Draw(t, name))
	case reflect.Bool:
		of.SetBool(rapid.Bool().Draw(t, name))
	case reflect.Int32:
		of.SetInt(rapid.SampledFrom([]int64{0, 1, 80, 443}).Draw(t, name))
	default:
		t.Fatalf("%s is a %s: say here how it is drawn", name, of.Kind())
	}
}

// TestAPatchedDefinitionNeedsNoMore: for any definition that the SDK's types can
// express, the plan of what the plan makes changes nothing, the plan leaves what
// it looks at alone, and all but the patched fields is as it was.
func TestAPatchedDefinitionNeedsNoMore(t *testing.T) {
	secrets := planSecrets(t)
	rapid.Check(t, func(t *rapid.T) {
		var definition types.TaskDefinition
		drawn(t, reflect.ValueOf(&definition).Elem(), "TaskDefinition")
		var tags []types.Tag
		drawn(t, reflect.ValueOf(&tags).Elem(), "Tags")
		settings := Settings{
			ReplaceCredentials:    settings.Choice(rapid.Bool().Draw(t, "replace")),
			ChangeOwnedResources:  rapid.SampledFrom([]OwnedResources{Roles, All, None}).Draw(t, "owned resources"),
			ExecutionRoleARN:      rapid.SampledFrom([]string{"", givenARN}).Draw(t, "role"),
			RegistrySecretPattern: []string{"*"},
		}
		observed := Observation{Definition: &definition, Tags: tags, Secrets: secrets}
		before := marshalled(t, observed.Definition)
		plan := settings.Plan(observed)
		if after := marshalled(t, observed.Definition); after != before {
			t.Fatalf("planning changed the definition from\n%s\nto\n%s", before, after)
		}
		if again := settings.Plan(observed); !reflect.DeepEqual(plan, again) {
			t.Fatal("the same look gave another plan")
		}
		if len(plan.Actions) == 0 {
			return
		}
		registration := plan.Actions[0].(Registration)
		patched := described(registration.Input)
		patched.TaskDefinitionArn = aws.String(arnOf("app", definition.Revision+1))
		next := settings.Plan(Observation{Definition: &patched, Tags: registration.Input.Tags, Secrets: secrets})
		if len(next.Actions) != 0 {
			t.Fatalf("the patched definition needs %+v", next.Actions)
		}
		for _, f := range next.Findings {
			for _, g := range plan.Findings {
				if g.Cured && g.Code == f.Code && g.Message == f.Message {
					t.Fatalf("%s stands, although it was cured: %s", f.Code, f.Message)
				}
			}
		}
		onlyIntended(t, &definition, &patched)
	})
}

// onlyIntended takes the intended fields away from both and compares the rest.
func onlyIntended(t *rapid.T, before, after *types.TaskDefinition) {
	bare := func(of *types.TaskDefinition) string {
		bare := described(registrationOf(of, nil))
		bare.ExecutionRoleArn = nil
		for i := range bare.ContainerDefinitions {
			bare.ContainerDefinitions[i].RepositoryCredentials = nil
		}
		return marshalled(t, &bare)
	}
	if was, is := bare(before), bare(after); was != is {
		t.Fatalf("more than the intended fields changed, from\n%s\nto\n%s", was, is)
	}
}

func marshalled(t *rapid.T, value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(fmt.Errorf("marshal: %w", err))
	}
	return string(text)
}
