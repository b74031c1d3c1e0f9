package diagnosis

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// verb says what can't be done, before the colon.
func (o Observation) verb() string {
	f := o.Failure
	subject := f.shownSubject()
	image := brief(shown(withoutTag(o.image())), maxImage)
	switch {
	case f.Cached && image != "":
		return fmt.Sprintf("%s runs on a cached image, because %s can't be pulled", subject, image)
	case f.Cached:
		return subject + " runs on a cached image, because its image can't be pulled"
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

// shownSubject begins a sentence with what failed, and its cluster if it is known.
func (f Failure) shownSubject() string {
	what, name := f.who()
	subject := what + brief(shownName(name), maxService-len(what))
	if cluster := brief(shown(f.Cluster), maxCluster); strings.HasPrefix(cluster, "(") {
		subject += " " + cluster
	} else if cluster != "" {
		subject += " (" + cluster + ")"
	}
	return subject
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

// What stands before the cause fits a lock screen, which shows about 120
// characters, whatever tools call services, clusters and repositories. The
// finding with the evidence has the whole names.
const (
	maxService = 36
	maxCluster = 20
	maxImage   = 40
)

// brief shortens a name in its middle: its beginning says whose it is, and its
// end what it is.
func brief(name string, most int) string {
	runes := []rune(name)
	switch {
	case len(runes) <= most:
		return name
	case runes[0] == '(':
		// What finding.Shown says instead of a secret.
		return "(not shown)"
	}
	front := (most - 1) / 2
	return string(runes[:front]) + "…" + string(runes[len(runes)-(most-1-front):])
}

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

// shown gives a name as a sentence shows it, "" for one that is empty.
func shown(name string) string {
	if strings.TrimSpace(onOneLine(name)) == "" {
		return ""
	}
	return shownName(name)
}

// shownName is finding.Shown for what ECS repeats of a definition, where a generated
// password may stand in a name's place.
func shownName(name string) string {
	if line := onOneLine(name); secretshape.Mask(line) != line {
		return "(not shown: it looks like a credential)"
	}
	return finding.Shown(name)
}

// secretName is a secret's name without what its ARN has around it.
func secretName(id string) string {
	_, name, found := strings.Cut(id, ":secret:")
	if !found {
		return shown(id)
	}
	name, _, _ = strings.Cut(name, ":")
	// Secrets Manager ends an ARN with a hyphen and six characters.
	if index := len(name) - 7; index > 0 && name[index] == '-' {
		name = name[:index]
	}
	return shown(name)
}

// why says the cause in a clause, with what was confirmed.
func (o Observation) why() string {
	for _, clause := range []func(Observation) string{Observation.whyImage, Observation.whySecret, Observation.whyDenied, Observation.whyElse} {
		if text := clause(o); text != "" {
			return text
		}
	}
	return lowerFirst(strings.TrimSuffix(stopreason.Known(o.Failure.Reason.ID).Cause, "."))
}

// deniedRole names the role that was refused.
func (o Observation) deniedRole() string {
	switch {
	case o.role() != "":
		return "the role " + shownName(lastPart(o.role()))
	case o.isInstanceRole():
		return "the instance role"
	default:
		return "the execution role"
	}
}

// fileName names the environment file that the text or the definition names.
func (o Observation) fileName() string {
	return cmp.Or(shown(o.file()), shown(o.Failure.Reason.Object), "that the task definition names")
}

// object names what the text says could not be used.
func (o Observation) object() string {
	object := shown(o.Failure.Reason.Object)
	switch {
	case strings.HasPrefix(object, "arn:") && strings.Contains(object, ":secret:"):
		return secretName(object)
	case object == "":
		return "that the task definition names"
	default:
		return object
	}
}

// whyImage says what a registry answered; "" for other causes.
func (o Observation) whyImage() string {
	text, secret := o.Failure.Reason.Text, secretName(o.credential())
	switch o.Failure.Reason.ID {
	case "registry-wrong-credential":
		if secret != "" {
			return fmt.Sprintf("the registry refused the credential in the secret %s%s", secret, status(text))
		}
		return "the registry refused the credential" + status(text) + "; the task definition names none, so it comes from the instance's ecs.config"
	case "registry-no-credential":
		if secret != "" {
			return fmt.Sprintf("the registry asks for a credential and doesn't take the one in the secret %s", secret)
		}
		return "it is private, and the task definition names no credential"
	case "registry-rate-limit":
		if secret == "" {
			return "the registry limits pulls without a login"
		}
		return "the registry's pull limit is used up"
	case "registry-forbidden":
		if secret != "" {
			return fmt.Sprintf("the registry doesn't let the credential in the secret %s read it", secret)
		}
		return "the registry doesn't let the credential read it"
	case "image-denied-or-absent":
		switch {
		case o.visibility() == registry.NoSuchImage:
			return "the registry has no such image"
		case o.definition() != nil && secret == "":
			return "it is private or doesn't exist, and the task definition names no credential"
		}
		return "it doesn't exist, or needs a credential that wasn't sent"
	default:
		return ""
	}
}

// whySecret says what is wrong with a secret, a parameter, a file or a log group
// itself; "" for other causes.
func (o Observation) whySecret() string {
	switch o.Failure.Reason.ID {
	case "registry-secret-gone", "secret-gone":
		if answer, ok := o.secret(); ok && !answer.Gone && answer.Unknown == "" {
			if !answer.Deleted.IsZero() {
				return fmt.Sprintf("the secret %s is scheduled for deletion on %s", o.object(), answer.Deleted.UTC().Format(time.DateOnly))
			}
			return fmt.Sprintf("the secret %s has no current value, or was created after the task", o.object())
		}
		return fmt.Sprintf("the secret %s doesn't exist", o.object())
	case "secret-marked-for-deletion":
		return fmt.Sprintf("the secret %s is scheduled for deletion", o.object())
	case "secret-key-missing":
		key := shown(o.Failure.Reason.Named.SecretKey)
		if key == "" {
			return "the secret doesn't have the JSON key that valueFrom names"
		}
		return fmt.Sprintf("the secret has no JSON key %s", key)
	case "ssm-gone":
		return fmt.Sprintf("the parameter %s doesn't exist", o.object())
	case "env-file-gone":
		return fmt.Sprintf("the environment file %s doesn't exist", o.fileName())
	case "log-group-gone":
		return fmt.Sprintf("the log group %s doesn't exist", o.logGroup())
	default:
		return ""
	}
}

// whyDenied says what a role may not do; "" for other causes.
func (o Observation) whyDenied() string {
	role, by := o.deniedRole(), denier(o.Failure.Reason)
	switch o.Failure.Reason.ID {
	case "registry-secret-denied", "secret-denied":
		return fmt.Sprintf("%s may not read the secret %s%s", role, o.object(), by)
	case "ssm-denied":
		return fmt.Sprintf("%s may not read the parameter %s%s", role, o.object(), by)
	case "secret-kms-denied":
		return fmt.Sprintf("%s may not decrypt with the KMS key of the secret%s", role, by)
	case "ecr-token-denied":
		return role + " may not get an Amazon ECR token" + by
	case "ecr-pull-denied":
		return fmt.Sprintf("%s may not pull from the repository%s", role, by)
	case "env-file-denied":
		if file, answer, ok := o.fileAnswer(); ok && answer.Gone {
			return fmt.Sprintf("the environment file %s doesn't exist (Amazon S3 calls it forbidden, because s3:ListBucket isn't allowed)", shown(file))
		}
		return fmt.Sprintf("%s may not read the environment file %s%s", role, o.fileName(), by)
	case "log-denied":
		return fmt.Sprintf("%s may not write to the log group %s%s", role, o.logGroup(), by)
	case stopreason.RegistrationDenied:
		return fmt.Sprintf("%s may not register the instance%s", role, by)
	default:
		return ""
	}
}

// whyElse says what keeps roles, instances and placements from working; "" for
// other causes.
func (o Observation) whyElse() string {
	switch o.Failure.Reason.ID {
	case "role-not-assumable", "execution-credentials-absent", "ecr-execution-credentials-absent":
		return o.whyRole()
	case stopreason.ClusterAbsent:
		if o.Failure.Cluster == "" {
			return "its cluster doesn't exist or isn't active"
		}
		return fmt.Sprintf("the cluster %s doesn't exist or isn't active", shown(o.Failure.Cluster))
	case stopreason.RegistrationRefused:
		return "Amazon ECS refuses the attributes or tags that it registers with"
	case stopreason.NotRegistered:
		return o.whyOut()
	case "place-attribute":
		if missing := o.missingAttributes(); len(missing) > 0 {
			if len(missing) == 1 {
				return "no instance has the attribute " + missing[0]
			}
			return "no instance has all of the attributes " + strings.Join(missing, ", ")
		}
		return "no instance has an attribute that the task definition requires"
	case "place-no-instances":
		return "the cluster has no container instance"
	case "place-agent":
		return "the agent is disconnected from Amazon ECS"
	case stopreason.Unrecognised:
		if o.Failure.Reason.Class != "" {
			return "the reason isn't known here (" + shown(o.Failure.Reason.Class) + ")"
		}
		return "the reason isn't known here"
	default:
		return ""
	}
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

// askedRole gives the role that Amazon ECS gets no credentials of, "" where none is
// named, and what IAM says about it.
func (o Observation) askedRole() (string, Answer) {
	name := o.Failure.Reason.Named.Role
	if name == "" {
		name = lastPart(o.executionRole())
	}
	if name == "." {
		name = ""
	}
	if found, asked := o.Answers[Question{Kind: AskRole, Subject: name}]; asked {
		return name, found
	}
	return name, Answer{Unknown: "not asked"}
}

func (o Observation) whyRole() string {
	name, answer := o.askedRole()
	switch {
	case name == "":
		return "the task has no credentials of an execution role"
	case answer.Gone:
		return fmt.Sprintf("the role %s doesn't exist", shownName(name))
	case answer.Unknown == "" && answer.Distrusts:
		return fmt.Sprintf("the role %s doesn't trust ecs-tasks.amazonaws.com", shownName(name))
	default:
		return fmt.Sprintf("Amazon ECS got no credentials of the role %s", shownName(name))
	}
}

func (o Observation) whyOut() string {
	instance, asked := o.Answers[Question{Kind: AskInstance, Subject: o.Failure.Instance}]
	switch {
	case asked && instance.Gone:
		return "the instance doesn't exist"
	case asked && instance.Status != "" && instance.Status != "running":
		return "the instance is " + shown(instance.Status)
	case asked && instance.Unknown == "" && instance.Profile == "":
		return "it has no instance profile"
	case !asked:
		return "the instance isn't registered"
	}
	profile := o.Answers[Question{Kind: AskProfile, Subject: lastPart(instance.Profile)}]
	if profile.Unknown == "" && profile.Role == "" {
		return "its instance profile holds no role"
	}
	for question, answer := range o.Answers {
		if question.Kind == AskRight && answer.Unknown == "" && !answer.Allowed {
			return fmt.Sprintf("the role %s may not register the instance", shownName(lastPart(question.Role)))
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
	if group := shown(o.Failure.Reason.Named.LogGroup); group != "" {
		return group
	}
	if d := o.definition(); d != nil {
		for _, container := range d.ContainerDefinitions {
			if container.LogConfiguration == nil || (o.Failure.Container != "" && container.Name != nil && *container.Name != o.Failure.Container) {
				continue
			}
			if group := shown(container.LogConfiguration.Options["awslogs-group"]); group != "" {
				return group
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
