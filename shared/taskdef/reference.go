package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// reference is a valueFrom: of a container's secrets, of the secretOptions of a
// log configuration, or of another field that takes a secret.
type reference struct {
	// field says where it stands, container whose it is, -1 for the definition's.
	field     string
	container int
	name      string
	// secret is the name or ARN of a secret, without what follows it; parameter the
	// name or ARN of a parameter. Both are "" where it is wrong.
	secret, parameter string
	// key is the JSON key that is taken of the secret, "" for all of it.
	key string
	// problem says what is wrong with it, without showing it.
	problem string
}

// parameterName is what Systems Manager lets a parameter's name be (and up to 1,011
// characters long).
var parameterName = lazyregexp.New(`^[A-Za-z0-9_./-]+$`)

// references lists the definition's, in their order.
func (j *judgement) references() (all []reference) {
	for i, container := range j.Definition.ContainerDefinitions {
		add := func(field string, secrets []types.Secret) {
			for _, secret := range secrets {
				value := aws.ToString(secret.ValueFrom)
				read := readReference(value)
				if j.Unregistered != nil && !isWholeARN(value) && j.leftOpen(value) {
					// What is filled in later can be wrong already.
					if read = readOpenReference(value); read.problem == "" {
						continue
					}
				}
				read.field, read.container, read.name = field, i, aws.ToString(secret.Name)
				all = append(all, read)
			}
		}
		add("secrets", container.Secrets)
		if container.LogConfiguration != nil {
			add("secretOptions", container.LogConfiguration.SecretOptions)
		}
	}
	return all
}

// isWholeARN recognizes an ARN in which nothing is filled in later, although a
// secret may be named as placeholders are (PROD_DB).
func isWholeARN(value string) bool {
	parsed, err := arn.Parse(value)
	return err == nil && wholeAccount.MatchString(parsed.AccountID) && !strings.ContainsAny(value, "<>{}$%`()[]")
}

var (
	wholeAccount = lazyregexp.New(`^\d{12}$`)
	// filledIn is a value that a tool fills in, as CloudFormation, Terraform and
	// ecspresso write it.
	filledIn = lazyregexp.New(`\$\{[^{}]*\}|\{\{[^{}]*\}\}`)
	// secretFilledIn is the ARN of a secret that a tool fills in, by its name, with
	// what follows it in the file.
	secretFilledIn = lazyregexp.New(`^(?:\$\{([^{}]*)\}|\{\{([^{}]*)\}\})((?::[^:{}$]*)+)$`)
)

// readOpenReference finds what is wrong with a valueFrom whatever a tool fills in:
// the number of parts behind a secret's name. There is no problem where it can't tell.
func readOpenReference(value string) reference {
	if named := secretFilledIn.FindStringSubmatch(value); named != nil {
		name := strings.ToLower(named[1] + named[2])
		if strings.Contains(name, "secret") && !strings.Contains(name, "param") && !strings.Contains(name, "ssm") {
			return readARN("arn:aws:secretsmanager:us-east-1:123456789012:secret:x" + named[3])
		}
		return reference{}
	}
	const filler = "\x00"
	parts := strings.SplitN(filledIn.ReplaceAllString(value, filler), ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "secretsmanager" || strings.HasSuffix(parts[5], filler) {
		return reference{}
	}
	for i, example := range map[int]string{1: "aws", 3: "us-east-1", 4: "123456789012"} {
		if !strings.HasPrefix(parts[i], filler) && (i != 4 || wholeAccount.MatchString(parts[i])) {
			continue
		}
		parts[i] = example
	}
	read := readARN(strings.ReplaceAll(strings.Join(parts, ":"), filler, "x"))
	if !strings.Contains(read.problem, afterTheName) {
		// Anything else may come of what is filled in.
		read.problem = ""
	}
	return read
}

// readReference reads a valueFrom as the agent does (agent/taskresource/asmsecret,
// getASMParametersFromInput): of Secrets Manager, a secret's ARN, alone or followed
// by exactly three more parts, ":key:stage:version", each of which may be empty.
func readReference(value string) reference {
	switch {
	case value == "":
		return reference{problem: "is empty or missing (ECS doesn't take the secret itself as value)"}
	case strings.HasPrefix(value, "arn:"):
		return readARN(value)
	case !parameterName.MatchString(value) || secretshape.IsMisplaced(value):
		return reference{problem: "is neither an ARN nor the name of a parameter, and may be the secret itself"}
	}
	return reference{parameter: value}
}

func readARN(value string) reference {
	parsed, err := arn.Parse(value)
	if err != nil {
		return reference{problem: "isn't a complete ARN"}
	}
	parts := strings.Split(parsed.Resource, ":")
	switch {
	case (parsed.Service == "ssm" || parsed.Service == "secretsmanager") && !wholeAccount.MatchString(parsed.AccountID) && !strings.ContainsAny(parsed.AccountID, "${}<>") && strings.Trim(parsed.AccountID, "0123456789") == "":
		return reference{problem: "has no account id of 12 digits"}
	case parsed.Service == "ssm" && strings.HasPrefix(parsed.Resource, "parameter/") && parameterName.MatchString(parsed.Resource):
		return reference{parameter: value}
	case parsed.Service != "secretsmanager":
		return reference{problem: "is neither the ARN of a secret nor that of a parameter"}
	case parts[0] != "secret" || len(parts) < 2 || parts[1] == "":
		return reference{problem: "is not the ARN of a secret, which is arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"}
	case len(parts) != 2 && len(parts) != 5:
		return reference{problem: fmt.Sprintf("has %s %s, and ECS takes none or exactly three: JSON key, version stage and version id, as in \":password::\"", partsCounted(len(parts)-2), afterTheName)}
	case len(parts) == 5 && parts[3] != "" && parts[4] != "":
		return reference{problem: "names a version stage and a version id, and Secrets Manager takes only one of them"}
	}
	parsed.Resource = "secret:" + parts[1]
	read := reference{secret: parsed.String()}
	if _, err := parseSecret(read.secret); err != nil {
		return reference{problem: "names no secret: " + err.Error()}
	}
	if len(parts) == 5 {
		read.key = parts[2]
	}
	return read
}

// afterTheName tells the problem apart that a value has whatever is filled in.
const afterTheName = "after the secret's name"

// partsCounted counts the parts that follow a secret's name.
func partsCounted(count int) string {
	if count == 1 {
		return "1 part"
	}
	return fmt.Sprintf("%d parts", count)
}

// secretReferences judges what the containers take from Secrets Manager and from
// Systems Manager.
func (j *judgement) secretReferences() {
	for _, reference := range j.references() {
		values := []finding.Value{finding.Words("variable", shownName(reference.name)), finding.Words("field", reference.field)}
		with := func(template finding.Template, more ...finding.Value) {
			path := reference.field
			if path == "secretOptions" {
				path = "logConfiguration.secretOptions"
			}
			j.report(j.inItem(reference.container, path, "name", reference.name, template, append(values, more...)...))
		}
		place := j.place()
		parsed, _ := parseSecret(reference.secret)
		named, secret := j.Named[reference.secret], j.secretOf(reference.secret)
		keys, read := SecretKeys{}, false
		if secret != nil {
			keys, read = j.Keys[secret.ARN]
		}
		switch {
		case reference.problem != "":
			with(referenceInvalid, finding.Words("problem", reference.problem))
		case parsed.Partition != "" && place.Partition != "" && parsed.Partition != place.Partition:
			with(referencePartition, finding.Name("partition", parsed.Partition), finding.Name("here", place.Partition))
		case named.Gone && isPartialARN(reference.secret):
			with(secretGonePartial, finding.Words("secret", shownSecret(reference.secret)))
		case named.Gone:
			with(secretGone, finding.Words("secret", shownSecret(reference.secret)))
		case secret != nil && secret.Deleted:
			with(secretDeleted, finding.Name("secret", secret.Name))
		case reference.key != "" && read && !keys.Unread && !slices.Contains(keys.Names, reference.key):
			with(secretKeyMissing, finding.Name("secret", secret.Name))
		}
	}
}

// isPartialARN reports whether an ARN may lack the six characters at its end and seem
// to have them: a name that itself ends in a hyphen and six characters is taken for a
// whole ARN ("What's in a Secrets Manager secret?").
func isPartialARN(name string) bool {
	return strings.HasPrefix(name, "arn:") && suffixed.MatchString(name)
}
