package diagnosis

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"ecsguardrails/shared/registry"
	"ecsguardrails/shared/stopreason"
)

// verb says what can't be done, before the colon.
func (o Observation) verb() string {
	f := o.Failure
	subject := f.Who()
	if f.Cluster != "" {
		subject += " (" + shown(f.Cluster) + ")"
	}
	image := shown(withoutTag(o.image()))
	switch {
	case f.Cached && image != "":
		return fmt.Sprintf("%s runs on a cached image, since %s can't be pulled", subject, image)
	case f.Cached:
		return subject + " runs on a cached image, since its image can't be pulled"
	case f.Instance != "" && f.Reason.ID == "place-agent":
		return subject + " has lost its agent"
	case f.Instance != "":
		return subject + " can't join its cluster"
	case strings.HasPrefix(string(f.Reason.ID), "place-"):
		return subject + " can't place a task"
	case isPull(f.Reason) && image != "":
		return fmt.Sprintf("%s can't pull %s", subject, image)
	default:
		return subject + " can't start a task"
	}
}

func isPull(r stopreason.Reason) bool {
	id := string(r.ID)
	return strings.HasPrefix(id, "registry-") && !strings.HasPrefix(id, "registry-secret") || strings.HasPrefix(id, "image-") || strings.HasPrefix(id, "pull-") || strings.HasPrefix(id, "ecr-pull")
}

// withoutTag keeps an image's name readable on a lock screen.
func withoutTag(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name = name[:colon]
	}
	return name
}

// maxShown bounds a name that a stranger chose.
const maxShown = 120

// onOneLine drops what no name of AWS's has, and a terminal or a mail would take
// for more than text.
func onOneLine(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == '`' {
			return -1
		}
		return r
	}, name)
}

// shown gives a name on one line, cut where it is long.
func shown(name string) string {
	name = onOneLine(name)
	if len(name) > maxShown {
		name = strings.ToValidUTF8(name[:maxShown], "") + "…"
	}
	return name
}

// secretName is a secret's name without what its ARN has around it.
func secretName(id string) string {
	_, name, found := strings.Cut(id, ":secret:")
	if !found {
		return shown(id)
	}
	name, _, _ = strings.Cut(name, ":")
	// Secrets Manager ends an ARN with a hyphen and six characters.
	if at := len(name) - 7; at > 0 && name[at] == '-' {
		name = name[:at]
	}
	return shown(name)
}

// why says the cause in a clause, with what was confirmed.
func (o Observation) why() string {
	f := o.Failure
	named := f.Reason.Named
	role := "the execution role"
	switch {
	case o.role() != "":
		role = "role " + shown(lastPart(o.role()))
	case o.isInstanceRole():
		role = "the instance role"
	}
	object := shown(f.Reason.Object)
	if strings.HasPrefix(object, "arn:") && strings.Contains(object, ":secret:") {
		object = secretName(object)
	}
	if object == "" {
		object = "that the task definition names"
	}
	switch f.Reason.ID {
	case "registry-wrong-credential":
		if secret := o.credential(); secret != "" {
			return fmt.Sprintf("the credential in secret %s was refused%s", secretName(secret), status(f.Reason.Text))
		}
		return "the registry refused the credential" + status(f.Reason.Text) + "; the task definition names none, so it comes from the instance's ecs.config"
	case "registry-no-credential":
		if secret := o.credential(); secret != "" {
			return fmt.Sprintf("the registry asks for a credential and doesn't take that of secret %s", secretName(secret))
		}
		return "it is private, and the task definition names no credential"
	case "registry-rate-limit":
		if o.credential() == "" {
			return "the registry limits pulls without a login"
		}
		return "the registry's pull limit is used up"
	case "registry-forbidden":
		if secret := o.credential(); secret != "" {
			return fmt.Sprintf("the registry doesn't let the credential in secret %s read it", secretName(secret))
		}
		return "the registry doesn't let the credential read it"
	case "image-denied-or-absent":
		switch {
		case o.visibility() == registry.NoSuchImage:
			return "the registry has no such image"
		case o.definition() != nil && o.credential() == "":
			return "it is private or doesn't exist, and the task definition names no credential"
		}
		return "it doesn't exist, or needs a credential that wasn't sent"
	case "registry-secret-gone", "secret-gone":
		if answer, ok := o.secret(); ok && !answer.Gone && answer.Unknown == "" {
			if !answer.Deleted.IsZero() {
				return fmt.Sprintf("secret %s is scheduled for deletion on %s", object, answer.Deleted.UTC().Format(time.DateOnly))
			}
			return fmt.Sprintf("secret %s has no current value, or was created after the task", object)
		}
		return fmt.Sprintf("secret %s doesn't exist", object)
	case "secret-marked-for-deletion":
		return fmt.Sprintf("secret %s is scheduled for deletion", object)
	case "registry-secret-denied", "secret-denied":
		return fmt.Sprintf("%s may not read secret %s%s", role, object, denier(f.Reason))
	case "ssm-denied":
		return fmt.Sprintf("%s may not read parameter %s%s", role, object, denier(f.Reason))
	case "ssm-gone":
		return fmt.Sprintf("parameter %s doesn't exist", object)
	case "secret-kms-denied":
		return fmt.Sprintf("%s may not decrypt with the KMS key of the secret%s", role, denier(f.Reason))
	case "secret-key-missing":
		return fmt.Sprintf("the secret has no JSON key %s", shown(named.SecretKey))
	case "ecr-token-denied":
		return role + " may not get an Amazon ECR token" + denier(f.Reason)
	case "ecr-pull-denied":
		return fmt.Sprintf("%s may not pull from the repository%s", role, denier(f.Reason))
	case "env-file-denied":
		if file, answer, ok := o.fileAnswer(); ok && answer.Gone {
			return fmt.Sprintf("the environment file %s doesn't exist (Amazon S3 calls it forbidden, since s3:ListBucket isn't allowed)", shown(file))
		}
		return fmt.Sprintf("%s may not read the environment file %s%s", role, shown(o.file()), denier(f.Reason))
	case "env-file-gone":
		return fmt.Sprintf("the environment file %s doesn't exist", shown(o.file()))
	case "log-denied":
		return fmt.Sprintf("%s may not write to log group %s%s", role, o.logGroup(), denier(f.Reason))
	case "log-group-gone":
		return fmt.Sprintf("log group %s doesn't exist", o.logGroup())
	case "role-not-assumable", "execution-credentials-absent", "ecr-execution-credentials-absent":
		return o.whyRole()
	case stopreason.RegistrationDenied:
		return fmt.Sprintf("%s may not register it%s", role, denier(f.Reason))
	case stopreason.ClusterAbsent:
		return fmt.Sprintf("cluster %s doesn't exist or isn't active", shown(f.Cluster))
	case stopreason.RegistrationRefused:
		return "Amazon ECS refuses what it registers with"
	case stopreason.NotRegistered:
		return o.whyOut()
	case "place-attribute":
		if missing := o.missingAttributes(); len(missing) > 0 {
			return "no instance has the attribute " + strings.Join(missing, ", ")
		}
		return "no instance has an attribute that the task definition requires"
	case "place-no-instances":
		return "the cluster has no container instance"
	case "place-agent":
		return "the agent is disconnected"
	case stopreason.Unrecognised:
		if f.Reason.Class != "" {
			return "the reason isn't known here (" + f.Reason.Class + ")"
		}
		return "the reason isn't known here"
	}
	cause, _, _ := strings.Cut(strings.TrimPrefix(stopreason.Known(f.Reason.ID).Advice, "Network: "), ". ")
	return lowerFirst(strings.TrimSuffix(cause, "."))
}

func lowerFirst(text string) string {
	if len(text) < 2 || (text[1] >= 'A' && text[1] <= 'Z') || strings.HasPrefix(text, "Amazon") || strings.HasPrefix(text, "Docker") || strings.HasPrefix(text, "FireLens") {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// status gives the HTTP status that the text names.
func status(text string) string {
	for _, code := range []string{"401", "403"} {
		if strings.Contains(text, code+" ") || strings.HasSuffix(text, code) {
			return " (" + code + ")"
		}
	}
	return ""
}

// denier names the policy that refused where it isn't the role's own lack.
func denier(r stopreason.Reason) string {
	switch {
	case r.DeniedBy == "" || r.Ours != stopreason.No:
		return ""
	case strings.HasPrefix(r.DeniedBy, "organization"):
		return ": a policy of the organization denies it"
	case r.DeniedBy == "boundary":
		return ": its permissions boundary doesn't allow it"
	case strings.HasPrefix(r.DeniedBy, "VPC endpoint"):
		return ": the VPC endpoint's policy doesn't allow it"
	case strings.HasPrefix(r.DeniedBy, "the object"):
		return ": the resource's own policy doesn't allow it"
	default:
		return ": one of its policies denies it"
	}
}

func (o Observation) whyRole() string {
	name, answer := o.Failure.Reason.Named.Role, Answer{Unknown: "not asked"}
	if name == "" {
		name = lastPart(o.executionRole())
	}
	if found, asked := o.Answers[Question{Kind: AskRole, Subject: name}]; asked {
		answer = found
	}
	switch {
	case name == "" || name == ".":
		return "the task has no credentials of an execution role"
	case answer.Gone:
		return fmt.Sprintf("role %s doesn't exist", shown(name))
	case answer.Unknown == "" && answer.Distrusts:
		return fmt.Sprintf("role %s doesn't trust ecs-tasks.amazonaws.com", shown(name))
	default:
		return fmt.Sprintf("Amazon ECS got no credentials of role %s", shown(name))
	}
}

func (o Observation) whyOut() string {
	instance, asked := o.Answers[Question{Kind: AskInstance, Subject: o.Failure.Instance}]
	switch {
	case asked && instance.Gone:
		return "it doesn't exist"
	case asked && instance.Status != "" && instance.Status != "running":
		return "it is " + instance.Status
	case asked && instance.Unknown == "" && instance.Profile == "":
		return "it has no instance profile"
	case !asked:
		return "it isn't registered"
	}
	profile := o.Answers[Question{Kind: AskProfile, Subject: lastPart(instance.Profile)}]
	if profile.Unknown == "" && profile.Role == "" {
		return "its instance profile holds no role"
	}
	for question, answer := range o.Answers {
		if question.Kind == AskRight && answer.Unknown == "" && !answer.Allowed {
			return fmt.Sprintf("role %s may not register it", shown(lastPart(question.Role)))
		}
	}
	return "its role may register it, so its ecs.config, user data, agent or network keeps it out"
}

func (o Observation) secret() (Answer, bool) {
	id := o.credential()
	if id == "" {
		id = secretID(o.Failure.Reason.Object)
	}
	answer, ok := o.Answers[Question{Kind: AskSecret, Subject: id}]
	return answer, ok
}

func (o Observation) fileAnswer() (string, Answer, bool) {
	file := o.file()
	answer, ok := o.Answers[Question{Kind: AskFile, Subject: file}]
	return file, answer, ok
}

func (o Observation) visibility() registry.Visibility {
	answer, ok := o.Answers[Question{Kind: AskImage, Subject: o.image()}]
	if !ok || answer.Unknown != "" {
		return registry.UnknownVisibility
	}
	return registry.VisibilityOf(answer.Image)
}

func (o Observation) logGroup() string {
	if o.Failure.Reason.Named.LogGroup != "" {
		return shown(o.Failure.Reason.Named.LogGroup)
	}
	if d := o.definition(); d != nil {
		for _, container := range d.ContainerDefinitions {
			if container.LogConfiguration == nil || (o.Failure.Container != "" && container.Name != nil && *container.Name != o.Failure.Container) {
				continue
			}
			if group := container.LogConfiguration.Options["awslogs-group"]; group != "" {
				return shown(group)
			}
		}
	}
	return "that the task definition names"
}

// missingAttributes are what the definition requires and no instance has.
func (o Observation) missingAttributes() []string {
	var required, have []string
	known := false
	for question, answer := range o.Answers {
		switch {
		case question.Kind == AskDefinition && answer.Definition != nil:
			for _, attribute := range answer.Definition.RequiresAttributes {
				if attribute.Name != nil {
					required = append(required, *attribute.Name)
				}
			}
		case question.Kind == AskAttributes && !answer.Gone && answer.Unknown == "":
			have, known = answer.Attributes, true
		}
	}
	if !known {
		return nil
	}
	var missing []string
	for _, name := range required {
		if !contains(have, name) {
			missing = append(missing, shown(name))
		}
	}
	return missing
}

func contains(sorted []string, wanted string) bool {
	for _, one := range sorted {
		if one == wanted {
			return true
		}
	}
	return false
}
