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
			j.report("file-placeholder", finding.Info, fmt.Sprintf("The image of the %s is a placeholder, so it isn't checked.", j.containerName(i)),
				"Check the file that is made from this one, too.")
			continue
		}
		// The actions that deploy to ECS from GitHub fill it in.
		if text == "" && j.Unregistered != nil {
			j.report("file-placeholder", finding.Warning, fmt.Sprintf("The %s has no image, and ECS refuses the task definition until one is filled in.", j.containerName(i)),
				"Check the file that is made from this one, too.")
			continue
		}
		reference, err := image.Parse(text)
		if err != nil {
			var problem image.Problem
			errors.As(err, &problem)
			j.report("image-invalid", finding.Error, fmt.Sprintf("The image of the %s isn't the name of an image: %v.", j.containerName(i), err), problem.Fix)
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
		j.report("credential-refused", finding.Error,
			fmt.Sprintf("The registry %s refuses the credential in the secret %s, so the image of the %s can't be pulled with it.", reference.Registry, secret.Name, j.containerName(i)),
			"Put a credential that works into the secret, or rotate it.")
	case registry.Absent, registry.AbsentOrPrivate:
		j.absent(i, reference)
	case registry.Denied:
		j.report("image-hidden", finding.Error,
			fmt.Sprintf("The registry %s accepts the credential in the secret %s, but doesn't show it the image %s of the %s. There is no such image, or the credential's user may not pull it.", reference.Registry, secret.Name, reference, j.containerName(i)),
			"Push the image, correct its name, or allow the credential's user to pull it.")
	default:
		return false
	}
	return true
}

func (j *judgement) absent(i int, reference image.Reference) {
	j.report("image-absent", finding.Error,
		fmt.Sprintf("The registry has no image %s with the tag or digest that the %s names, so no task that pulls it starts.", reference, j.containerName(i)),
		"Push the image, or correct its name.")
}

// withoutCredential judges an image whose container names no secret, by what the
// registry showed of it: to anyone, and to the credential of the secret that
// serves it.
func (j *judgement) withoutCredential(i int, reference image.Reference) {
	container := j.Definition.ContainerDefinitions[i]
	text := aws.ToString(container.Image)
	chosen := j.choice(container, reference)
	anyone := j.Images[aboutImage{image: text}]
	for _, newcomer := range chosen.newcomers {
		j.report("registry-secret-newcomer", finding.Warning,
			fmt.Sprintf("The secret %s is tagged for %s, too, which the secret %s served before. The image of the %s stays with the older secret.", newcomer.Name, newcomer.Scope, chosen.serving.Name, j.containerName(i)),
			fmt.Sprintf("Remove the tag %s from the secret that isn't meant. Or list on each secret the families that it is for, in the tag %s.", TagRegistry, TagFamilies))
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
		j.report("registry-secrets-ambiguous", finding.Error,
			fmt.Sprintf("Several secrets serve %s, the image of the %s, equally well: %s. So it gets none of them.", reference, j.containerName(i), names(chosen.equals)),
			"Remove the tag "+TagRegistry+" from all of them but one, or give them different paths in it.")
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
		j.report("image-public", finding.Info,
			fmt.Sprintf("The image %s of the %s is public, so it is pulled without the secret %s that is tagged for its registry.", reference, j.containerName(i), serving.Name),
			fmt.Sprintf("Nothing, unless the registry's limit for anonymous pulls matters. Then tag the secret %s=yes.", TagPublicImages))
		return
	}
	j.give(i, *serving, finding.Warning,
		fmt.Sprintf("The image %s of the %s is public and is pulled without a credential, so the registry's limit for anonymous pulls applies. The owner of the secret %s wants public images pulled with it.", reference, j.containerName(i), serving.Name))
}

// served answers an image that a secret serves, and that isn't known for public.
// It is given only a credential that was seen to work, or that no one could try.
func (j *judgement) served(i int, reference image.Reference, serving RegistrySecret, anyone Pull) {
	pull := j.Images[aboutImage{aws.ToString(j.Definition.ContainerDefinitions[i].Image), serving.ARN}]
	lies := fmt.Sprintf("The %s has no repositoryCredentials, although the secret %s serves its image %s. The image is pulled anonymously, or with what the instance's ecs.config has.", j.containerName(i), serving.Name, reference)
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
		j.give(i, serving, finding.Error, lies)
	case likelyPublic(reference, serving.Scope):
		j.report("image-unchecked", finding.Info,
			fmt.Sprintf("Can't tell whether the image %s of the %s is public, so the secret %s isn't named for it%s.", reference, j.containerName(i), serving.Name, because(anyone)),
			fmt.Sprintf("If it is private, set repositoryCredentials.credentialsParameter to %s.", serving.ARN))
	default:
		j.give(i, serving, finding.Warning, lies+fmt.Sprintf(" Can't tell whether it is private%s.", because(anyone)))
	}
}

// because says why a registry's answer is none.
func because(answer Pull) string {
	if answer.Why == "" {
		return ""
	}
	return ": " + answer.Why
}

// likelyPublic reports whether an image in a whole registry's care is as likely to
// be public: one of a registry that is known for public images. Who tags a secret
// for a part of such a registry means private ones.
func likelyPublic(reference image.Reference, scope image.Scope) bool {
	return reference.MostlyPublic() && (scope.Path == "" || strings.HasPrefix(reference.Path, "library/"))
}

// give has the image pulled with a secret.
func (j *judgement) give(i int, serving RegistrySecret, severity finding.Severity, message string) {
	if j.Unregistered != nil && j.Unregistered.LogsIn != "" {
		j.report("credential-missing", severity, message, j.Unregistered.LogsIn)
		return
	}
	j.cure(Edit{Field: RepositoryCredentials, Container: i, Value: serving.ARN}, "credential-missing", severity, message,
		fmt.Sprintf("Set repositoryCredentials.credentialsParameter to %s.", serving.ARN))
}

// credentialOnECR answers a credential that stands in ECR's way.
func (j *judgement) credentialOnECR(i int, reference image.Reference) {
	message := fmt.Sprintf("The %s has repositoryCredentials, but its image is in Amazon ECR (%s). ECS refuses to register that, and a pull with it fails.", j.containerName(i), reference.Registry)
	const fix = "Remove repositoryCredentials. Amazon ECR uses the execution role's permissions."
	if j.ReplaceCredentials {
		j.cure(Edit{Field: RepositoryCredentials, Container: i, Replaces: true}, "credential-on-ecr-image", finding.Error, message, fix)
		return
	}
	j.report("credential-on-ecr-image", finding.Error, message, fix)
}

// otherCredential answers a credential that a person chose although a tagged
// secret serves the image. It stays, unless the setting says otherwise and the
// other one isn't known not to work; then the finding says what was there.
func (j *judgement) otherCredential(i int, reference image.Reference, credential string, serving RegistrySecret) (replaced bool) {
	message := fmt.Sprintf("The image %s of the %s is pulled with the secret %s, not with the secret %s that is tagged for its registry.", reference, j.containerName(i), shownSecret(credential), serving.Name)
	pull := j.Images[aboutImage{aws.ToString(j.Definition.ContainerDefinitions[i].Image), serving.ARN}]
	if bool(j.ReplaceCredentials) && (!pull.Known() || pull.Access == registry.Allowed) && j.keysProblem(serving.ARN) == "" {
		j.cure(Edit{Field: RepositoryCredentials, Container: i, Value: serving.ARN, Replaces: true}, "credential-differs", finding.Warning, message,
			"To put the former secret back, register the former revision again, with REPLACE_CREDENTIALS=no.")
		return true
	}
	j.report("credential-differs", finding.Info, message, "Nothing, if that is meant. REPLACE_CREDENTIALS=yes replaces it.")
	return false
}

// notServed answers an image that no secret serves.
func (j *judgement) notServed(i int, reference image.Reference, anyone Pull) {
	hidden := anyone.Access == registry.AbsentOrPrivate
	if !hidden && (reference.MostlyPublic() || j.Unregistered != nil && !j.Unregistered.looksAtAccount && len(j.Secrets) == 0) {
		return
	}
	message := fmt.Sprintf("No tagged secret serves the image %s of the %s. It is pulled anonymously, or with what the instance's ecs.config has.", reference, j.containerName(i))
	severity := finding.Info
	if hidden {
		message = fmt.Sprintf("The registry doesn't show the image %s of the %s without a credential, and no tagged secret serves it. It is private, or there is no such image.", reference, j.containerName(i))
		if j.runsOnNoInstance() {
			severity = finding.Error
		}
	}
	if wrong := j.wronglyTagged(); len(wrong) > 0 {
		message += " These secrets have a tag that names no registry: " + strings.Join(wrong, ", ") + "."
	}
	j.report("registry-not-served", severity, message,
		fmt.Sprintf("If the image is private, tag the secret that holds its credential: %s=%s", TagRegistry, reference.Registry))
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
			problems = append(problems, fmt.Sprintf("%s (%s)", secret.Name, secret.TagProblem))
		}
	}
	return problems
}

func names(secrets RegistrySecrets) string {
	texts := make([]string, len(secrets))
	for i, secret := range secrets {
		texts[i] = secret.Name
	}
	return strings.Join(texts, ", ")
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
