package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// renewalPause is how long after a rotation no renewal begins another one: what
// a registry refuses then, a new credential wouldn't cure.
const renewalPause = time.Hour

// Renewing is the part of Secrets Manager's client that a renewal needs.
type Renewing interface {
	SecretReader
	RotateSecret(context.Context, *secretsmanager.RotateSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.RotateSecretOutput, error)
}

// Renewal answers {"secret": "ARN", "renew": true}: it begins a rotation of a
// secret whose credential its registry refuses. It takes nobody's word for that,
// but asks the registry itself.
type Renewal struct {
	mode       finding.Mode
	secrets    Renewing
	registries LoginProver
	now        func() time.Time
}

// NewRenewal makes a renewal from its parts.
func NewRenewal(mode finding.Mode, secrets Renewing, registries LoginProver, now func() time.Time) *Renewal {
	return &Renewal{mode: mode, secrets: secrets, registries: registries, now: now}
}

// renewed is what a renewal's decision needs.
type renewed struct {
	id       string
	now      time.Time
	tags     map[string]string
	rotates  bool
	underway bool
	rotated  time.Time
	// fault says what is wrong with the secret's tags or value.
	fault string
	host  string
	// login is the registry's answer to the current credential, nil where it takes it.
	login *registry.Error
	tried bool
}

// Before puts the renewal before the function that rotates.
func (r *Renewal) Before(rotation pipeline.Runner) pipeline.Runner { return renewing{r, rotation} }

type renewing struct {
	renewal  *Renewal
	rotation pipeline.Runner
}

// Handle takes requests to renew to the renewal, and everything else on. The
// queue delivers one message at a time.
func (r renewing) Handle(ctx context.Context, payload []byte) pipeline.Outcome {
	for _, message := range event.Decode(payload).Messages {
		for _, trigger := range message.Triggers {
			if asked, ok := trigger.(event.ByHand); ok && string(asked.Fields["renew"]) == "true" {
				return r.renewal.function().Handle(ctx, payload)
			}
		}
	}
	return r.rotation.Handle(ctx, payload)
}

func (r *Renewal) function() *pipeline.Function[string, renewed, pipeline.NoQuestion, string] {
	return &pipeline.Function[string, renewed, pipeline.NoQuestion, string]{
		Name: "rotate-secret", Mode: r.mode,
		Subjects: func(trigger event.Trigger) []pipeline.Subject[string] {
			var subjects []pipeline.Subject[string]
			for _, asked := range Subjects(trigger) {
				subjects = append(subjects, pipeline.Subject[string]{Name: asked.Name, Key: asked.Key, Of: asked.Of.SecretID, Settled: asked.Settled})
			}
			return subjects
		},
		Observe: r.observe,
		Plan:    planRenewal,
		Describe: func(id string) finding.Action {
			return finding.Action{Kind: "RotateSecret", Target: id, Summary: "begin a rotation, since the registry refuses the current credential",
				Mandate: finding.Mandate{Kind: finding.ByGiver, Text: "the secret's tag " + DriverTag + " and its rotation"}}
		},
		Apply: func(ctx context.Context, id string) error {
			_, err := r.secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &id})
			return err
		},
	}
}

func (r *Renewal) observe(ctx context.Context, id string) (renewed, error) {
	o := renewed{id: id, now: r.now(), tags: map[string]string{}}
	described, err := r.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		return o, fmt.Errorf("describe the secret %s: %w", id, err)
	}
	for _, tag := range described.Tags {
		o.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	o.rotates, o.rotated = aws.ToBool(described.RotationEnabled), aws.ToTime(described.LastRotatedDate)
	for _, stages := range described.VersionIdsToStages {
		o.underway = o.underway || has(stages, pending) && !has(stages, current)
	}
	if !o.renewable() {
		return o, nil
	}
	served, err := registry.Parse(o.tags[RegistryTag])
	if err != nil {
		o.fault = fmt.Sprintf("the tag %s names no registry", RegistryTag)
		return o, nil
	}
	o.host = served.Host
	value, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id})
	if awserror.Classify(err) == awserror.Gone {
		o.fault = "the secret has no current value"
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("read the secret %s: %w", id, err)
	}
	document, err := ParseDocument(secret.New(aws.ToString(value.SecretString)), passwordKeyOf(aws.ToString(described.Name)))
	if err != nil {
		o.fault = err.Error()
		return o, nil
	}
	o.tried = true
	if _, err := r.registries.Login(ctx, served, document.Credential, nil); err != nil {
		if failure, ok := errors.AsType[*registry.Error](err); ok {
			o.login = failure
			return o, nil
		}
		return o, fmt.Errorf("log in to %s: %w", served.Host, err)
	}
	return o, nil
}

// renewable reports whether a rotation may begin at all.
func (o renewed) renewable() bool {
	return o.tags[DriverTag] != "" && o.rotates && !o.underway && o.now.Sub(o.rotated) >= renewalPause
}

func planRenewal(o renewed) pipeline.Plan[string] {
	skip := func(f finding.Finding) pipeline.Plan[string] { return pipeline.Plan[string]{Skip: &f} }
	found := func(f finding.Finding) pipeline.Plan[string] {
		return pipeline.Plan[string]{Findings: []finding.Finding{f}}
	}
	host := finding.Name("registry", o.host)
	switch {
	case o.tags[DriverTag] == "":
		return skip(notManaged.With())
	case !o.rotates:
		return found(renewalDisabled.With())
	case o.underway:
		return skip(renewalUnderway.With())
	case !o.renewable():
		return skip(renewalTooSoon.With(timestamp("rotated", o.rotated)))
	case o.fault != "":
		return found(renewalUntried.With(finding.Clause("why", o.fault)))
	case o.login == nil && o.tried:
		return found(renewalNeedless.With(host))
	case o.login.Kind != registry.Refused:
		return found(renewalUnanswered.With(host, finding.Clause("why", o.login.Error())))
	}
	plan := found(renewalBegins.With(host))
	plan.Do(o.id, 0)
	return plan
}
