package taskdef

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
)

// TagPatchedFrom is the tag of a revision that we registered: the ARN of the
// revision that it was made from.
const TagPatchedFrom = "ecs-guardrails:patched-from"

// Revision is the one to look at.
type Revision struct {
	revision.Name
	// Registrant is who registered it, as an event says; zero where none does.
	Registrant event.Actor
	// ByHand is set where a person named it in an invocation, whose permission is the
	// mandate.
	ByHand bool
	// Service is set where the revision is the one that a service runs.
	Service ServiceName
	// Registered is when an event says that it was registered; zero where none does.
	Registered time.Time
}

// isElsewhere reports whether it is in another region.
func (r Revision) isElsewhere(region string) bool { return r.Region != "" && r.Region != region }

// Subjects gives the task definition that a trigger speaks of.
func (s Settings) Subjects(trigger event.Trigger) []pipeline.Subject[Revision] {
	switch typed := trigger.(type) {
	case event.Call:
		return s.registered(typed)
	case event.ByHand:
		return byHand(typed)
	case event.Notification:
		return s.deployed(typed)
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
		return skip("RegisterTaskDefinition", registrationFailed.With(finding.Answer("failure", call.Failure())))
	}
	arn, name, err := nameOf(call)
	switch {
	case err != nil:
		return reject(err)
	case call.Actor.IsAnyOf(s.OwnRoles):
		return skip(arn, registeredHere.With())
	case madeFromPredecessor(call, name):
		return skip(arn, registeredByLike.With(finding.Words("tag", TagPatchedFrom)))
	}
	return []pipeline.Subject[Revision]{{Name: arn, Of: Revision{Name: name, Registered: call.Time, Registrant: call.Actor}}}
}

// serviceForm is a service's ARN.
var serviceForm = lazyregexp.New(`^(arn:aws[a-z-]*:ecs:([a-z0-9-]+):(\d{12})):service/([A-Za-z0-9_-]+)/([A-Za-z0-9_-]+)$`)

// deployed answers the end of a service's deployment ("Amazon ECS service
// deployment state change events"): others that run the same old revision may have
// waited for it.
func (s Settings) deployed(notification event.Notification) []pipeline.Subject[Revision] {
	var detail struct{ EventName string }
	_ = json.Unmarshal(notification.Detail, &detail)
	if !bool(s.UpdateServices) || notification.Source != "aws.ecs" || notification.DetailType != "ECS Deployment State Change" || detail.EventName != "SERVICE_DEPLOYMENT_COMPLETED" {
		return nil
	}
	var subjects []pipeline.Subject[Revision]
	for _, service := range notification.Resources {
		if match := serviceForm.FindStringSubmatch(service); match != nil {
			subjects = append(subjects, pipeline.Subject[Revision]{Name: service, Of: Revision{
				Name:    revision.Name{Region: match[2], Account: match[3]},
				Service: ServiceName{Cluster: match[1] + ":cluster/" + match[4], Service: service},
			}})
		}
	}
	return subjects
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
func nameOf(call event.Call) (string, revision.Name, error) {
	var request, response recorded
	// A part of another type than the API's leaves its field empty, which is
	// reported below.
	_ = json.Unmarshal(call.Response, &response)
	_ = json.Unmarshal(call.Request, &request)
	if arn, ok := response.TaskDefinition.TaskDefinitionARN.(string); ok && arn != "" {
		name, err := revision.Parse(arn)
		return arn, name, err
	}
	family, ok := request.Family.(string)
	if !ok || family == "" {
		return "", revision.Name{}, fmt.Errorf("the record of RegisterTaskDefinition names neither responseElements.taskDefinition.taskDefinitionArn nor requestParameters.family")
	}
	name, err := revision.Parse(family)
	if err != nil {
		return "", revision.Name{}, err
	}
	name.Region, name.Account = call.Region, call.Account
	return family, name, nil
}

// madeFromPredecessor recognises a registration of ours, or of another stack of
// the same kind, whatever the caller. The tag alone is not enough: people
// describe a revision with its tags and register it again with another image.
// Theirs is at least two above the revision that the tag names.
func madeFromPredecessor(call event.Call, registered revision.Name) bool {
	var request recorded
	if err := json.Unmarshal(call.Request, &request); err != nil {
		return false
	}
	return slices.ContainsFunc(request.Tags, func(tag struct{ Key, Value any }) bool {
		value, ok := tag.Value.(string)
		if !ok || tag.Key != TagPatchedFrom {
			return false
		}
		source, err := revision.Parse(value)
		return err == nil && source.Family == registered.Family && source.Number > 0 && source.Number == registered.Number-1
	})
}

// byHand answers {"taskDefinition": "arn, family:revision or family"}.
func byHand(request event.ByHand) []pipeline.Subject[Revision] {
	if _, ok := request.Fields["taskDefinition"]; !ok {
		return nil
	}
	text, ok := request.Text("taskDefinition")
	if !ok {
		return reject(fmt.Errorf("taskDefinition is not text. Write {\"taskDefinition\": \"family:revision\"}, and check a file with --file"))
	}
	name, err := revision.Parse(strings.TrimSpace(text))
	if err != nil {
		return reject(err)
	}
	return []pipeline.Subject[Revision]{{Name: strings.TrimSpace(text), Of: Revision{Name: name, ByHand: !request.Queued}}}
}

func skip(name string, why finding.Finding) []pipeline.Subject[Revision] {
	return []pipeline.Subject[Revision]{pipeline.Skip[Revision](name, why.Code, why.Message)}
}

func reject(problem error) []pipeline.Subject[Revision] {
	return []pipeline.Subject[Revision]{pipeline.Reject[Revision]("event", pipeline.MalformedEvent(problem.Error()))}
}
