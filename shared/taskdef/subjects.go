package taskdef

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ecsguardrails/shared/event"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/lazyregexp"
	"ecsguardrails/shared/pipeline"
)

// TagPatchedFrom is the tag of a revision that we registered: the ARN of the
// revision that it was made from.
const TagPatchedFrom = "ecs-guardrails:patched-from"

// Revision names a revision of a task definition.
type Revision struct {
	Family string
	// Number is 0 for the latest active one.
	Number int32
	// Region and Account are "" where the name does not give them.
	Region, Account string
	// Registered is when an event says that it was registered; zero where none does.
	Registered time.Time
}

// nameOfRevision is what DescribeTaskDefinition takes: an ARN, "family:revision"
// or "family". Families are up to 255 letters, digits, hyphens and underscores.
var nameOfRevision = lazyregexp.New(`^(?:arn:aws[a-z-]*:ecs:([a-z0-9-]+):(\d{12}):task-definition/)?([A-Za-z0-9_-]{1,255})(?::([1-9]\d{0,8}))?$`)

// ParseRevision reads an ARN, "family:revision" or "family".
func ParseRevision(text string) (Revision, error) {
	match := nameOfRevision.FindStringSubmatch(text)
	if match == nil {
		return Revision{}, fmt.Errorf("%q names no task definition; write its ARN, \"family:revision\" or \"family\"", Shortened(text))
	}
	revision := Revision{Region: match[1], Account: match[2], Family: match[3]}
	if match[4] != "" {
		number, err := strconv.ParseInt(match[4], 10, 32)
		if err != nil {
			return Revision{}, fmt.Errorf("%q has no revision that a task definition can have: %w", Shortened(text), err)
		}
		revision.Number = int32(number)
	}
	return revision, nil
}

// String gives "family:revision", or "family" for the latest.
func (r Revision) String() string {
	if r.Number == 0 {
		return r.Family
	}
	return fmt.Sprintf("%s:%d", r.Family, r.Number)
}

// Shortened bounds what a stranger's text adds to a message.
func Shortened(text string) string {
	const most = 120
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// Subjects gives the task definition that a trigger speaks of.
func (s Settings) Subjects(trigger event.Trigger) []pipeline.Subject[Revision] {
	switch of := trigger.(type) {
	case event.Call:
		return s.registered(of)
	case event.ByHand:
		return byHand(of)
	default:
		return nil
	}
}

// registered answers CloudTrail's record of RegisterTaskDefinition. Only the
// revision's name is taken from it: CloudTrail hides values in its copy of the
// definition.
func (s Settings) registered(call event.Call) []pipeline.Subject[Revision] {
	if call.Service != "ecs.amazonaws.com" || call.Name != "RegisterTaskDefinition" {
		return nil
	}
	if call.ErrorCode != "" {
		return skip("RegisterTaskDefinition", "failed-call", fmt.Sprintf("the registration failed with %q, so there is no new revision", Shortened(call.ErrorCode)))
	}
	arn, revision, err := nameOf(call)
	switch {
	case err != nil:
		return reject(err)
	case call.Actor.IsAnyOf(s.OwnRoles):
		return skip(arn, "own-registration", "this stack registered the revision itself")
	case madeFromPredecessor(call, revision):
		return skip(arn, "own-registration", "the revision carries the tag "+TagPatchedFrom+" with the revision before it: a stack like this one registered it")
	}
	revision.Registered = call.Time
	return []pipeline.Subject[Revision]{{Name: arn, Of: revision}}
}

// recorded is the part of CloudTrail's request and response that names the
// revision. Request and response have the fields of the API.
type recorded struct {
	Family         any
	TaskDefinition struct{ TaskDefinitionARN any }
	Tags           []struct{ Key, Value any }
}

// nameOf gives the revision's ARN from the response, or, where CloudTrail left
// the response out, the family from the request: its latest revision then.
func nameOf(call event.Call) (string, Revision, error) {
	var request, response recorded
	// A part of another type than the API's leaves its field empty, which is
	// reported below.
	_ = json.Unmarshal(call.Response, &response)
	_ = json.Unmarshal(call.Request, &request)
	if arn, ok := response.TaskDefinition.TaskDefinitionARN.(string); ok && arn != "" {
		revision, err := ParseRevision(arn)
		return arn, revision, err
	}
	family, ok := request.Family.(string)
	if !ok || family == "" {
		return "", Revision{}, fmt.Errorf("the record of RegisterTaskDefinition names neither responseElements.taskDefinition.taskDefinitionArn nor requestParameters.family")
	}
	revision, err := ParseRevision(family)
	if err != nil {
		return "", Revision{}, err
	}
	revision.Region, revision.Account = call.Region, call.Account
	return family, revision, nil
}

// madeFromPredecessor recognises a registration of ours, or of another stack of
// the same kind, whatever the caller. The tag alone is not enough: people
// describe a revision with its tags and register it again with another image.
// Theirs is at least two above the revision that the tag names.
func madeFromPredecessor(call event.Call, revision Revision) bool {
	var request recorded
	if err := json.Unmarshal(call.Request, &request); err != nil {
		return false
	}
	return slices.ContainsFunc(request.Tags, func(tag struct{ Key, Value any }) bool {
		value, ok := tag.Value.(string)
		if !ok || tag.Key != TagPatchedFrom {
			return false
		}
		source, err := ParseRevision(value)
		return err == nil && source.Family == revision.Family && source.Number > 0 && source.Number == revision.Number-1
	})
}

// byHand answers {"taskDefinition": "arn, family:revision or family"}.
func byHand(of event.ByHand) []pipeline.Subject[Revision] {
	if _, ok := of.Fields["taskDefinition"]; !ok {
		return nil
	}
	text, ok := of.Text("taskDefinition")
	if !ok {
		return reject(fmt.Errorf("taskDefinition is not text; write {\"taskDefinition\": \"family:revision\"}, and judge a file with --file"))
	}
	revision, err := ParseRevision(strings.TrimSpace(text))
	if err != nil {
		return reject(err)
	}
	return []pipeline.Subject[Revision]{{Name: strings.TrimSpace(text), Of: revision}}
}

func skip(name, code, why string) []pipeline.Subject[Revision] {
	return []pipeline.Subject[Revision]{pipeline.Skip[Revision](name, code, why)}
}

func reject(problem error) []pipeline.Subject[Revision] {
	return []pipeline.Subject[Revision]{pipeline.Reject[Revision]("event", finding.Finding{
		Code: "malformed-event", Severity: finding.Error, Message: problem.Error(),
		Fix: "send an event in the shape of events/register-task-definition.json or events/task-definition-by-hand.json",
	})}
}
