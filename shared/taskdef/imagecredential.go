package taskdef

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/image"
)

// credentialOf gives the secret that a container's image is pulled with, or "".
func credentialOf(container types.ContainerDefinition) string {
	if container.RepositoryCredentials == nil {
		return ""
	}
	return aws.ToString(container.RepositoryCredentials.CredentialsParameter)
}

// wantsSecrets reports whether a secret's tag can matter to the definition: not
// where every image lies in ECR and none has a credential.
func wantsSecrets(definition *types.TaskDefinition) bool {
	for _, container := range definition.ContainerDefinitions {
		reference, err := image.Parse(aws.ToString(container.Image))
		if err == nil && !isECR(reference) || credentialOf(container) != "" {
			return true
		}
	}
	return false
}

// lacksOne reports whether an image has neither a credential nor one single
// secret that serves it, so that a younger list of secrets might tell another.
func (all RegistrySecrets) lacksOne(definition *types.TaskDefinition) bool {
	for _, container := range definition.ContainerDefinitions {
		reference, err := image.Parse(aws.ToString(container.Image))
		if err == nil && !isECR(reference) && credentialOf(container) == "" && len(all.serving(reference)) != 1 {
			return true
		}
	}
	return false
}

// isECR reports whether an image lies in one of Amazon ECR's registries, which
// take no credential from a secret: ECS gets a token as the execution role, or
// the instance as its own.
func isECR(reference image.Reference) bool {
	_, private := reference.ECR()
	return private || reference.IsPublicECR()
}

// imageCredentials judges every container's image with its credential.
func (j *judgement) imageCredentials() {
	for i, container := range j.Definition.ContainerDefinitions {
		text := aws.ToString(container.Image)
		if j.leftOpen(text) {
			j.report("file-placeholder", finding.Info, fmt.Sprintf("the image of %s is a placeholder, and not judged", j.containerName(i)),
				"judge the file that is made from this one, too")
			continue
		}
		// The actions that deploy to ECS from GitHub fill it in.
		if text == "" && j.Unregistered != nil {
			j.report("file-placeholder", finding.Warning, fmt.Sprintf("%s has no image, and ECS refuses it as long as none is filled in", j.containerName(i)),
				"judge the file that is made from this one, too")
			continue
		}
		reference, err := image.Parse(text)
		if err != nil {
			j.report("image-invalid", finding.Error,
				fmt.Sprintf("the image of %s is not one: %v", j.containerName(i), err),
				`write "registry/path:tag" or "registry/path@digest", the path in lower case`)
			continue
		}
		credential := credentialOf(container)
		serving := j.Secrets.serving(reference)
		switch {
		case isECR(reference) && credential != "":
			j.credentialOnECR(i, reference)
		case isECR(reference):
		case len(serving) > 1 && credential == "":
			j.report("registry-secrets-ambiguous", finding.Error,
				fmt.Sprintf("the image of %s lies in %s, and %s serve it equally well", j.containerName(i), reference, names(serving)),
				"take the tag "+TagRegistry+" from all of them but one, or give them different paths")
		case len(serving) == 1 && credential == "":
			j.cure(Edit{Field: RepositoryCredentials, Container: i, Value: serving[0].ARN}, "credential-missing", finding.Error,
				fmt.Sprintf("the image of %s lies in %s, which the secret %s serves, but the container has no repositoryCredentials: it is pulled anonymously, or with what the instance's ecs.config has", j.containerName(i), reference, serving[0].Name),
				fmt.Sprintf("set repositoryCredentials.credentialsParameter to %s", serving[0].ARN))
		case len(serving) == 1 && !serving[0].isNamedBy(credential) && !j.leftOpen(credential):
			j.otherCredential(i, reference, credential, serving[0])
		case credential == "" && !reference.MostlyPublic() && !(j.Unregistered != nil && j.Unregistered.secretsUnknown):
			j.registryNotServed(i, reference)
		}
	}
}

// credentialOnECR answers a credential that stands in ECR's way.
func (j *judgement) credentialOnECR(i int, reference image.Reference) {
	message := fmt.Sprintf("the image of %s lies in Amazon ECR (%s), but the container has repositoryCredentials: the pull is tried with that secret in place of a token of ECR's, and refused", j.containerName(i), reference.Registry)
	const fix = "take repositoryCredentials away; the execution role's permissions are what ECR asks for"
	if j.ReplaceCredentials {
		j.cure(Edit{Field: RepositoryCredentials, Container: i, Replaces: true}, "credential-on-ecr-image", finding.Error, message, fix)
		return
	}
	j.report("credential-on-ecr-image", finding.Error, message, fix)
}

// otherCredential answers a credential that a person chose although a tagged
// secret serves the image. It stays, unless the setting says otherwise, and
// then the finding says what was there.
func (j *judgement) otherCredential(i int, reference image.Reference, credential string, serving RegistrySecret) {
	message := fmt.Sprintf("the image of %s (%s) is pulled with %s, and not with the secret %s that is tagged for its registry", j.containerName(i), reference, finding.Shortened(credential), serving.Name)
	if j.ReplaceCredentials {
		j.cure(Edit{Field: RepositoryCredentials, Container: i, Value: serving.ARN, Replaces: true}, "credential-differs", finding.Warning, message,
			"put the former credential back by registering the former revision again, with REPLACE_CREDENTIALS=no")
		return
	}
	j.report("credential-differs", finding.Info, message, "nothing, if it was meant; REPLACE_CREDENTIALS=yes replaces it")
}

// registryNotServed notes an image that may be private; whether it is, only the
// registry knows.
func (j *judgement) registryNotServed(i int, reference image.Reference) {
	message := fmt.Sprintf("the image of %s lies in %s, which no tagged secret serves: it is pulled anonymously, or with what the instance's ecs.config has", j.containerName(i), reference)
	if wrong := j.wronglyTagged(); len(wrong) > 0 {
		message += "; these secrets have a tag that names no registry: " + strings.Join(wrong, "; ")
	}
	j.report("registry-not-served", finding.Info, message,
		fmt.Sprintf("if the image is private, tag the secret that holds its credential with %s=%s", TagRegistry, reference.Registry))
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
