// Package rotation changes the registry password that a secret of AWS Secrets
// Manager keeps, in the four steps of its rotation protocol, so that the old
// password works until the new one is everywhere.
package rotation

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Step is one of the four calls that Secrets Manager makes for a rotation, or
// the look at a secret between rotations.
type Step string

// The steps in their order. Their names are those of the wire.
const (
	CreateSecret Step = "createSecret"
	SetSecret    Step = "setSecret"
	TestSecret   Step = "testSecret"
	FinishSecret Step = "finishSecret"
	// Review is no step of a rotation: it ends the previous credential when its
	// grace time is over, and reports rotations that did not take place.
	Review Step = "review"
)

// Steps lists those of a rotation.
func Steps() []Step { return []Step{CreateSecret, SetSecret, TestSecret, FinishSecret} }

// stepNamed finds a step by its name on the wire, or in the spelling of some of AWS's
// documentation, as in create_secret.
func stepNamed(name string) (Step, bool) {
	for _, step := range Steps() {
		if name == string(step) || name == strings.Replace(string(step), "Secret", "_secret", 1) {
			return step, true
		}
	}
	return "", false
}

// Request is one step of one secret's rotation.
type Request struct {
	Step     Step
	SecretID string
	// Version is the id of the version that becomes the current one.
	Version string
	// Token proves the request's origin to Secrets Manager.
	Token secret.Text
}

// The forms that Secrets Manager itself gives ("DescribeSecret" and
// "PutSecretValue" in its API reference): a name or an ARN, and a version's id.
var (
	secretID  = lazyregexp.New(`^[A-Za-z0-9/_+=.@:!-]{1,1000}$`)
	versionID = lazyregexp.New(`^[A-Za-z0-9-]{1,64}$`)
)

// Subjects turns a step of Secrets Manager's, or {"secret": "ARN"}, into what it concerns.
func Subjects(trigger event.Trigger) []pipeline.Subject[Request] {
	switch asked := trigger.(type) {
	case event.RotationStep:
		return rotationStep(asked)
	case event.ByHand:
		return review(asked)
	default:
		return nil
	}
}

// review reads a request for a look at one secret.
func review(asked event.ByHand) []pipeline.Subject[Request] {
	if _, meant := asked.Fields["secret"]; !meant {
		return nil
	}
	id, _ := asked.Text("secret")
	if !secretID.MatchString(id) {
		return []pipeline.Subject[Request]{pipeline.Reject[Request]("secret", noSecretNamed.With())}
	}
	return []pipeline.Subject[Request]{{Name: id, Of: Request{Step: Review, SecretID: id}}}
}

func rotationStep(asked event.RotationStep) []pipeline.Subject[Request] {
	if !secretID.MatchString(asked.SecretID) || !versionID.MatchString(asked.ClientRequestToken) {
		return []pipeline.Subject[Request]{pipeline.Reject[Request]("secret", noSecretOrVersion.With())}
	}
	step, known := stepNamed(asked.Step)
	if !known {
		return []pipeline.Subject[Request]{pipeline.Reject[Request](asked.SecretID, stepUnknown.With())}
	}
	return []pipeline.Subject[Request]{{
		Name: asked.SecretID + "#" + string(step),
		Key:  asked.SecretID + "#" + string(step) + "#" + asked.ClientRequestToken,
		Of:   Request{Step: step, SecretID: asked.SecretID, Version: asked.ClientRequestToken, Token: asked.RotationToken},
	}}
}

// has reports whether a version carries a staging label.
func has(stages []string, label string) bool { return slices.Contains(stages, label) }
