package taskdef

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

// credentialOf gives the secret that a container's image is pulled with, or "".
func credentialOf(container types.ContainerDefinition) string {
	if container.RepositoryCredentials == nil {
		return ""
	}
	return aws.ToString(container.RepositoryCredentials.CredentialsParameter)
}

// isECR reports whether an image lies in one of Amazon ECR's registries, which
// take no credential from a secret: ECS gets a token as the execution role, or
// the instance as its own.
func isECR(reference image.Reference) bool {
	_, private := reference.ECR()
	return private || reference.IsPublicECR()
}

// imageQuestions lists what registries should be asked: whether anyone can pull
// an image that has no credential, and whether the credential of a tagged secret
// works for it.
func (j *judgement) imageQuestions() (open []aboutImage) {
	if !j.registries {
		return nil
	}
	for _, container := range j.Definition.ContainerDefinitions {
		text := aws.ToString(container.Image)
		reference, err := image.Parse(text)
		if err != nil || isECR(reference) || j.leftOpen(text) {
			continue
		}
		credential := credentialOf(container)
		if credential == "" {
			open = append(open, aboutImage{image: text})
		}
		if !j.CheckSecretKeys {
			continue
		}
		if serving := j.choice(container, reference).serving; serving != nil && (credential == "" || bool(j.ReplaceCredentials)) {
			open = append(open, aboutImage{text, serving.ARN})
		}
		if secret := j.taggedSecret(credential); secret != nil && !secret.Deleted {
			open = append(open, aboutImage{text, secret.ARN})
		}
	}
	return open
}

// taggedSecret gives the secret with our tag that a credential names, or nil.
func (j *judgement) taggedSecret(credential string) *RegistrySecret {
	if i := slices.IndexFunc(j.Secrets, func(s RegistrySecret) bool { return s.isNamedBy(credential) }); i >= 0 && credential != "" {
		return &j.Secrets[i]
	}
	return nil
}

// imageCredentials judges every container's image with its credential.
func (j *judgement) imageCredentials() {
	for i, container := range j.Definition.ContainerDefinitions {
		text := aws.ToString(container.Image)
		if j.leftOpen(text) {
			j.report(j.in(i, imagePlaceholder))
			continue
		}
		// The actions that deploy to ECS from GitHub fill it in.
		if text == "" && j.Unregistered != nil {
			j.report(j.in(i, imageLeftOut))
			continue
		}
		reference, err := image.Parse(text)
		if err != nil {
			f := j.in(i, imageInvalid, finding.Clause("problem", err.Error()))
			if problem, ok := errors.AsType[image.Problem](err); ok {
				f.Fix = problem.Fix
			}
			j.report(f)
			continue
		}
		credential := credentialOf(container)
		switch {
		case isECR(reference) && container.RepositoryCredentials != nil:
			j.credentialOnECR(i, reference)
		case isECR(reference), j.leftOpen(credential):
		case credential == "" && j.Unregistered != nil && j.Unregistered.HasLogin:
			// For which registries it is, the file doesn't tell.
		case credential == "":
			j.withoutCredential(i, reference)
		default:
			j.withCredential(i, reference, credential)
		}
	}
}

// withCredential judges an image whose container names a secret.
func (j *judgement) withCredential(i int, reference image.Reference, credential string) {
	container := j.Definition.ContainerDefinitions[i]
	if serving := j.choice(container, reference).serving; serving != nil && !serving.isNamedBy(credential) {
		if j.otherCredential(i, reference, credential, *serving) {
			return
		}
	}
	if secret := j.taggedSecret(credential); secret != nil {
		j.refused(i, reference, *secret, j.Images[aboutImage{aws.ToString(container.Image), secret.ARN}])
	}
}

// refused reports that a registry doesn't show an image to a credential, and
// says whether it did.
func (j *judgement) refused(i int, reference image.Reference, secret RegistrySecret, pull Pull) bool {
	switch pull.Access {
	case registry.CredentialRefused:
		j.report(j.in(i, credentialRefused, finding.Name("registry", reference.Registry), finding.Name("secret", secret.Name)))
	case registry.Absent, registry.AbsentOrPrivate:
		j.absent(i, reference)
	case registry.Denied:
		j.report(j.in(i, imageHidden, finding.Name("registry", reference.Registry), finding.Name("secret", secret.Name), imageValue(reference)))
	default:
		return false
	}
	return true
}

func (j *judgement) absent(i int, reference image.Reference) {
	j.report(j.in(i, imageAbsent, imageValue(reference)))
}

// imageValue is an image without its tag for a message's place.
func imageValue(reference image.Reference) finding.Value {
	return finding.Name("image", reference.String())
}

// withoutCredential judges an image whose container names no secret, by what the
// registry showed of it: to anyone, and to the credential of the secret that
// serves it.
func (j *judgement) withoutCredential(i int, reference image.Reference) {
	container := j.Definition.ContainerDefinitions[i]
	text := aws.ToString(container.Image)
	chosen := j.choice(container, reference)
	anyone := j.Images[aboutImage{image: text}]
	template := secretOlder
	if chosen.proven {
		template = secretNewcomer
	}
	for _, newcomer := range chosen.newcomers {
		j.report(j.in(i, template, finding.Name("newcomer", newcomer.Name), finding.Name("scope", newcomer.Scope.String()), finding.Name("secret", chosen.serving.Name),
			finding.Words("tag", TagRegistry), finding.Words("families", TagFamilies)))
	}
	// Without its tag, as in many files, an image can't be looked for.
	if anyone.Access == registry.Absent && j.Unregistered != nil {
		anyone.Access = registry.Allowed
	}
	switch {
	case anyone.Access == registry.Absent:
		j.absent(i, reference)
	case anyone.Access == registry.Allowed:
		j.public(i, reference, chosen.serving)
	case len(chosen.equals) > 0:
		j.report(j.in(i, secretsAmbiguous, imageValue(reference), finding.Names("secrets", names(chosen.equals)), finding.Words("tag", TagRegistry)))
	case chosen.serving != nil:
		j.served(i, reference, *chosen.serving, anyone)
	default:
		j.notServed(i, reference, anyone)
	}
}

// public answers an image that anyone can pull.
func (j *judgement) public(i int, reference image.Reference, serving *RegistrySecret) {
	if serving == nil {
		return
	}
	pull := j.Images[aboutImage{aws.ToString(j.Definition.ContainerDefinitions[i].Image), serving.ARN}]
	if !serving.wantsPublicImages() || pull.Known() && pull.Access != registry.Allowed || j.keysProblem(serving.ARN) != "" {
		j.report(j.in(i, imagePublic, imageValue(reference), finding.Name("secret", serving.Name), finding.Words("tag", TagPublicImages)))
		return
	}
	j.give(i, *serving, j.in(i, publicWithout, servedBy(reference, *serving)...))
}

// served answers an image that a secret serves, and that isn't known for public.
// It is given only a credential that was seen to work, or that no one could try.
func (j *judgement) served(i int, reference image.Reference, serving RegistrySecret, anyone Pull) {
	pull := j.Images[aboutImage{aws.ToString(j.Definition.ContainerDefinitions[i].Image), serving.ARN}]
	values := servedBy(reference, serving)
	because := finding.Clause("why", anyone.Why)
	private := anyone.Access == registry.AbsentOrPrivate
	switch {
	case j.keysProblem(serving.ARN) != "":
		// secretKeys says what is wrong. Given to the container, it would keep tasks
		// from starting that an instance's own credential lets start.
		j.unusable = append(j.unusable, serving.ARN)
	case pull.Access == registry.Absent:
		j.absent(i, reference)
	case j.refused(i, reference, serving, pull):
	case private || !j.registries && !likelyPublic(reference, serving.Scope):
		j.give(i, serving, j.in(i, credentialMissing, values...))
	case likelyPublic(reference, serving.Scope) && anyone.Why == "":
		j.report(j.in(i, imageUnchecked, values...))
	case likelyPublic(reference, serving.Scope):
		j.report(j.in(i, imageUncheckedWhy, append(values, because)...))
	case anyone.Why == "":
		j.give(i, serving, j.in(i, maybePrivate, values...))
	default:
		j.give(i, serving, j.in(i, maybePrivateWhy, append(values, because)...))
	}
}

// servedBy are the values of what is said about an image that a secret serves.
func servedBy(reference image.Reference, serving RegistrySecret) []finding.Value {
	return []finding.Value{imageValue(reference), finding.Name("secret", serving.Name), secretARNValue(serving.ARN)}
}

// likelyPublic reports whether an image in a whole registry's care is as likely to
// be public: one of a registry that is known for public images. Who tags a secret
// for a part of such a registry means private ones.
func likelyPublic(reference image.Reference, scope image.Scope) bool {
	return reference.MostlyPublic() && (scope.Path == "" || strings.HasPrefix(reference.Path, "library/"))
}

// give has the image pulled with a secret.
func (j *judgement) give(i int, serving RegistrySecret, f finding.Finding) {
	if j.Unregistered != nil && j.Unregistered.LogsIn != "" {
		f.Fix = j.Unregistered.LogsIn
		j.report(f)
		return
	}
	j.cure(Edit{Field: RepositoryCredentials, Container: i, Value: serving.ARN}, f)
}

// credentialOnECR answers a credential that stands in ECR's way.
func (j *judgement) credentialOnECR(i int, reference image.Reference) {
	f := j.in(i, credentialOnECR, finding.Name("registry", reference.Registry))
	if j.ReplaceCredentials {
		j.cure(Edit{Field: RepositoryCredentials, Container: i, Replaces: true}, f)
		return
	}
	j.report(f)
}

// otherCredential answers a credential that a person chose although a tagged
// secret serves the image. It stays, unless the setting says otherwise and the
// other one isn't known not to work; then the finding says what was there.
func (j *judgement) otherCredential(i int, reference image.Reference, credential string, serving RegistrySecret) (replaced bool) {
	values := []finding.Value{imageValue(reference), finding.Words("credential", shownSecret(credential)), finding.Name("secret", serving.Name)}
	pull := j.Images[aboutImage{aws.ToString(j.Definition.ContainerDefinitions[i].Image), serving.ARN}]
	if bool(j.ReplaceCredentials) && (!pull.Known() || pull.Access == registry.Allowed) && j.keysProblem(serving.ARN) == "" {
		j.cure(Edit{Field: RepositoryCredentials, Container: i, Value: serving.ARN, Replaces: true}, j.in(i, credentialReplaced, values...))
		return true
	}
	j.report(j.in(i, credentialDiffers, values...))
	return false
}

// notServed answers an image that no secret serves.
func (j *judgement) notServed(i int, reference image.Reference, anyone Pull) {
	hidden := anyone.Access == registry.AbsentOrPrivate
	if !hidden && (reference.MostlyPublic() || j.Unregistered != nil && !j.Unregistered.looksAtAccount && len(j.Secrets) == 0) {
		return
	}
	template := notServed
	if hidden {
		template = hiddenNotServed
	}
	f := j.in(i, template, imageValue(reference), finding.Words("tag", TagRegistry), finding.Name("registry", reference.Registry))
	if !j.runsOnNoInstance() {
		f.Severity = finding.Info
	}
	if wrong := j.wronglyTagged(); len(wrong) > 0 {
		f = f.Also(wronglyTagged, finding.Clause("secrets", strings.Join(wrong, ", ")))
	}
	j.report(f)
}

// runsOnNoInstance reports whether no instance's ecs.config can have a credential
// for the definition's images.
func (j *judgement) runsOnNoInstance() bool {
	return j.isFargate() && !slices.Contains(j.Definition.RequiresCompatibilities, types.CompatibilityEc2)
}

func (j *judgement) wronglyTagged() []string {
	var problems []string
	for _, secret := range j.Secrets {
		if secret.TagProblem != "" {
			problems = append(problems, fmt.Sprintf("%s (%s)", finding.Shown(secret.Name), finding.Said(secret.TagProblem)))
		}
	}
	return problems
}

func names(secrets RegistrySecrets) []string {
	texts := make([]string, len(secrets))
	for i, secret := range secrets {
		texts[i] = secret.Name
	}
	return texts
}

// ImageAsker asks registries whether images can be pulled.
type ImageAsker interface {
	Ask(context.Context, []registry.Question) []registry.Answer
}

// ImageObserver asks registries, and remembers for a while what can be pulled, and
// which hosts can't be reached: a function outside of a registry's network must
// not wait for it at each registration.
type ImageObserver struct {
	asker ImageAsker
	known *memory.Memory[Pull]
	// down are the hosts that gave no answer.
	down *memory.Memory[Pull]
}

// pullTTL is how long an image that can be pulled is believed to be so, and how
// long a host is believed to be out of reach.
const pullTTL, unknownTTL = 5 * time.Minute, 10 * time.Second

// NewImageObserver makes an observer that remembers nothing yet.
func NewImageObserver(asker ImageAsker, now func() time.Time) *ImageObserver {
	return &ImageObserver{asker: asker, known: memory.New[Pull](now, maxSound, pullTTL, unknownTTL), down: memory.New[Pull](now, maxSound, pullTTL, 0)}
}

// pull asks about one image. It fails only where the secret can't be read just now.
func (o *ImageObserver) pull(ctx context.Context, question aboutImage, secrets *SecretObserver) (Pull, error) {
	served, image, err := registry.ParseReference(question.image)
	if err != nil {
		return Pull{Answer: registry.Answer{Access: registry.Unusable}}, nil
	}
	return o.known.Get(question.image+"\n"+question.secret, func() (Pull, bool, error) {
		asked := registry.Question{Registry: served, Image: image}
		var keys SecretKeys
		if question.secret != "" {
			credential, read, err := secrets.credential(ctx, question.secret)
			if err != nil {
				return Pull{}, false, err
			}
			if keys = read; keys.Unread || keys.Problem != "" {
				return Pull{Keys: keys}, false, nil
			}
			asked.Credential = credential
		}
		pull, isDown := o.down.Known(served.Host)
		if !isDown {
			pull = Pull{Answer: o.asker.Ask(ctx, []registry.Question{asked})[0]}
		}
		if pull.Access == registry.Unanswered || pull.Access == registry.Blocked {
			o.down.Keep(served.Host, pull, true)
		}
		pull.Keys = keys
		return pull, pull.Access == registry.Allowed, nil
	})
}
