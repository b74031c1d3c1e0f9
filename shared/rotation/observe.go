package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Staging labels of Secrets Manager.
const (
	current  = "AWSCURRENT"
	pending  = "AWSPENDING"
	previous = "AWSPREVIOUS"
)

// SecretReader is the part of Secrets Manager's client that observing needs.
type SecretReader interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// SecretLister is the part of Secrets Manager's client that finds other secrets.
type SecretLister interface {
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

// LoginProver is the registry client's proof of a credential.
type LoginProver interface {
	Login(context.Context, registry.Registry, registry.Credential, *registry.Image) (registry.Login, error)
}

// ImageAsker asks a registry about images.
type ImageAsker interface {
	Ask(context.Context, []registry.Question) []registry.Answer
}

// observe reads the secret's description.
func (r *Rotation) observe(ctx context.Context, request Request) (Observation, error) {
	described, err := r.reader.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &request.SecretID})
	if err != nil {
		return Observation{}, fmt.Errorf("describe the secret %s: %w", request.SecretID, err)
	}
	o := Observation{
		Request:   request,
		Now:       r.now(),
		ARN:       aws.ToString(described.ARN),
		Name:      aws.ToString(described.Name),
		Rotates:   aws.ToBool(described.RotationEnabled),
		RotatedBy: aws.ToString(described.RotationLambdaARN),
		Stages:    described.VersionIdsToStages,
		Tags:      tagsOf(described.Tags),
		Created:   aws.ToTime(described.CreatedDate),
		Rotated:   aws.ToTime(described.LastRotatedDate),
		Changed:   aws.ToTime(described.LastChangedDate),
		Due:       aws.ToTime(described.NextRotationDate),
		answered:  map[string]bool{},
	}
	if inside, ok := lambdacontext.FromContext(ctx); ok {
		o.Function = inside.InvokedFunctionArn
	}
	o.rhythm = rhythmOf(described.RotationRules, o.Now)
	o.Replicas = replicasOf(described)
	return o, nil
}

func replicasOf(described *secretsmanager.DescribeSecretOutput) map[string]string {
	replicas := map[string]string{}
	for _, replica := range described.ReplicationStatus {
		replicas[aws.ToString(replica.Region)] = string(replica.Status)
	}
	return replicas
}

// replicas waits until no replica is in progress, for LoginWait at most: RotateSecret
// itself begins a replication, of the pending version that it makes.
func (r *Rotation) replicas(ctx context.Context, o Observation) (map[string]string, error) {
	replicas, deadline := o.Replicas, o.Now.Add(r.loginWait)
	for pause := time.Second; isReplicating(replicas) && !r.now().Add(pause).After(deadline); pause = min(2*pause, 8*time.Second) {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the replicas of the secret %s: %w", o.ARN, context.Cause(ctx))
		case <-time.After(pause):
		}
		described, err := r.reader.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &o.ARN})
		if err != nil {
			return nil, fmt.Errorf("describe the secret %s: %w", o.ARN, err)
		}
		replicas = replicasOf(described)
	}
	return replicas, nil
}

func tagsOf(tags []types.Tag) map[string]string {
	read := make(map[string]string, len(tags))
	for _, tag := range tags {
		read[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return read
}

// answer reads the answers to one wave of questions, side by side.
func (r *Rotation) answer(ctx context.Context, o Observation, questions []Question) (Observation, error) {
	answered := o
	answered.answered = maps.Clone(o.answered)
	answered.Minted, answered.OtherValues = cloned(o.Minted), cloned(o.OtherValues)
	answered.Standings, answered.Pulls = cloned(o.Standings), cloned(o.Pulls)
	var mutex sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for _, q := range questions {
		group.Go(func() error {
			keep, err := r.lookUp(ctx, o, q)
			if err != nil {
				return err
			}
			mutex.Lock()
			defer mutex.Unlock()
			keep(&answered)
			answered.answered[q.key()] = true
			return nil
		})
	}
	return answered, vanished(group.Wait())
}

func cloned[V any](byKey map[string]V) map[string]V {
	if byKey == nil {
		return map[string]V{}
	}
	return maps.Clone(byKey)
}

// maxIssued bounds how many credentials of one secret are looked at: the values of
// their versions are read one by one.
const maxIssued = 200

// lookUp answers one question; what it gives puts the answer in its place.
func (r *Rotation) lookUp(ctx context.Context, o Observation, q Question) (func(*Observation), error) {
	switch q.Kind {
	case AskValue:
		value, err := r.value(ctx, q)
		return func(o *Observation) { o.keepValue(q, value) }, err
	case AskLogin:
		attempt, err := r.prove(ctx, o.Now, q)
		return func(o *Observation) {
			switch q.For {
			case forInUse:
				o.InUse = attempt
			case forPrevious:
				o.Vouch = attempt
			default:
				o.Login = attempt
			}
		}, err
	case AskIssued:
		issued, err := r.drivers[q.Driver].(registry.Lister).List(ctx, q.Order)
		if len(issued) > maxIssued {
			err = registry.Failure(registry.Unexpected, fmt.Sprintf("the registry lists %d credentials for the secret, of which a rotation needs three; delete those that nothing uses", len(issued)))
		}
		return func(o *Observation) { o.Issued = issued }, asFinding(err, "list what was issued")
	case AskStanding:
		standing, err := r.standing(ctx, q)
		return func(o *Observation) { o.Standings[q.For] = standing }, err
	case AskUsed:
		used, limits, err := r.drivers[q.Driver].(registry.Limited).Used(ctx, q.Order)
		return func(o *Observation) { o.Used, o.Limits = used, limits }, asFinding(err, "count the tokens")
	case AskReplicas:
		replicas, err := r.replicas(ctx, o)
		return func(o *Observation) { o.Replicas = replicas }, err
	case AskConfigs:
		files, err := r.listedFiles(ctx, q.Entries)
		return func(o *Observation) { o.Configs = files }, err
	case AskUnlisted:
		files, err := r.unlistedFiles(ctx, q.Entries)
		return func(o *Observation) { o.Unlisted = files }, err
	case AskFleets:
		reached, last, err := r.instances(ctx, o, q.Fleets)
		return func(o *Observation) { o.Reached, o.Sent = reached, last }, err
	case AskAges:
		registered, unseen, err := r.registrations(ctx, q.Clusters)
		return func(o *Observation) { o.Registered, o.Unseen = registered, unseen }, err
	case AskUses:
		uses, err := r.uses(ctx, q.Families)
		return func(o *Observation) { o.Uses = uses }, err
	case AskPulls:
		answers := r.images.Ask(ctx, q.Images)
		return func(o *Observation) { o.Pulls[q.For] = answers }, nil
	case AskOthers:
		others, err := r.others(ctx, o.ARN)
		return func(o *Observation) { o.Others = others }, err
	}
	return nil, fmt.Errorf("a question of the kind %q has no reader", q.Kind)
}

func (o *Observation) keepValue(q Question, value Value) {
	switch q.For {
	case forOld:
		o.Old = value
	case forNew:
		o.New = value
	case forPrevious:
		o.Previous = value
	case forPending:
		o.Pending = value
	case forAdministrator:
		o.Administrator = value
	default:
		if q.SecretID == o.ARN {
			o.Minted[q.For] = value
		} else {
			o.OtherValues[q.For] = value
		}
	}
}

// vanished turns an error about a thing that is gone into a finding: the secret
// itself is there, so a step that lacks anything else has not succeeded, and
// Secrets Manager must not take it for done.
func vanished(err error) error {
	if err == nil || awserror.Classify(err) != awserror.Gone {
		return err
	}
	return finding.Refuse(resourceGone.With(finding.Clause("why", awserror.Answered(err))))
}

// isLocked reports whether a value's KMS key is gone or closed to us, whatever
// else we may do: GetSecretValue answers DecryptionFailure, or
// AccessDeniedException with "Access to KMS is not allowed".
func isLocked(err error) bool {
	if awserror.HasCode(err, "DecryptionFailure") {
		return true
	}
	refusal, ok := errors.AsType[smithy.APIError](err)
	return ok && awserror.Classify(err) == awserror.Denied && strings.Contains(refusal.ErrorMessage(), "Access to KMS is not allowed")
}

// value reads one version of a secret, by its label, or whatever label it has.
// Secrets Manager answers ResourceNotFoundException for a version that has no
// value yet, and for a secret that doesn't exist.
func (r *Rotation) value(ctx context.Context, q Question) (Value, error) {
	input := &secretsmanager.GetSecretValueInput{SecretId: &q.SecretID}
	if q.Version != "" {
		input.VersionId = &q.Version
	}
	if q.Label != "" {
		input.VersionStage = &q.Label
	}
	got, err := r.reader.GetSecretValue(ctx, input)
	foreign := q.SecretID == q.For
	switch {
	case awserror.HasCode(err, "ResourceNotFoundException"):
		return Value{}, nil
	case q.MayBeLocked && (isLocked(err) || foreign && err != nil && awserror.Classify(err) == awserror.Denied):
		return Value{Locked: true}, nil
	case err != nil && q.For == forAdministrator:
		return Value{}, fmt.Errorf("read the administrator's secret, which the tag %s names: %w", AdminTag, err)
	case err != nil:
		return Value{}, fmt.Errorf("read the %s version of the secret: %w", q.Label, err)
	}
	text := aws.ToString(got.SecretString)
	binary := len(got.SecretBinary) > 0 && text == ""
	return Value{Present: binary || text != "", Binary: binary, Text: secret.New(text), Made: aws.ToTime(got.CreatedDate)}, nil
}

// prove logs in. Where it waits, it tries until the registry knows the
// credential.
func (r *Rotation) prove(ctx context.Context, now time.Time, q Question) (*Attempt, error) {
	deadline := now
	if q.Wait {
		deadline = now.Add(r.loginWait)
	}
	for pause := time.Second; ; pause = min(2*pause, 8*time.Second) {
		login, err := r.registries.Login(ctx, q.Registry, q.Credential, q.Image)
		if err == nil {
			return &Attempt{Login: login}, nil
		}
		failure, ok := errors.AsType[*registry.Error](err)
		if !ok {
			return nil, fmt.Errorf("log in to %s: %w", q.Registry.Host, err)
		}
		retry := failure.Kind == registry.Refused || failure.Retryable()
		if !retry || r.now().Add(pause).After(deadline) {
			if failure.Retryable() {
				return nil, fmt.Errorf("log in to %s: %w", q.Registry.Host, err)
			}
			return &Attempt{Login: login, Err: failure}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("log in to %s: %w", q.Registry.Host, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

func (r *Rotation) standing(ctx context.Context, q Question) (StandingAnswer, error) {
	standing, err := r.drivers[q.Driver].(registry.Inspector).Inspect(ctx, q.Order, q.For)
	failure, ok := errors.AsType[*registry.Error](err)
	refusal, refused := errors.AsType[*finding.Refusal](err)
	switch {
	case refused:
		return StandingAnswer{Fault: &refusal.Finding}, nil
	case ok && !failure.Retryable():
		return StandingAnswer{Err: failure}, nil
	case err != nil:
		return StandingAnswer{}, fmt.Errorf("look at the account in the registry: %w", err)
	}
	return StandingAnswer{Standing: standing}, nil
}

// maxOthers bounds how many registry secrets of the account are compared.
const maxOthers = 500

// others lists the other secrets that name a driver. A role that may not list
// them learns of none: the comparison is a courtesy.
func (r *Rotation) others(ctx context.Context, own string) ([]OtherSecret, error) {
	var others []OtherSecret
	input := &secretsmanager.ListSecretsInput{
		Filters:    []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{DriverTag}}},
		MaxResults: aws.Int32(100),
	}
	for {
		page, err := r.lister.ListSecrets(ctx, input)
		if err != nil && awserror.Classify(err) == awserror.Denied {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the secrets that are tagged %s: %w", DriverTag, err)
		}
		for _, entry := range page.SecretList {
			if aws.ToString(entry.ARN) != own {
				others = append(others, OtherSecret{ARN: aws.ToString(entry.ARN), Name: aws.ToString(entry.Name), Created: aws.ToTime(entry.CreatedDate), Tags: tagsOf(entry.Tags)})
			}
		}
		if input.NextToken = page.NextToken; aws.ToString(page.NextToken) == "" || len(others) >= maxOthers {
			return others, nil
		}
	}
}

// asFinding turns a registry's answer that no retry can change into a finding,
// and leaves every other error as it is.
func asFinding(err error, doing string) error {
	if err == nil {
		return nil
	}
	failure, ok := errors.AsType[*registry.Error](err)
	if !ok || failure.Retryable() {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return finding.Refuse(apiFault(failure))
}

// apiFault says what a failed call of a registry's API means.
func apiFault(failure *registry.Error) finding.Finding {
	template := registryAPI
	switch failure.Kind {
	case registry.Refused:
		template = administratorRefused
	case registry.Misplaced:
		template = apiMisplaced
	case registry.Missing:
		template = accountMissing
	}
	return template.With(finding.Clause("problem", failure.Error()))
}
