package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

var (
	// secretARNForm has what RepositoryCredentials and Secrets Manager let an ARN
	// be; the name may have slashes, but no colon.
	secretARNForm = lazyregexp.New(`^arn:(aws[a-z-]*):secretsmanager:([a-z0-9-]+):(\d{12}):secret:([A-Za-z0-9/_+=.@!-]+)$`)
	// secretNameForm is what Secrets Manager lets a name be.
	secretNameForm = lazyregexp.New(`^[A-Za-z0-9/_+=.@!-]{1,512}$`)
)

// Bounds of an ARN in repositoryCredentials ("Private registry authentication
// for tasks": 20 to 2048 characters).
const minARN, maxARN = 20, 2048

// SecretName is a credentialsParameter, taken apart.
type SecretName struct {
	// Partition, Region and Account are "" where it is a name alone.
	Partition, Region, Account string
}

// ParseCredential takes a credentialsParameter apart. The error says what is
// wrong with it, and shows nothing of it.
func ParseCredential(parameter string) (SecretName, error) {
	if !strings.HasPrefix(parameter, "arn:") {
		if !secretNameForm.MatchString(parameter) {
			return SecretName{}, fmt.Errorf("it is neither a secret's ARN nor a name that a secret can have")
		}
		return SecretName{}, nil
	}
	match := secretARNForm.FindStringSubmatch(parameter)
	switch {
	case len(parameter) < minARN || len(parameter) > maxARN:
		return SecretName{}, fmt.Errorf("the ARN has %d characters, and may have %d to %d", len(parameter), minARN, maxARN)
	case strings.Contains(parameter, ":ssm:"):
		return SecretName{}, fmt.Errorf("it is a parameter of Systems Manager; ECS takes the credentials of registries from Secrets Manager only")
	case match == nil && strings.Count(parameter, ":") > 6:
		return SecretName{}, fmt.Errorf("the ARN goes on after the secret's name; a key, stage or version can be named under \"secrets\", not here")
	case match == nil:
		return SecretName{}, fmt.Errorf("it is not the ARN of a secret, which is arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME")
	}
	return SecretName{Partition: match[1], Region: match[2], Account: match[3]}, nil
}

// parseSecret takes a secret's name or ARN apart, which may lack the six characters
// that Secrets Manager adds.
func parseSecret(name string) (SecretName, error) { return ParseCredential(name) }

// credentials checks the secrets that containers name, whether or not this function chose them.
func (j *judgement) credentials() {
	for i, container := range j.Definition.ContainerDefinitions {
		// What the patch is going to take away or to put there was judged already.
		parameter := credentialOf(container)
		reference, err := image.Parse(aws.ToString(container.Image))
		switch {
		case j.leftOpen(parameter), j.credentialAfter(i) != parameter, err == nil && isECR(reference):
		case parameter != "":
			j.credential(i, parameter)
		case container.RepositoryCredentials != nil:
			j.report(j.in(i, namesNoSecret))
		}
	}
}

func (j *judgement) credential(i int, parameter string) {
	name, err := ParseCredential(parameter)
	if err != nil {
		j.report(j.in(i, credentialInvalid, finding.Clause("problem", err.Error())))
		return
	}
	here := j.place()
	switch {
	case name.Account != "" && here.Account != "" && name.Account != here.Account:
		// The guide's older editions rule it out ("must be in the same account"), the
		// later ones let it be named by its ARN ("Private registry authentication").
		j.report(j.in(i, credentialElsewhere, finding.Name("account", name.Account), finding.Name("here", here.Account)))
	case name.Partition != "" && here.Partition != "" && name.Partition != here.Partition:
		j.report(j.in(i, credentialPartition, finding.Name("partition", name.Partition), finding.Name("here", here.Partition)))
	case name.Region != "" && here.Region != "" && name.Region != here.Region:
		j.report(j.in(i, credentialRegion, finding.Name("region", name.Region), finding.Name("here", here.Region)))
	}
	named := j.Named[parameter]
	switch secret := j.secretOf(parameter); {
	case named.Gone:
		j.report(j.withOther(i, credentialGone, credentialGoneOther, finding.Words("secret", shownSecret(parameter))))
	case secret != nil && secret.Deleted:
		j.report(j.withOther(i, credentialDeleted, credentialDeletedOther, finding.Name("secret", secret.Name)))
	}
}

// withOther reports a secret that can't be read: with the tagged secret that would
// serve the container's image instead, or alone where there is none.
func (j *judgement) withOther(i int, alone, other finding.Template, secret finding.Value) finding.Finding {
	container := j.Definition.ContainerDefinitions[i]
	if reference, err := image.Parse(aws.ToString(container.Image)); err == nil {
		if serving := j.choice(container, reference).serving; serving != nil {
			return j.in(i, other, secret, secretARNValue(serving.ARN))
		}
	}
	return j.in(i, alone, secret)
}

// secretARNValue is the ARN of a secret, whole, to be pasted into a definition. Secrets
// Manager made it.
func secretARNValue(arn string) finding.Value { return finding.Clause("arn", arn) }

// secretKeys judges the values of the secrets that will be read, by their keys.
func (j *judgement) secretKeys() {
	secrets := slices.Clone(j.unusable)
	for i := range j.Definition.ContainerDefinitions {
		if secret := j.taggedSecret(j.credentialAfter(i)); secret != nil && !secret.Deleted {
			secrets = append(secrets, secret.ARN)
		}
	}
	slices.Sort(secrets)
	for _, arn := range slices.Compact(secrets) {
		if problem := j.keysProblem(arn); problem != "" {
			j.report(secretKeys.With(finding.Name("secret", j.taggedSecret(arn).Name), finding.Clause("problem", problem)))
		}
	}
}

// keysProblem says what is wrong with a tagged secret's value, "" where nothing is
// or nothing was seen.
func (j *judgement) keysProblem(arn string) string { return j.Keys[arn].Problem }

// keyedSecrets lists the tagged secrets whose keys are looked at without asking a
// registry: the credentials where none can be asked, and those of which a
// container takes one key.
func (j *judgement) keyedSecrets() (arns []string) {
	if !j.CheckSecretKeys {
		return nil
	}
	for i := range j.Definition.ContainerDefinitions {
		if secret := j.taggedSecret(j.credentialAfter(i)); secret != nil && !secret.Deleted && !j.registries {
			arns = append(arns, secret.ARN)
		}
	}
	for _, reference := range j.references() {
		if secret := j.taggedSecret(reference.secret); secret != nil && !secret.Deleted && reference.key != "" {
			arns = append(arns, secret.ARN)
		}
	}
	return arns
}

// Place is where the definition is.
type Place struct{ Partition, Region, Account string }

// place reads it from the definition's ARN; it is empty for a definition that
// was not registered yet, unless the observation says where it will be.
func (j *judgement) place() Place {
	parts := strings.SplitN(aws.ToString(j.Definition.TaskDefinitionArn), ":", 6)
	switch {
	case len(parts) == 6:
	case j.Unregistered != nil:
		return j.Unregistered.Place
	default:
		return Place{}
	}
	return Place{Partition: parts[1], Region: parts[3], Account: parts[4]}
}
