package taskdef

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/image"
	"ecsguardrails/shared/lazyregexp"
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
// wrong with it.
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

// credentials judges the secrets that containers name, whoever chose them.
func (j *judgement) credentials() {
	for i, container := range j.Definition.ContainerDefinitions {
		// What the patch is going to take away or to put there was judged already.
		parameter := credentialOf(container)
		switch {
		case j.leftOpen(parameter), j.credentialAfter(i) != parameter:
		case parameter != "":
			j.credential(i, parameter)
		case container.RepositoryCredentials != nil:
			j.report("credential-invalid", finding.Error,
				fmt.Sprintf("%s has repositoryCredentials that name no secret", j.containerName(i)),
				"name the secret in credentialsParameter by its ARN")
		}
	}
}

func (j *judgement) credential(i int, parameter string) {
	name, err := ParseCredential(parameter)
	if err != nil {
		j.report("credential-invalid", finding.Error,
			fmt.Sprintf("%s is pulled with %q, which cannot work: %v", j.containerName(i), finding.Shortened(parameter), err),
			"name the secret in credentialsParameter by its ARN")
		return
	}
	at := j.place()
	switch {
	case name.Account != "" && at.Account != "" && name.Account != at.Account:
		// The guide's older editions rule it out ("must be in the same account"), the
		// later ones let it be named by its ARN ("Private registry authentication").
		j.report("credential-in-other-account", finding.Warning,
			fmt.Sprintf("%s is pulled with a secret of the account %s: tasks in %s start only if that account's policies of the secret and of its key let the execution role in, which cannot be seen from here", j.containerName(i), name.Account, at.Account),
			"keep a copy of the secret in this account, and name that")
	case name.Partition != "" && at.Partition != "" && name.Partition != at.Partition:
		j.report("credential-in-other-account", finding.Error,
			fmt.Sprintf("%s is pulled with a secret of the partition %s, and the definition is in %s", j.containerName(i), name.Partition, at.Partition),
			"keep a copy of the secret in this account, and name that")
	case name.Region != "" && at.Region != "" && name.Region != at.Region:
		j.report("credential-in-other-region", finding.Info,
			fmt.Sprintf("%s is pulled with a secret in %s: tasks in %s start only while that region answers", j.containerName(i), name.Region, at.Region),
			"replicate the secret to this region, and name the replica")
	}
	named := j.Named[parameter]
	switch secret := j.secretOf(parameter); {
	case named.Gone:
		j.report("credential-gone", finding.Error,
			fmt.Sprintf("%s is pulled with the secret %s, which does not exist here: no task of this definition starts", j.containerName(i), finding.Shortened(parameter)),
			"name a secret that exists"+j.inItsPlace(i)+"; one of another region has to be named by its ARN")
	case secret != nil && secret.Deleted:
		j.report("credential-gone", finding.Error,
			fmt.Sprintf("%s is pulled with the secret %s, which is scheduled for deletion and cannot be read", j.containerName(i), secret.Name),
			"restore the secret, or name another one"+j.inItsPlace(i))
	}
}

// inItsPlace names the tagged secret that would serve a container's image.
func (j *judgement) inItsPlace(i int) string {
	reference, err := image.Parse(aws.ToString(j.Definition.ContainerDefinitions[i].Image))
	if err != nil {
		return ""
	}
	if serving := j.Secrets.serving(reference); len(serving) == 1 {
		return fmt.Sprintf(", such as %s, which is tagged for the registry (REPLACE_CREDENTIALS=yes does it)", serving[0].ARN)
	}
	return ""
}

// secretKeys judges the values of the secrets that will be read, by their keys.
func (j *judgement) secretKeys() {
	judged := map[string]bool{}
	for i := range j.Definition.ContainerDefinitions {
		secret := j.secretOf(j.credentialAfter(i))
		if secret == nil || judged[secret.ARN] || j.KeyProblems[secret.ARN] == "" {
			continue
		}
		judged[secret.ARN] = true
		j.report("secret-keys", finding.Error,
			fmt.Sprintf("ECS cannot log in with the secret %s: %s", secret.Name, j.KeyProblems[secret.ARN]),
			`make its value {"username": "…", "password": "…"}`)
	}
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
