package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"ecsguardrails/shared/awserror"
	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/secret"
	"ecsguardrails/shared/storedfile"
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

// LoginProver is the registry client's proof of a credential.
type LoginProver interface {
	Login(context.Context, registry.Registry, registry.Credential, *registry.Image) (registry.Login, error)
}

// Observation is all that a step's plan needs.
type Observation struct {
	Request
	// Now is when it was observed.
	Now time.Time
	// ARN and Name are the secret's own, whichever of them it was asked for by.
	ARN, Name string
	// Rotates says that rotation is enabled for the secret.
	Rotates bool
	// Stages gives each version's staging labels.
	Stages map[string][]string
	Tags   map[string]string
	// Rotated, Changed and Due are the secret's last rotation, its last change of
	// any kind, and the time by which the next rotation is to take place; zero
	// where there is none.
	Rotated, Changed, Due time.Time
	// Interval is the time between rotations where the secret's schedule is a rate;
	// 0 where it is none, or a cron expression.
	Interval time.Duration

	// What follows is read where the step needs it.

	// Old is the credential in use before the rotation, New the one after it: the
	// current and the pending value, and once the label has moved the previous
	// and the current one.
	Old, New Value
	// Previous is what carries AWSPREVIOUS while its grace time is running.
	Previous Value
	// Administrator is zero where the secret names none.
	Administrator registry.Administrator
	// Issued are the tokens that the registry lists for the secret, Minted the
	// values of the versions that they were issued for, where there still are any.
	Issued []registry.Issued
	Minted map[string]Value
	// Configs are the files that may carry the credential.
	Configs []storedfile.File
	// Reached are the instances of the clusters that those files name, Sent what
	// became of the last commands to each fleet, by their comment.
	Reached map[string]reach
	Sent    map[string]sent
	// Login is how the registry took a credential.
	Login *Attempt
	// InUse is how it took the one that is in use, where another one is about to be
	// changed, ended or replaced in a file.
	InUse *Attempt
}

// Value is what a version of the secret holds.
type Value struct {
	// Present is false for a version that was made, but never given a value.
	Present bool
	Text    secret.Text
	// Made is when the version was given its value.
	Made time.Time
	// Locked says that there is one, encrypted with a key that is gone or closed
	// to us.
	Locked bool
}

// Attempt is a login to the registry.
type Attempt struct {
	registry.Login
	// Err is nil where the registry took the credential.
	Err *registry.Error
}

// observe reads what a step needs. Where the secret's description alone shows
// that there is nothing to do, or that nothing can be done, it ends there.
func (r *Rotation) observe(ctx context.Context, request Request) (Observation, error) {
	described, err := r.reader.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &request.SecretID})
	if err != nil {
		return Observation{}, fmt.Errorf("describe the secret %s: %w", request.SecretID, err)
	}
	o := Observation{
		Request: request,
		Now:     r.now(),
		ARN:     aws.ToString(described.ARN),
		Name:    aws.ToString(described.Name),
		Rotates: aws.ToBool(described.RotationEnabled),
		Stages:  described.VersionIdsToStages,
		Tags:    make(map[string]string, len(described.Tags)),
		Rotated: aws.ToTime(described.LastRotatedDate),
		Changed: aws.ToTime(described.LastChangedDate),
		Due:     aws.ToTime(described.NextRotationDate),
	}
	if rules := described.RotationRules; rules != nil {
		o.Interval = interval(rules)
	}
	for _, tag := range described.Tags {
		o.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if r.settled(o) {
		return o, nil
	}
	return o, vanished(r.complete(ctx, &o))
}

// interval reads a rate, as in "rate(4 hours)" or "rate(10 days)"
// ("RotationRulesType", API reference).
func interval(rules *types.RotationRulesType) time.Duration {
	const day = 24 * time.Hour
	var number int64
	var unit string
	if _, err := fmt.Sscanf(aws.ToString(rules.ScheduleExpression), "rate(%d %s", &number, &unit); err != nil {
		number, unit = aws.ToInt64(rules.AutomaticallyAfterDays), "days"
	}
	if strings.HasPrefix(unit, "hour") {
		return time.Duration(min(number, 1000)) * time.Hour
	}
	return time.Duration(min(number, 1000)) * day
}

// complete reads what the description does not say.
func (r *Rotation) complete(ctx context.Context, o *Observation) error {
	at, _ := target(o.Tags, r.drivers)
	if err := r.values(ctx, o, at); err != nil {
		return err
	}
	both, faults := r.read(*o)
	if len(faults) > 0 {
		return nil
	}
	if credential, wanted := toProve(*o, at, both); wanted {
		var err error
		if o.Login, err = r.prove(ctx, *o, at, credential); err != nil {
			return err
		}
	}
	if r.wantsInUse(*o, at, both) {
		var err error
		inUse := both.before.Credential
		if o.Step == Review {
			inUse = both.after.Credential
		}
		if o.InUse, err = r.prove(ctx, *o, at, inUse); err != nil {
			return err
		}
	}
	if err := r.surroundings(ctx, o, at, both); err != nil {
		return err
	}
	// No file gets a credential that the registry does not take: testSecret has seen
	// to that in a rotation, and between rotations nobody has.
	if o.Step == Review && o.InUse == nil && both.hasNew && len(r.renders(*o, at, both, Action{})) > 0 {
		var err error
		o.InUse, err = r.prove(ctx, *o, at, both.after.Credential)
		return err
	}
	return nil
}

// vanished turns an error about a thing that is gone into a finding: the secret
// itself is there, so a step that lacks anything else has not succeeded, and
// Secrets Manager must not take it for done.
func vanished(err error) error {
	if err == nil || awserror.Classify(err) != awserror.Gone {
		return err
	}
	return finding.Refuse(finding.Finding{
		Code: "vanished", Severity: finding.Error,
		Message: fmt.Sprintf("something that the step needs is not there (%s answered %s)", awserror.Operation(err), awserror.Code(err)),
		Fix:     "see whether what the secret's tags name, and the function's settings, still exists; then rotate anew",
	})
}

// settled reports whether the secret's description says all.
func (r *Rotation) settled(o Observation) bool {
	if o.Step == Review {
		_, more := r.reviewable(o)
		return !more
	}
	return len(r.inadmissible(o)) > 0 || o.finished() && o.Step != FinishSecret
}

// values reads the two values and the administrator's credential, side by side.
func (r *Rotation) values(ctx context.Context, o *Observation, at Target) error {
	type read struct{ version, label string }
	before, after := read{o.version(current), current}, read{o.Version, pending}
	if o.Step == Review || o.finished() {
		before, after = read{o.version(previous), previous}, read{o.version(current), current}
	}
	// Asked before the goroutines begin to write.
	hasAdministrator := at.Admin != "" && !o.administersItself(at)
	group, beside := errgroup.WithContext(ctx)
	group.Go(func() (err error) { o.Old, err = r.value(beside, o.ARN, before.version, before.label); return })
	group.Go(func() (err error) { o.New, err = r.value(beside, o.ARN, after.version, after.label); return })
	if hasAdministrator {
		group.Go(func() (err error) { o.Administrator, err = r.administrator(beside, at.Admin, o.Name); return })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if _, running := o.graceEnd(at); running && o.Step == CreateSecret {
		var err error
		o.Previous, err = r.value(ctx, o.ARN, o.version(previous), previous)
		return err
	}
	return nil
}

// surroundings reads what the registry and the config bucket have, for the
// steps that change something there.
func (r *Rotation) surroundings(ctx context.Context, o *Observation, at Target, both documents) error {
	lister, lists := r.drivers[at.Driver].(registry.Lister)
	var issued []registry.Issued
	minted := map[string]Value{}
	arn, inUse := o.ARN, []string{o.Version, o.version(current)}
	group, ctx := errgroup.WithContext(ctx)
	if lists && (o.Step == FinishSecret || o.Step == Review && o.graceOver(at) || o.Step == CreateSecret && !both.hasNew) {
		group.Go(func() (err error) {
			if issued, err = lister.List(ctx, both.order); err != nil {
				return asFinding(err, "list what was issued")
			}
			for _, one := range issued {
				if slices.Contains(inUse, one.Version) {
					continue
				}
				value, err := r.value(ctx, arn, one.Version, "")
				if err != nil && !isLocked(err) {
					return err
				}
				value.Locked = err != nil
				minted[one.Version] = value
			}
			return nil
		})
	}
	if o.Step == FinishSecret || o.Step == Review {
		group.Go(func() (err error) {
			if o.Configs, err = r.configFiles(ctx, at); err != nil {
				return err
			}
			return r.instances(ctx, o, at, both)
		})
	}
	err := group.Wait()
	o.Issued, o.Minted = issued, minted
	return err
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
// value yet.
func (r *Rotation) value(ctx context.Context, arn, version, label string) (Value, error) {
	if version == "" {
		return Value{}, nil
	}
	input := &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionId: &version}
	if label != "" {
		input.VersionStage = &label
	}
	got, err := r.reader.GetSecretValue(ctx, input)
	switch {
	case awserror.HasCode(err, "ResourceNotFoundException"):
		return Value{}, nil
	case err != nil:
		return Value{}, fmt.Errorf("read the %s version of the secret: %w", label, err)
	case len(got.SecretBinary) > 0 && label != current && label != pending:
		// None of this rotation's: what it is to its owner, nobody here knows.
		return Value{Present: true, Made: aws.ToTime(got.CreatedDate)}, nil
	case len(got.SecretBinary) > 0 && aws.ToString(got.SecretString) == "":
		return Value{}, finding.Refuse(finding.Finding{
			Code: "secret-shape", Severity: finding.Error,
			Message: fmt.Sprintf("the %s version of the secret is binary, which ECS does not read", label),
			Fix:     secretShapeFix,
		})
	default:
		return Value{Present: aws.ToString(got.SecretString) != "", Text: secret.New(aws.ToString(got.SecretString)), Made: aws.ToTime(got.CreatedDate)}, nil
	}
}

// prove logs in. testSecret waits until the registry knows the credential; the
// others ask once, to see whether there is anything to do.
func (r *Rotation) prove(ctx context.Context, o Observation, at Target, credential registry.Credential) (*Attempt, error) {
	image, deadline := at.Image, o.Now.Add(r.loginWait)
	if o.Step != TestSecret {
		image, deadline = nil, o.Now
	}
	for pause := time.Second; ; pause = min(2*pause, 8*time.Second) {
		login, err := r.registries.Login(ctx, at.Registry, credential, image)
		if err == nil {
			return &Attempt{Login: login}, nil
		}
		failure, ok := errors.AsType[*registry.Error](err)
		if !ok {
			return nil, fmt.Errorf("log in to %s: %w", at.Registry.Host, err)
		}
		again := failure.Kind == registry.Refused || failure.Retryable()
		if !again || r.now().Add(pause).After(deadline) {
			if failure.Retryable() {
				return nil, fmt.Errorf("log in to %s: %w", at.Registry.Host, err)
			}
			return &Attempt{Login: login, Err: failure}, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("log in to %s: %w", at.Registry.Host, context.Cause(ctx))
		case <-time.After(pause):
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
	f := finding.Finding{Code: "registry-api", Severity: finding.Error, Message: failure.Error(), Fix: "see what the registry's log says of the call; the current credential is untouched"}
	switch failure.Kind {
	case registry.Refused:
		f.Code = "administrator-refused"
		f.Fix = "give the administrator, whose secret the tag " + AdminTag + " names, the rights that the function's README lists for the driver"
	case registry.Misplaced:
		f.Code = "api-misplaced"
		f.Fix = `correct "url" in the administrator's secret: the address of the registry's API, with the path before /api where it has one`
	case registry.Missing:
		f.Code = "account-missing"
		f.Fix = "make the account that the message speaks of, or correct the secret's tags; of two accounts that take turns, the second is called as the first with _clone behind. " +
			"Where there can be only one, the tag " + MaintenanceTag + "=in-place has its password replaced while it is in use; pulls then fail until the new one is everywhere"
	}
	return finding.Refuse(f)
}
