// Package lifecycle takes a stack through its life: parameters change, a release
// follows another, and one day the stack goes. After each transition what ran
// before has to run on. The rules of CloudFormation are applied to the rendered
// template, without a stack.
package lifecycle

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
)

// Parameters are values by name; those that are left out have their defaults.
type Parameters map[string]string

// base is the stack that has cured something, before anything changes.
var base = Parameters{"Mode": "enforce", "FindingsEmail": "ops@example.com", "Capabilities": "agent,ecr,config,logs,ssm", "Allow": "cure-execution-roles"}

// Flip is one parameter with another value than the base's.
type Flip struct{ Parameter, Value string }

// flips are of every parameter, so that a new one has to be added here.
var flips = []Flip{
	{"Mode", "off"},
	{"Mode", "enforce,attach-policies=off,sweep=off"},
	{"Allow", "none"},
	{"ChangeOwnedResources", "none"},
	{"RequireActorRight", "yes"},
	{"FindingsEmail", ""},
	{"ChatChannel", "slack:T0123456789/C0123456789"},
	{"CentralFindings", "security-hub"},
	{"CentralFindings", "arn:aws:events:us-east-1:210987654321:event-bus/security"},
	{"CentralFindings", "security-hub,o-a1b2c3d4e5"},
	{"InstanceRolePattern", "web-*"},
	{"Capabilities", "agent"},
	{"AgentPolicyClusters", "storefront"},
	{"ConfigSuffix", "/ecs.config"},
	{"ConfigBuckets", "acme-ecs-config"},
	{"KeyArn", "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"},
	{"HtpasswdObjects", "acme-registry/htpasswd"},
	{"RegistryFunctionArns", "arn:aws:lambda:us-east-1:123456789012:function:registry"},
	{"IgnoredFamilies", "legacy-*"},
	{"RegistryNetwork", "subnet-0a1b2c3d/sg-0a1b2c3d"},
	{"RegistryProxy", "http://proxy.example.com:3128"},
	{"RegistryCaLayer", "arn:aws:lambda:us-east-1:123456789012:layer:ca:1"},
	{"RegistrySecretPattern", "prod/*"},
	{"PassRolePattern", "ecs*"},
	{"SweepChangeLimit", "5"},
	{"Architecture", "x86_64"},
	{"LogRetentionDays", "30"},
	{"PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/boundary"},
	{"RolePath", "/guardrails/"},
	{"AccessLogBucket", "acme-access-logs"},
	{"CodeSigningConfigArn", "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0"},
}

// with gives the base with one parameter changed.
func (f Flip) with(of Parameters) Parameters {
	changed := maps.Clone(of)
	changed[f.Parameter] = f.Value
	return changed
}

// othersHold are the types of resources that others than the stack name: roles
// have its policies attached, definitions its execution role, instances read its
// bucket, secrets are rotated by its function, people subscribed to its topic and
// put rules on its bus.
var othersHold = []string{"AWS::IAM::ManagedPolicy", "AWS::S3::Bucket", "AWS::Serverless::Function", "AWS::SNS::Topic", "AWS::Events::EventBus"}

// held reports whether others name a resource.
func held(name string, resource samtemplate.RenderedResource) bool {
	return slices.Contains(othersHold, resource.Type) || name == "TaskExecutionRole"
}

// Changes are what CloudFormation does to the resources of a stack.
type Changes struct {
	Added, Removed, Replaced []string
	// Updated counts those that are changed where they are.
	Updated int
	// Broken are those that others name and that are deleted.
	Broken []string
}

// Moves reports whether resources come or go.
func (c Changes) Moves() bool { return len(c.Added)+len(c.Removed)+len(c.Replaced) > 0 }

// changes compares what a stack has with what it is to have. Nothing after stands
// for its deletion.
func changes(before, after map[string]samtemplate.RenderedResource) Changes {
	var of Changes
	for _, name := range slices.Sorted(maps.Keys(before)) {
		old := before[name]
		new, stays := after[name]
		switch {
		case !stays || old.Type != new.Type:
			of.Removed = append(of.Removed, name)
			// What goes is treated as the template says that it was made by.
			if held(name, old) && !old.Retained {
				of.Broken = append(of.Broken, name+" is deleted")
			}
		case replaced(old, new):
			of.Replaced = append(of.Replaced, name)
			if held(name, old) && !new.RetainedIfReplaced {
				of.Broken = append(of.Broken, name+" is replaced, and the old one deleted")
			}
		case !reflect.DeepEqual(old.Properties, new.Properties):
			of.Updated++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if old, known := before[name]; !known || old.Type != after[name].Type {
			of.Added = append(of.Added, name)
		}
	}
	return of
}

func replaced(old, new samtemplate.RenderedResource) bool {
	return slices.ContainsFunc(samtemplate.CreateOnly[old.Type], func(property string) bool {
		return !reflect.DeepEqual(old.Properties[property], new.Properties[property])
	})
}

// list shows names, or a dash.
func list(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, " ")
}
