package ecsconfig_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"ecsguardrails/shared/ecsconfig"
)

// extracted is an entry of testdata/variables.json, which was taken from the
// agent's source.
type extracted struct {
	Name       string   `json:"name"`
	Type       string   `json:"type"`
	Linux      string   `json:"default_linux"`
	Windows    string   `json:"default_windows"`
	ECSInit    *string  `json:"default_ecs_init"`
	Min        any      `json:"min"`
	Max        any      `json:"max"`
	Enum       []string `json:"enum"`
	Deprecated bool     `json:"deprecated"`
	OnBadValue string   `json:"on_bad_value"`
}

var types = map[string]ecsconfig.Type{
	"bool": ecsconfig.Boolean, `exact "true"`: ecsconfig.ExactTrue, "string": ecsconfig.Text,
	"string (AWS region)": ecsconfig.Region, "duration": ecsconfig.Duration, "int": ecsconfig.Integer,
	"uint16 MiB": ecsconfig.Mebibytes, "float": ecsconfig.Decimal, "path": ecsconfig.Path, "url": ecsconfig.URL,
	"url or host:port": ecsconfig.Proxy, "comma list": ecsconfig.CommaList, "comma list of image:tag": ecsconfig.ImageList,
	"json map string->string": ecsconfig.StringMap, "json string list": ecsconfig.StringList,
	"json uint16 list": ecsconfig.PortList, "json CIDR list": ecsconfig.RouteList,
	"json object (shape by ECS_ENGINE_AUTH_TYPE)": ecsconfig.RegistryAuth, "int,int (rate,burst)": ecsconfig.RateLimit,
	"port range A-B (or one port)": ecsconfig.PortRange, "enum": ecsconfig.Choice,
	"enum (case-insensitive)": ecsconfig.ChoiceAnyCase, "enum (case-insensitive, trimmed)": ecsconfig.ChoiceAnyCase,
	"enum (case-insensitive for the driver level)": ecsconfig.ChoiceAnyCase,
}

// sdkChoices are words that the list leaves open; they are those of
// aws-sdk-go-v2 (aws/retryer.go ParseRetryMode, feature/ec2/imds).
var sdkChoices = map[string]struct {
	kind   ecsconfig.Type
	values []string
}{
	"AWS_RETRY_MODE":                         {ecsconfig.Choice, []string{"standard", "adaptive"}},
	"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": {ecsconfig.ChoiceAnyCase, []string{"ipv4", "ipv6"}},
}

func TestCatalogue(t *testing.T) {
	text, err := os.ReadFile("testdata/variables.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []extracted
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	catalogue := map[string]ecsconfig.Variable{}
	for _, v := range ecsconfig.Catalogue() {
		if _, twice := catalogue[v.Name]; twice {
			t.Errorf("%s is there twice", v.Name)
		}
		catalogue[v.Name] = v
		if v.Does == "" {
			t.Errorf("%s does not say what it does", v.Name)
		}
	}
	for _, want := range list {
		got, ok := catalogue[want.Name]
		if !ok {
			t.Errorf("%s is missing", want.Name)
			continue
		}
		wantType, wantValues := types[want.Type], want.Enum
		if choice, ok := sdkChoices[want.Name]; ok {
			wantType, wantValues = choice.kind, choice.values
		}
		if wantType == ecsconfig.Boolean || wantType == ecsconfig.ExactTrue {
			wantValues = nil // the type says it
			if got.Reader == ecsconfig.SDKReader {
				wantType = ecsconfig.SDKBoolean
			}
		}
		if got.Path != nil {
			wantType = ecsconfig.Path
		}
		windows := got.DefaultWindows
		if windows == "" {
			windows = got.Default
		}
		for _, field := range []struct {
			name      string
			got, want any
		}{
			{"type", got.Type, wantType},
			{"default", got.Default, want.Linux},
			{"Windows default", windows, want.Windows},
			{"minimum", got.Min, bound(want.Min)},
			{"maximum", got.Max, bound(want.Max)},
			{"deprecated", got.Deprecated, want.Deprecated},
			{"has an ecs-init default", got.ECSInit != nil, want.ECSInit != nil},
		} {
			if field.got != field.want {
				t.Errorf("%s: %s is %v, want %v", want.Name, field.name, field.got, field.want)
			}
		}
		if got.ECSInit != nil && want.ECSInit != nil && *got.ECSInit != *want.ECSInit {
			t.Errorf("%s: ecs-init sets %q, want %q", want.Name, *got.ECSInit, *want.ECSInit)
		}
		if !slices.Equal(got.Values, wantValues) {
			t.Errorf("%s: values %q, want %q", want.Name, got.Values, wantValues)
		}
		if fatal := len(want.OnBadValue) > 5 && want.OnBadValue[:5] == "FATAL"; fatal && got.Bad != ecsconfig.StopsAgent {
			t.Errorf("%s: a bad value stops the agent, but the catalogue says %d", want.Name, got.Bad)
		}
	}
}

// bound writes a limit as the catalogue does.
func bound(limit any) string {
	switch limit := limit.(type) {
	case nil:
		return ""
	case string:
		return limit
	default:
		text, _ := json.Marshal(limit)
		return string(text)
	}
}
