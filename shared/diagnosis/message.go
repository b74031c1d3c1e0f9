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
	return f.subjectAs(what, name)
}

// inSentence is shownSubject for the middle of a sentence.
func (f Failure) inSentence() finding.Value {
	what, name := f.who()
	return finding.Words("subject", f.subjectAs(strings.ToLower(what), name))
}

func (f Failure) subjectAs(what, name string) string {
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

// cause says what caused the failure in a sentence, with what was confirmed.
func (o Observation) cause() string {
	for _, said := range []func(Observation) (finding.Finding, bool){Observation.imageCause, Observation.secretCause, Observation.denial, Observation.otherCause} {
		if f, found := said(o); found {
			return f.Message
		}
	}
	return stopreason.Known(o.Failure.Reason.ID).Cause
}

// because is a cause that was found.
func because(template finding.Template, values ...finding.Value) (finding.Finding, bool) {
	return template.With(values...), true
}

// deniedRole names the role that was refused.
func (o Observation) deniedRole() finding.Value {
	switch {
	case o.role() != "":
		return finding.Words("role", "role "+shownName(lastPart(o.role())))
	case o.isInstanceRole():
		return finding.Words("role", "instance role")
	default:
		return finding.Words("role", "execution role")
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

// imageCause says what a registry answered.
func (o Observation) imageCause() (finding.Finding, bool) {
	credential := secretName(o.credential())
	secret, status := finding.Words("secret", credential), statusIn(o.Failure.Reason.Text)
	answered := finding.Words("status", status)
	switch o.Failure.Reason.ID {
	case "registry-wrong-credential":
		switch {
		case credential != "" && status != "":
			return because(secretCredentialRefusedStatus, secret, answered)
		case credential != "":
			return because(secretCredentialRefused, secret)
		case status != "":
			return because(instanceCredentialRefusedStatus, answered)
		}
		return because(instanceCredentialRefused)
	case "registry-no-credential":
		if credential != "" {
			return because(secretCredentialNotTaken, secret)
		}
		return because(imagePrivate)
	case "registry-rate-limit":
		if credential == "" {
			return because(anonymousPullsLimited)
		}
		return because(pullLimitUsedUp)
	case "registry-forbidden":
		if credential != "" {
			return because(secretCredentialForbidden, secret)
		}
		return because(credentialForbidden)
	case "image-denied-or-absent":
		switch {
		case o.visibility() == registry.NoSuchImage:
			return because(imageAbsent)
		case o.definition() != nil && credential == "":
			return because(imagePrivateOrAbsent)
		}
		return because(imageAbsentOrUnsent)
	}
	return finding.Finding{}, false
}

// secretCause says what is wrong with a secret, a parameter, a file or a log group
// itself.
func (o Observation) secretCause() (finding.Finding, bool) {
	secret := finding.Words("secret", o.object())
	switch o.Failure.Reason.ID {
	case "registry-secret-gone", "secret-gone":
		answer, ok := o.secret()
		switch {
		case !ok || answer.Gone || answer.Unknown != "":
			return because(secretGone, secret)
		case !answer.Deleted.IsZero():
			return because(secretDeletedOn, secret, finding.Words("day", answer.Deleted.UTC().Format(time.DateOnly)))
		}
		return because(secretEmpty, secret)
	case "secret-marked-for-deletion":
		return because(secretDeleted, secret)
	case "secret-key-missing":
		key := shown(o.Failure.Reason.Named.SecretKey)
		if key == "" {
			return because(secretKeyMissing)
		}
		return because(secretKeyNamedMissing, finding.Words("key", key))
	case "ssm-gone":
		return because(parameterGone, finding.Words("parameter", o.object()))
	case "env-file-gone":
		return because(environmentFileGone, finding.Words("file", o.fileName()))
	case "log-group-gone":
		return because(logGroupGone, finding.Words("group", o.logGroup()))
	}
	return finding.Finding{}, false
}

// denial says what a role may not do, and which policy denies it where that isn't the
// role's own lack.
func (o Observation) denial() (finding.Finding, bool) {
	f, found := o.denied()
	if denier, known := denierOf(o.Failure.Reason); found && known && f.Code != fileCalledForbidden.Code {
		f = f.Also(denier)
	}
	return f, found
}

func (o Observation) denied() (finding.Finding, bool) {
	role := o.deniedRole()
	switch o.Failure.Reason.ID {
	case "registry-secret-denied", "secret-denied":
		return because(mayNotReadSecret, role, finding.Words("secret", o.object()))
	case "ssm-denied":
		return because(mayNotReadParameter, role, finding.Words("parameter", o.object()))
	case "secret-kms-denied":
		return because(mayNotDecrypt, role)
	case "ecr-token-denied":
		return because(mayNotGetToken, role)
	case "ecr-pull-denied":
		return because(mayNotPull, role)
	case "env-file-denied":
		if file, answer, ok := o.fileAnswer(); ok && answer.Gone {
			return because(fileCalledForbidden, finding.Words("file", shown(file)))
		}
		return because(mayNotReadFile, role, finding.Words("file", o.fileName()))
	case "log-denied":
		return because(mayNotLog, role, finding.Words("group", o.logGroup()))
	case stopreason.RegistrationDenied:
		return because(mayNotRegister, role)
	}
	return finding.Finding{}, false
}

// otherCause says what keeps roles, instances and placements from working.
func (o Observation) otherCause() (finding.Finding, bool) {
	switch o.Failure.Reason.ID {
	case "role-not-assumable", "execution-credentials-absent", "ecr-execution-credentials-absent":
		return o.roleCause()
	case stopreason.ClusterAbsent:
		if o.Failure.Cluster == "" {
			return because(itsClusterAbsent)
		}
		return because(clusterAbsent, finding.Words("cluster", shown(o.Failure.Cluster)))
	case stopreason.RegistrationRefused:
		return because(registrationRefused)
	case stopreason.NotRegistered:
		return o.instanceCause()
	case "place-attribute":
		switch missing := o.missingAttributes(); len(missing) {
		case 0:
			return because(attributeMissing)
		case 1:
			return because(attributeNamedMissing, finding.Words("attribute", missing[0]))
		default:
			return because(attributesMissing, finding.Words("attributes", strings.Join(missing, ", ")))
		}
	case "place-no-instances":
		return because(clusterEmpty)
	case "place-agent":
		return because(agentDisconnected)
	case stopreason.Unrecognised:
		if o.Failure.Reason.Class != "" {
			return because(reasonOfUnknownClass, finding.Words("class", shown(o.Failure.Reason.Class)))
		}
		return because(reasonUnknown)
	}
	return finding.Finding{}, false
}

func lowerFirst(text string) string {
	if len(text) < 2 || (text[1] >= 'A' && text[1] <= 'Z') || strings.HasPrefix(text, "Amazon") || strings.HasPrefix(text, "Docker") || strings.HasPrefix(text, "FireLens") {
		return text
	}
	return strings.ToLower(text[:1]) + text[1:]
}

// statusIn gives the HTTP status that the text names, "" for none.
func statusIn(text string) string {
	for _, code := range []string{"401", "403"} {
		if strings.Contains(text, code+" ") || strings.HasSuffix(text, code) {
			return code
		}
	}
	return ""
}

// denierOf says which policy refused where it isn't the role's own lack.
func denierOf(r stopreason.Reason) (said finding.Template, known bool) {
	switch {
	case r.DeniedBy == "" || r.Ours != stopreason.No:
		return said, false
	case strings.HasPrefix(r.DeniedBy, "organization"):
		return deniedByOrganization, true
	case r.DeniedBy == "boundary":
		return deniedByBoundary, true
	case strings.HasPrefix(r.DeniedBy, "VPC endpoint"):
		return deniedByEndpoint, true
	case strings.HasPrefix(r.DeniedBy, "the object"):
		return deniedByResource, true
	default:
		return deniedByPolicy, true
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

func (o Observation) roleCause() (finding.Finding, bool) {
	name, answer := o.askedRole()
	role := finding.Words("role", shownName(name))
	switch {
	case name == "":
		return because(roleNameless)
	case answer.Gone:
		return because(roleGone, role)
	case answer.Unknown == "" && answer.Distrusts:
		return because(roleDistrusts, role)
	default:
		return because(roleGaveNothing, role)
	}
}

func (o Observation) instanceCause() (finding.Finding, bool) {
	instance, asked := o.Answers[Question{Kind: AskInstance, Subject: o.Failure.Instance}]
	switch {
	case asked && instance.Gone:
		return because(instanceGone)
	case asked && instance.Status != "" && instance.Status != "running":
		return because(instanceNotRunning, finding.Words("state", shown(instance.Status)))
	case asked && instance.Unknown == "" && instance.Profile == "":
		return because(instanceWithoutProfile)
	case !asked:
		return because(instanceNotRegistered)
	}
	profile := o.Answers[Question{Kind: AskProfile, Subject: lastPart(instance.Profile)}]
	if profile.Unknown == "" && profile.Role == "" {
		return because(profileWithoutRole)
	}
	for question, answer := range o.Answers {
		if question.Kind == AskRight && answer.Unknown == "" && !answer.Allowed {
			return because(mayNotRegister, finding.Words("role", "role "+shownName(lastPart(question.Role))))
		}
	}
	return because(instanceKeptOut)
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
