package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
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
	// tape is all that was printed so far.
	tape []telling
}

// telling is one part of the story. One of its fields is set.
type telling struct {
	Title   string            `json:"title,omitempty"`
	Problem string            `json:"problem,omitempty"`
	Results []operator.Result `json:"results,omitempty"`
	Checked string            `json:"checked,omitempty"`
}

// tell shows a part of the story and keeps it.
func (p *play) tell(part telling) {
	p.tape = append(p.tape, part)
	switch {
	case part.Title != "":
		scenes := 0
		for _, told := range p.tape {
			if told.Title != "" {
				scenes++
			}
		}
		p.screen.title(scenes, part.Title)
	case part.Problem != "":
		p.screen.tell("problem", "", part.Problem, 2)
	case part.Checked != "":
		p.screen.tell("checked", ok, part.Checked, 1)
	default:
		p.changes(part.Results)
		p.findings(part.Results)
	}
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
	for _, scene := range scenes {
		p.tell(telling{Title: scene.title})
		bounded, cancel := context.WithTimeout(ctx, patience.Scale(sceneTimeout))
		what, err := scene.act(p, bounded)
		cancel()
		if ctx.Err() != nil {
			return outcomes
		}
		if err != nil {
			what = scene.title
			p.screen.tell("failed", "", p.screen.styled(red, "✗ "+err.Error()), 20)
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
	p.tell(telling{Results: found})
	return found, nil
}

// about matches the results of one subject.
func about(subject string) func(operator.Result) bool {
	return func(result operator.Result) bool { return result.Subject == subject }
}

// change is what one mandate, or none, entitled a function to.
type change struct {
	mandate string
	applied bool
	kinds   []string
	summary string
}

// changesOf gathers the changes of some results by what allows them. What only
// writes a verdict down needs no mandate, and the story checks it.
func changesOf(results []operator.Result) []change {
	var changes []change
	for _, result := range results {
		for _, action := range result.Actions {
			if action.Kind == "PutObjectTagging" && action.Mandate.Text == "" {
				continue
			}
			at := slices.IndexFunc(changes, func(of change) bool { return of.mandate == action.Mandate.Text && of.applied == action.Applied })
			if at < 0 {
				at = len(changes)
				changes = append(changes, change{mandate: action.Mandate.Text, applied: action.Applied})
			}
			changes[at].kinds = append(changes[at].kinds, action.Kind)
			changes[at].summary = action.Summary
		}
	}
	return changes
}

// text names each kind of change once, and says more of the last.
func (c change) text() string {
	var words []string
	for index, kind := range c.kinds {
		if slices.Index(c.kinds, kind) < index {
			continue
		}
		count := 0
		for _, same := range c.kinds {
			if same == kind {
				count++
			}
		}
		if count > 1 {
			kind = fmt.Sprintf("%s ×%d", kind, count)
		}
		words = append(words, kind)
	}
	text := strings.Join(words, ", ")
	if last := c.kinds[len(c.kinds)-1]; last == c.kinds[0] || len(words) < 3 {
		// After the first comma stands how, which the log has.
		what, _, _ := strings.Cut(c.summary, ", ")
		text += " " + brief(what)
	}
	return text
}

// changes shows what was changed, and what entitled the function to it.
func (p *play) changes(results []operator.Result) {
	for _, of := range changesOf(results) {
		mark := ok
		if !of.applied {
			mark = "not done: "
		}
		p.screen.tell("change", mark, of.text(), 1)
		if of.mandate != "" {
			p.screen.tell("mandate", "", brief(strings.ReplaceAll(of.mandate, "*,", "*, ")), 1)
		}
	}
}

// findings shows what is wrong and stays so.
func (p *play) findings(results []operator.Result) {
	for _, result := range results {
		worst, found := result.Gravest()
		if len(result.Actions) > 0 && result.Status == finding.Remediated || !found || worst.Severity == finding.Info {
			continue
		}
		place := ""
		if worst.Line > 0 {
			place = fmt.Sprintf(" in line %d", worst.Line)
		}
		message, most := string(worst.Severity)+place+": "+brief(worst.Message), 2
		if sentences(message, p.screen.width-labelWidth-3, most) == nil {
			most++
		}
		p.screen.tell("found", "", message, most)
		// What was asked of another function is what to do.
		if worst.Fix != "" && len(changesOf([]operator.Result{result})) == 0 {
			p.screen.tell("fix", "", brief(worst.Fix), 2)
		}
	}
}

// identifier is an ARN, and hexadecimal a part of a name that says nothing to people.
var (
	identifier  = regexp.MustCompile(`arn:aws[a-z-]*:[^\s"'(),;]+`)
	hexadecimal = regexp.MustCompile(`\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
)

// brief shortens ARNs to their names, and long identifiers.
func brief(text string) string {
	text = identifier.ReplaceAllStringFunc(text, func(arn string) string {
		if _, secret, found := strings.Cut(arn, ":secret:"); found {
			return secret
		}
		return arn[strings.LastIndexAny(strings.TrimRight(arn, ":/."), "/")+1:]
	})
	return hexadecimal.ReplaceAllString(text, "$1")
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
	p.tell(telling{Problem: fmt.Sprintf(text, about...)})
}
func (p *play) after(text string, about ...any) {
	p.tell(telling{Checked: fmt.Sprintf(text, about...)})
}
