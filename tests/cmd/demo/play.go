package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ecsguardrails/shared/finding"
	"ecsguardrails/tests/operator"
	"ecsguardrails/tests/patience"
	"ecsguardrails/tests/registryserver"
	"ecsguardrails/tests/stack"
)

// play is the stage that scenes act on.
type play struct {
	*operator.Operator
	screen *screen
	// topic gets what the stack sends to people.
	topic *operator.Inbox
	// bucket is the stack's config bucket.
	bucket   string
	registry *registryserver.Server
	// registrySecret is the ARN of the secret with the registry's credential.
	registrySecret string
}

// scene is one thing that an operator lives through. It returns what happened
// in a few words.
type scene struct {
	function, title string
	act             func(*play, context.Context) (string, error)
}

var scenes = []scene{
	{"attach-policies", "A role for container instances is created without policies", (*play).bareRole},
	{"validate-config", "A good ecs.config is uploaded", (*play).goodConfig},
	{"validate-config", "An ecs.config whose credential no registry login can use", (*play).unusableCredential},
	{"validate-config", "An ecs.config whose settings would get lost", (*play).lostSettings},
	{"rotate-secret", "The password of a private registry is rotated", (*play).rotation},
	{"patch-task-definition", "A task definition names a private image without credentials", (*play).privateImage},
	{"diagnose-failure", "A task stops, and its reason misleads", (*play).stoppedTask},
	{"sweep", "A role that was there before the stack was", (*play).olderRole},
}

func newPlay(ctx context.Context, running *stack.Stack, display *screen) (*play, error) {
	p := &play{Operator: operator.New(running), screen: display, bucket: running.Outputs["ConfigBucket"], registry: running.Registry}
	var err error
	if p.topic, err = p.SubscribeTopic(ctx, "FindingsTopic", "demo-mailbox"); err != nil {
		return nil, err
	}
	var configs []string
	for _, key := range slices.Sorted(maps.Keys(configShapes)) {
		configs = append(configs, "s3://"+p.bucket+"/"+key)
	}
	p.registrySecret, err = p.CreateRegistrySecret(ctx, "demo/registry", p.registry, "", configs...)
	return p, err
}

// all plays the scenes one after the other; one that fails does not end the
// play.
func (p *play) all(ctx context.Context) []outcome {
	var outcomes []outcome
	for index, scene := range scenes {
		p.screen.title(index+1, scene.title, scene.function)
		start := time.Now()
		bounded, cancel := context.WithTimeout(ctx, patience.Scale(sceneTimeout))
		what, err := scene.act(p, bounded)
		cancel()
		took := time.Since(start)
		if ctx.Err() != nil {
			return outcomes
		}
		if err != nil {
			what = scene.title
			p.screen.tell("", p.screen.styled(red, "✗ "+err.Error()))
		}
		outcomes = append(outcomes, outcome{scene.function, what, took, err})
	}
	return outcomes
}

// until waits and shows what for.
func (p *play) until(ctx context.Context, what string, condition func(context.Context) (bool, error)) error {
	done := p.screen.waiting(what)
	defer done()
	return stack.Wait(ctx, what, condition)
}

// did waits for the results that a function logs about a subject and shows
// them.
func (p *play) did(ctx context.Context, function string, count int, of func(operator.Result) bool) ([]operator.Result, error) {
	var found []operator.Result
	err := p.until(ctx, function+" has reported", func(ctx context.Context) (bool, error) {
		results, err := p.Results(ctx, function)
		found = slices.DeleteFunc(results, func(result operator.Result) bool { return !of(result) })
		return len(found) >= count, err
	})
	if err != nil {
		return nil, err
	}
	for _, result := range found {
		p.show(result)
	}
	return found, nil
}

// about matches the results of one subject.
func about(subject string) func(operator.Result) bool {
	return func(result operator.Result) bool { return result.Subject == subject }
}

// show writes one result of a report.
func (p *play) show(result operator.Result) {
	colours := map[finding.Status]style{
		finding.Compliant: green, finding.Remediated: green, finding.Planned: yellow,
		finding.Noncompliant: red, finding.Failed: red, finding.Skipped: faint,
	}
	p.screen.tell("report", p.screen.styled(colours[result.Status], string(result.Status))+"  "+result.Subject)
	severities := map[finding.Severity]style{finding.Error: red, finding.Warning: yellow, finding.Info: faint}
	for _, found := range result.Findings {
		place := ""
		if found.Line > 0 {
			place = fmt.Sprintf(" (line %d, column %d)", found.Line, found.Column)
		}
		p.screen.tell("", p.screen.styled(severities[found.Severity], string(found.Severity))+" "+found.Code+place+": "+found.Message)
		if found.Fix != "" {
			p.screen.tell("", "fix: "+found.Fix)
		}
	}
	for _, action := range result.Actions {
		mark := p.screen.styled(green, "✓ done")
		if !action.Applied {
			mark = p.screen.styled(yellow, "not done")
		}
		p.screen.tell("", mark+"  "+action.Kind+": "+action.Summary)
	}
}

// told waits for the message that the stack's topic sends to people about a
// subject, and shows how it begins.
func (p *play) told(ctx context.Context, subject string) error {
	var message string
	err := p.until(ctx, "the findings' topic has told of "+subject, func(ctx context.Context) (bool, error) {
		messages, err := p.topic.Messages(ctx)
		for _, text := range messages {
			if strings.Contains(text, subject) {
				message = text
			}
		}
		return message != "", err
	})
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(message, "\n")
	p.screen.tell("published", "on the bus, and by the findings' topic: "+strings.Trim(first, `"`))
	return nil
}

// untold makes sure that nothing was published about a subject.
func (p *play) untold(ctx context.Context, subject string) error {
	messages, err := p.topic.Messages(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(messages, func(text string) bool { return strings.Contains(text, subject) }) {
		return fmt.Errorf("something was published about %s, although nothing is wrong with it", subject)
	}
	p.screen.tell("published", "nothing: nobody needs to be told of what is right")
	return nil
}

// before, event and after are the story's own words.
func (p *play) before(text string, about ...any) {
	p.screen.tell("before", fmt.Sprintf(text, about...))
}
func (p *play) event(text string, about ...any) { p.screen.tell("event", fmt.Sprintf(text, about...)) }
func (p *play) after(text string, about ...any) {
	p.screen.tell("after", p.screen.styled(green, "✓ ")+fmt.Sprintf(text, about...))
}
