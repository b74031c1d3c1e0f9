package diagnosis

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// TestMessages holds every template; the headlines that causes are a part of are
// TestEverySentence's.
func TestMessages(t *testing.T) { findingtest.Templates(t, Codes) }

// TestEverySentence plans each cause with each text that others could put into a
// name, and looks at the grammar of all that is said.
func TestEverySentence(t *testing.T) {
	racetest.Skip(t)
	said := map[[2]string]bool{}
	dry := Settings{PatchTaskDefinitionQueueURL: "p"}
	dry.Mode = finding.DryRun
	enforced := Settings{AttachPoliciesQueueURL: "a", PatchTaskDefinitionQueueURL: "p", RotateSecretQueueURL: "r"}
	enforced.Mode = finding.Enforce
	for i, id := range stopreason.IDs() {
		for kind, text := range findingtest.Hostile() {
			for shape, o := range renderings(id, text) {
				// What a service or a cluster is called doesn't depend on the cause.
				if i > 0 && !ofTheCause[shape] && kind != "a name" {
					continue
				}
				for _, settings := range []Settings{{}, enforced, dry} {
					plan := (&Diagnosis{settings: settings}).plan(o)
					if plan.Skip != nil {
						plan.Findings = append(plan.Findings, *plan.Skip)
					}
					for _, f := range plan.Findings {
						if text := [2]string{f.Message, f.Fix}; !said[text] {
							said[text] = true
							checkSentence(t, f, string(id)+", "+shape+": "+kind)
						}
					}
				}
			}
		}
	}
	t.Logf("%d different texts", len(said))
}

// ofTheCause are the shapes whose texts depend on the cause.
var ofTheCause = map[string]bool{"image": true, "object": true, "definition": true}

func checkSentence(t *testing.T, f finding.Finding, what string) {
	t.Helper()
	for _, fault := range findingtest.Faults(f) {
		t.Errorf("%s of %s: %s\n%s\nfix: %s", f.Code, what, fault, f.Message, f.Fix)
	}
	for _, secret := range []string{"AKIAIOSFODNN7EXAMPLE", "0123456789abcdefghij", "hunter2"} {
		if strings.Contains(f.Message+f.Fix, secret) {
			t.Errorf("%s of %s shows a secret: %s\nfix: %s", f.Code, what, f.Message, f.Fix)
		}
	}
}

// renderings put one text into each place of a failure that a name can be in.
func renderings(id stopreason.ID, text string) map[string]Observation {
	failure := func(change func(*Failure)) Failure {
		f := Failure{Cluster: "main", Region: "us-east-1", Service: "web", Task: "arn:aws:ecs:us-east-1:123456789012:task/main/0123", Definition: "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7", Reason: stopreason.Known(id)}
		change(&f)
		return f
	}
	named := func(o Observation) Observation { o.Found = true; return o }
	definition := Answer{Definition: &types.TaskDefinition{
		ExecutionRoleArn: aws.String("arn:aws:iam::123456789012:role/" + text),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("app"), Image: aws.String(text), RepositoryCredentials: &types.RepositoryCredentials{CredentialsParameter: aws.String(text)},
			EnvironmentFiles: []types.EnvironmentFile{{Value: aws.String("arn:aws:s3:::" + text)}},
		}},
	}}
	asked := map[Question]Answer{{Kind: AskDefinition, Subject: "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"}: definition}
	return map[string]Observation{
		"service": named(Observation{Failure: failure(func(f *Failure) { f.Service = text })}),
		"cluster": named(Observation{Failure: failure(func(f *Failure) { f.Cluster = text })}),
		"image":   named(Observation{Failure: failure(func(f *Failure) { f.Image, f.Container = text, text })}),
		"cached":  named(Observation{Failure: failure(func(f *Failure) { f.Image, f.Cached = text, true })}),
		"object": named(Observation{Failure: failure(func(f *Failure) {
			f.Reason.Object, f.Reason.Named = text, stopreason.Named{Role: text, SecretKey: text, LogGroup: text, Host: text}
		})}),
		"reason":     named(Observation{Failure: failure(func(f *Failure) { f.Reason.Text, f.Reason.Class = text, text })}),
		"task":       named(Observation{Failure: failure(func(f *Failure) { f.Service, f.Definition, f.Task = "", "", text })}),
		"instance":   named(Observation{Failure: failure(func(f *Failure) { f.Service, f.Definition, f.Instance, f.Role = "", "", "i-0123456789abcdef0", text })}),
		"definition": named(Observation{Failure: failure(func(*Failure) {}), Answers: asked}),
		"unknown":    named(Observation{Failure: failure(func(*Failure) {}), Answers: map[Question]Answer{{Kind: AskRole, Subject: text}: {Unknown: text}}}),
		"right":      named(Observation{Failure: failure(func(*Failure) {}), Answers: map[Question]Answer{{Kind: AskRight, Role: text, Action: "ecr:BatchGetImage", Subject: text}: {Allowed: true, Final: true}}}),
		"again":      named(Observation{Failure: failure(func(*Failure) {}), Sighting: Sighting{Again: true, State: State{Opened: time.Date(2026, 8, 1, 6, 0, 0, 0, time.UTC), Count: 1, Cluster: text}}}),
		"not found":  {Failure: failure(func(f *Failure) { f.Service, f.Cluster = text, "" })},
		"told":       {Failure: failure(func(f *Failure) { f.Service = text }), Sighting: Sighting{Told: true}},
	}
}
