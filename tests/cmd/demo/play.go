package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/tests/operator"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/registryserver"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
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
	// title is the problem.
	title string
	act   func(*play, context.Context) (string, error)
}

var scenes = []scene{
	{"A new instance role has no policies: its instances would never join", (*play).bareRole},
	{"Is my ecs.config right?", (*play).goodConfig},
	{"An ecs.config with a credential that no login can use", (*play).unusableCredential},
	{"An ecs.config of which the agent would read nothing", (*play).lostSettings},
	{"The registry's password is years old", (*play).rotation},
	{"A task definition names a private image, and no credential", (*play).privateImage},
	{"A task stopped, and its reason misleads", (*play).stoppedTask},
	{"A role that was there before the stack", (*play).olderRole},
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
		p.screen.title(index+1, scene.title)
		bounded, cancel := context.WithTimeout(ctx, patience.Scale(sceneTimeout))
		what, err := scene.act(p, bounded)
		cancel()
		if ctx.Err() != nil {
			return outcomes
		}
		if err != nil {
			what = scene.title
			p.screen.tell("", p.screen.styled(red, "✗ "+err.Error()))
		}
		outcomes = append(outcomes, outcome{what, err})
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

// show writes one result of a report: what was changed, and what entitled the
// function to it; or else what is wrong.
func (p *play) show(result operator.Result) {
	for index, action := range result.Actions {
		if index == most {
			p.screen.tell("", fmt.Sprintf("and %d more", len(result.Actions)-most))
			break
		}
		mark := p.screen.styled(green, "✓ ")
		if !action.Applied {
			mark = p.screen.styled(yellow, "not done: ")
		}
		if action.Note {
			continue
		}
		p.screen.tell("change", mark+action.Kind+" "+action.Summary)
		if action.Mandate.Text != "" {
			p.screen.tell("allowed", "by "+action.Mandate.Text)
		}
	}
	worst, found := result.Gravest()
	if len(result.Actions) > 0 && result.Status == finding.Remediated || !found || worst.Severity == finding.Info {
		return
	}
	place := ""
	if worst.Line > 0 {
		place = fmt.Sprintf(" in line %d", worst.Line)
	}
	p.screen.tell("found", p.screen.styled(map[finding.Severity]style{finding.Error: red, finding.Warning: yellow}[worst.Severity], string(worst.Severity)+place)+": "+worst.Message)
	if worst.Fix != "" {
		p.screen.tell("fix", worst.Fix)
	}
}

// told waits for the message that the stack's topic sends to people about a
// subject.
func (p *play) told(ctx context.Context, subject string) error {
	return p.until(ctx, "a message about "+subject, func(ctx context.Context) (bool, error) {
		messages, err := p.topic.Messages(ctx)
		return slices.ContainsFunc(messages, func(text string) bool { return strings.Contains(text, subject) }), err
	})
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
	return nil
}

// before and after are the story's own words.
func (p *play) before(text string, about ...any) {
	p.screen.tell("problem", fmt.Sprintf(text, about...))
}
func (p *play) after(text string, about ...any) {
	p.screen.tell("checked", p.screen.styled(green, "✓ ")+fmt.Sprintf(text, about...))
}
