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
			j.report("credential-invalid", finding.Error,
				fmt.Sprintf("The %s has repositoryCredentials that name no secret.", j.containerName(i)),
				"Name the secret in credentialsParameter by its ARN.")
		}
	}
}

func (j *judgement) credential(i int, parameter string) {
	name, err := ParseCredential(parameter)
	if err != nil {
		j.report("credential-invalid", finding.Error,
			fmt.Sprintf("The credentialsParameter of the %s can't work: %v.", j.containerName(i), err),
			"Name the secret in credentialsParameter by its ARN.")
		return
	}
	here := j.place()
	switch {
	case name.Account != "" && here.Account != "" && name.Account != here.Account:
		// The guide's older editions rule it out ("must be in the same account"), the
		// later ones let it be named by its ARN ("Private registry authentication").
		j.report("credential-in-other-account", finding.Warning,
			fmt.Sprintf("The %s is pulled with a secret of the account %s. Tasks in %s start only if that account's policies of the secret and of its key allow the execution role, which can't be checked from here.", j.containerName(i), name.Account, here.Account),
			"Keep a copy of the secret in this account, and name the copy in credentialsParameter.")
	case name.Partition != "" && here.Partition != "" && name.Partition != here.Partition:
		j.report("credential-in-other-account", finding.Error,
			fmt.Sprintf("The %s is pulled with a secret of the partition %s, but the task definition is in the partition %s.", j.containerName(i), name.Partition, here.Partition),
			"Keep a copy of the secret in this account, and name the copy in credentialsParameter.")
	case name.Region != "" && here.Region != "" && name.Region != here.Region:
		j.report("credential-in-other-region", finding.Info,
			fmt.Sprintf("The %s is pulled with a secret in %s. Tasks in %s start only while that Region answers.", j.containerName(i), name.Region, here.Region),
			"Replicate the secret to this Region, and name the replica in credentialsParameter.")
	}
	named := j.Named[parameter]
	switch secret := j.secretOf(parameter); {
	case named.Gone:
		j.report("credential-gone", finding.Error,
			fmt.Sprintf("The %s is pulled with the secret %s, which doesn't exist in this account and Region. No task of this definition starts.", j.containerName(i), shownSecret(parameter)),
			"Name a secret that exists"+j.inItsPlace(i)+". A secret of another Region must be named by its ARN.")
	case secret != nil && secret.Deleted:
		j.report("credential-gone", finding.Error,
			fmt.Sprintf("The %s is pulled with the secret %s, which is scheduled for deletion and can't be read. No task of this definition starts.", j.containerName(i), secret.Name),
			"Restore the secret with aws secretsmanager restore-secret, or name another one"+j.inItsPlace(i)+".")
	}
}

// inItsPlace names the tagged secret that would serve a container's image.
func (j *judgement) inItsPlace(i int) string {
	container := j.Definition.ContainerDefinitions[i]
	reference, err := image.Parse(aws.ToString(container.Image))
	if err != nil {
		return ""
	}
	if serving := j.choice(container, reference).serving; serving != nil {
		return fmt.Sprintf(", such as %s, which is tagged for the registry (REPLACE_CREDENTIALS=yes names it)", serving.ARN)
	}
	return ""
}

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
			j.report("secret-keys", finding.Error,
				fmt.Sprintf("ECS can't log in to the registry with the secret %s: %s.", j.taggedSecret(arn).Name, problem),
				`Write the secret's value as {"username": "…", "password": "…"}.`)
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
