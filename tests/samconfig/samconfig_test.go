package samconfig_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samconfig"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

func parameters(t *testing.T) (string, *samtemplate.Template) {
	t.Helper()
	checkout, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	template, err := samtemplate.Load(filepath.Join(checkout, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return checkout, template
}

func TestParse(t *testing.T) {
	got := samconfig.Parse(`Mode="enforce, attach-policies=dry-run, sweep=off" ParameterKey=ConfigBuckets,ParameterValue=a,b FindingsEmail="" RolePath="/a \"b\"/"`)
	want := []samconfig.Override{
		{"Mode", "enforce, attach-policies=dry-run, sweep=off"}, {"ConfigBuckets", "a,b"}, {"FindingsEmail", ""}, {"RolePath", `/a "b"/`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samconfig.toml")
	content := `version = 0.1
[default.global.parameters]
stack_name = "guards"
[default.deploy.parameters]
parameter_overrides = "Mode=\"enforce\" LogLevel=\"DEBUG\""
[prod.deploy.parameters]
stack_name = "guards-prod"
parameter_overrides = ["Mode=enforce", "LogRetentionDays=365"]
`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]samconfig.Environment{
		"default": {Name: "default", Stack: "guards", Overrides: []samconfig.Override{{"Mode", "enforce"}, {"LogLevel", "DEBUG"}}},
		"prod":    {Name: "prod", Stack: "guards-prod", Overrides: []samconfig.Override{{"Mode", "enforce"}, {"LogRetentionDays", "365"}}},
	} {
		got, err := samconfig.Read(path, name)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v: %s", err, diff)
		}
	}
	if _, err := samconfig.Read(path, "stage"); err == nil || !strings.Contains(err.Error(), "it has default, prod") {
		t.Errorf("an unknown environment gives %v", err)
	}
	if err := os.WriteFile(path, []byte("= ["), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := samconfig.Read(path, "default"); err == nil {
		t.Error("no TOML was taken")
	}
}

// TestShippedFile: every environment that the repository ships deploys as it is.
func TestShippedFile(t *testing.T) {
	checkout, known := parameters(t)
	for _, name := range []string{"default", "dev", "prod"} {
		environment, err := samconfig.Read(filepath.Join(checkout, samconfig.Shared), name)
		if err != nil {
			t.Fatal(err)
		}
		if environment.Stack == "" {
			t.Errorf("%s names no stack", name)
		}
		if err := samconfig.Check(name, environment.Overrides, known); err != nil {
			t.Error(err)
		}
	}
}

func TestTranslate(t *testing.T) {
	for name, test := range map[string]struct{ old, want, note string }{
		"nothing old":                   {"Mode=enforce", "Mode=enforce", ""},
		"modes":                         {"AttachPoliciesMode=enforce SweepMode=off RotateSecretMode=inherit Mode=dry-run", "Mode=dry-run,attach-policies=enforce,sweep=off", ""},
		"modes in a list":               {"AttachPoliciesMode=enforce Modes=\"sweep=off, rotate-secret=dry-run\" Mode=enforce", "Mode=enforce,sweep=off,rotate-secret=dry-run,attach-policies=enforce", ""},
		"modes beside today's":          {"Mode=enforce,sweep=off AttachPoliciesMode=enforce", "Mode=enforce,sweep=off,attach-policies=enforce", ""},
		"modes without that of all":     {"Modes=sweep=off", "Mode=dry-run,sweep=off", "where that is not dry-run"},
		"no modes":                      {"Modes=", "", ""},
		"Security Hub":                  {"SecurityHub=yes OrganizationId= CentralFindingsBus=\"\"", "CentralFindings=security-hub", ""},
		"no Security Hub":               {"SecurityHub=no", "", ""},
		"a central bus":                 {"CentralFindingsBus=arn:aws:events:us-east-1:111122223333:event-bus/central SecurityHub=yes", "CentralFindings=security-hub,arn:aws:events:us-east-1:111122223333:event-bus/central", ""},
		"an organization":               {"OrganizationId=o-a1b2c3d4e5", "CentralFindings=o-a1b2c3d4e5", ""},
		"a bus and an organization":     {"OrganizationId=o-a1b2c3d4e5 CentralFindingsBus=arn:x", "CentralFindings=o-a1b2c3d4e5,arn:x", "not both"},
		"a limit and a region":          {"SweepChangeLimit=5 InstanceRegion=", "SweepChangeLimit=5", ""},
		"what is allowed":               {"UpdateServices=yes RefreshInstances=cluster OnInvalidConfig=restore", "Allow=cure-execution-roles,update-services,refresh-cluster-instances,restore-config", ""},
		"nothing beyond the default":    {"UpdateServices=no ReplaceCredentials=no CureExecutionRoles=yes", "", ""},
		"less than the default":         {"CureExecutionRoles=no", "Allow=none", ""},
		"less of one and more of other": {"CureExecutionRoles=no VerifyRegistryLogin=yes", "Allow=registry-logins", ""},
		"today's without the default":   {"Allow=update-services ReplaceCredentials=yes", "Allow=update-services,replace-credentials", ""},
		"a network":                     {"RegistrySubnets=subnet-01234567,subnet-76543210 RegistrySecurityGroups=sg-01234567", "RegistryNetwork=subnet-01234567,subnet-76543210/sg-01234567", ""},
		"a proxy":                       {"RegistryNoProxy=.amazonaws.com RegistryProxy=http://p:3128", "RegistryProxy=http://p:3128,.amazonaws.com", ""},
		"defaults that are fixed now":   {"LogLevel=INFO SweepSchedule=\"rate(1 day)\" Dashboard=yes", "", ""},
		"another value of a fixed one":  {"LogLevel=DEBUG", "", "LogLevel=DEBUG: always INFO"},
		"a key":                         {"ConfigBucketKeyArn=arn:aws:kms:eu-west-1:123456789012:key/a1", "KeyArn=arn:aws:kms:eu-west-1:123456789012:key/a1", "give the key's policy the statements"},
		"days":                          {"DeregisterSuperseded=7", "Allow=cure-execution-roles,deregister-superseded", "after 30 days, not 7"},
	} {
		t.Run(name, func(t *testing.T) {
			today, _, notes := samconfig.Translate(samconfig.Parse(test.old))
			var written []string
			for _, of := range today {
				written = append(written, of.String())
			}
			if got := strings.Join(written, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := strings.Join(notes, "; "); !strings.Contains(got, test.note) || (test.note == "") != (got == "") {
				t.Errorf("notes %q, want %q", got, test.note)
			}
		})
	}
}

// TestRenamingsAreOfOldNames: none of them is a parameter today, and all that
// they are translated to is taken by the template.
func TestRenamingsAreOfOldNames(t *testing.T) {
	_, known := parameters(t)
	samples := map[string]string{
		"RegistrySubnets": "subnet-01234567", "RegistrySecurityGroups": "sg-01234567", "RegistryNoProxy": ".example.com",
		"RefreshInstances": "cluster", "OnInvalidConfig": "restore", "DeregisterSuperseded": "30", "CureExecutionRoles": "yes",
		"Modes": "", "CentralFindingsBus": "arn:aws:events:us-east-1:111122223333:event-bus/central", "OrganizationId": "",
		"ConfigBucketKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
	}
	overrides := []samconfig.Override{{"RegistryProxy", "http://proxy.example.com:3128"}}
	for _, renaming := range samconfig.Renamings() {
		if slices.ContainsFunc(known.Parameters(), func(p samtemplate.Parameter) bool { return p.Name == renaming.Old }) {
			t.Errorf("%s is a parameter of the template", renaming.Old)
		}
		value, ok := samples[renaming.Old]
		if !ok {
			value = "yes"
		}
		if strings.HasSuffix(renaming.Old, "Mode") {
			value = "dry-run"
		}
		overrides = append(overrides, samconfig.Override{Name: renaming.Old, Value: value})
	}
	today, old, _ := samconfig.Translate(overrides)
	if len(old) != len(samconfig.Renamings()) {
		t.Errorf("known as old are %q", old)
	}
	if err := samconfig.Check("translated", today, known); err != nil {
		t.Error(err)
	}
}

func TestCheckSaysEverythingAtOnce(t *testing.T) {
	_, known := parameters(t)
	if err := samconfig.Check("here", samconfig.Parse("Mode=enforce,sweep=off,attach-policies=enforce ConfigBuckets=one-bucket,other-bucket"), known); err != nil {
		t.Errorf("what is right is refused: %v", err)
	}
	long := make([]string, 60)
	for index := range long {
		long[index] = fmt.Sprintf("a-bucket-with-a-name-of-some-length-%03d", index)
	}
	if err := samconfig.Check("here", []samconfig.Override{{"ConfigBuckets", strings.Join(long, ",")}}, known); err == nil || !strings.Contains(err.Error(), "RotateSecretRole") {
		t.Errorf("60 buckets give %v", err)
	}
	err := samconfig.Check("samconfig.toml, environment prod",
		samconfig.Parse(`Mode=on,sweep=of,swep=off,attach-policies=off,attach-policies=enforce Allow=update-service mode=x ConfigBuckets=ok-bucket,NO UpdateServices=yes`), known)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"environment prod", "these parameters are gone: UpdateServices", `mode "on" of all functions is unknown: write enforce, dry-run or off`, `mode "of" of sweep`, `no function "swep"`,
		"two modes for attach-policies", "Allow=update-service", "no parameter mode: write Mode", "ConfigBuckets=ok-bucket,NO: it must be names of buckets", "Allow=update-service,update-services",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}
