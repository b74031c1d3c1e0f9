package diagnosis

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// Tags of registry secrets, as the other functions read them.
const (
	registryTag = "ecs-guardrails:registry"
	driverTag   = "ecs-guardrails:driver"
)

// The functions that can end a cause.
const (
	attachPolicies      = "attach-policies"
	patchTaskDefinition = "patch-task-definition"
	rotateSecret        = "rotate-secret"
)

// Action is what a plan does: it hands a cause over, or ends a failure's state.
type Action struct {
	// Function is who ends the cause, QueueURL its queue, Body the request.
	Function, QueueURL, Body string
	Target                   string
	// Refused is the action that AWS refused to the target, "" where none is known.
	Refused string
	// Close is a failure that is over.
	Close *State
}

// Describe says what an action does.
func (a Action) Describe() finding.Action {
	if a.Close != nil {
		return finding.Action{Kind: "DeleteObject", Target: statePrefix + a.Close.Group + ".json", Summary: "stop following the failure"}
	}
	summary := fmt.Sprintf("ask %s to look at %s", a.Function, a.Target)
	if a.Refused != "" {
		summary += ", which was refused " + a.Refused
	}
	return finding.Action{Kind: "SendMessage", Target: a.QueueURL, Summary: summary}
}

// plan says what failed, why, and who ends it.
func (d *Diagnosis) plan(o Observation) pipeline.Plan[Action] {
	f := o.Failure
	switch {
	case o.Told:
		return skipped(knownFailure.With(f.inSentence()))
	case f.Open != nil:
		return followed(o)
	case !o.Found:
		return pipeline.Plan[Action]{Findings: []finding.Finding{noFailure.With(f.inSentence())}}
	case f.Reason.ID == stopreason.ApplicationExit || f.Reason.ID == stopreason.OutOfMemory:
		return skipped(applicationEnded.With(f.inSentence()))
	case f.Reason.ID == stopreason.WrapperNoCause:
		return skipped(noReason.With(f.inSentence()))
	}
	handOver, next := d.handOver(o)
	plan := pipeline.Plan[Action]{Findings: []finding.Finding{o.headline(next, o.fix(handOver))}}
	if handOver != nil {
		plan.Findings = append(plan.Findings, afterCure(f, handOver.Function))
		plan.Actions = append(plan.Actions, *handOver)
	}
	plan.Findings = append(plan.Findings, o.doubts()...)
	for _, also := range f.Also {
		named := alsoNamed.With(finding.Words("cause", string(also.ID)))
		named.Message += " " + also.Advice
		plan.Findings = append(plan.Findings, named)
	}
	plan.Findings = append(plan.Findings, o.evidence())
	return plan
}

// headline says what failed and why, and which function takes care of it.
func (o Observation) headline(next finding.Finding, fix string) finding.Finding {
	f := finding.Finding{Code: string(o.Failure.Reason.ID), Severity: finding.Error, Headline: true, Fix: fix}
	if o.Failure.Cached {
		f.Severity = finding.Warning
	}
	f.Message = o.verb() + ": " + lowerFirst(o.cause())
	if next.Message != "" {
		f.Message += " " + next.Message
	}
	if o.Again {
		f.Message = fmt.Sprintf("Still failing since %s: %s", o.State.Opened.UTC().Format("15:04 MST"), f.Message)
	}
	return f
}

func skipped(why finding.Finding) pipeline.Plan[Action] { return pipeline.Plan[Action]{Skip: &why} }

// followed ends a failure whose definition runs again, or that nothing tries any more.
func followed(o Observation) pipeline.Plan[Action] {
	state := *o.Failure.Open
	failure := o.Failure
	failure.Cluster = state.Cluster
	values := []finding.Value{
		finding.Words("subject", failure.shownSubject()), finding.Moment("since", state.Opened), attempts(state.Count), finding.Words("cause", state.Cause),
	}
	var resolved finding.Finding
	for question, answer := range o.Answers {
		switch {
		case question.Kind == AskRunning && answer.Started.After(state.Seen):
			resolved = taskRuns.With(append(values, finding.Words("revision", shown(Failure{Definition: answer.Revision}.Revision())),
				finding.Words("time", answer.Started.UTC().Format("15:04 MST")))...)
		case question.Kind == AskRegistered && answer.Unknown == "" && !answer.Gone && answer.Connected:
			resolved = instanceConnected.With(values...)
		}
	}
	switch {
	case resolved.Message != "":
		resolved.Code, resolved.Severity, resolved.Headline = state.Cause, finding.Error, true
		plan := pipeline.Plan[Action]{Findings: []finding.Finding{resolved, over.With()}}
		plan.Do(Action{Close: &state}, 0)
		return plan
	case o.Now.Sub(state.Seen) > quiet:
		return pipeline.Plan[Action]{
			Findings: []finding.Finding{nothingTries.With(o.Failure.inSentence())},
			Actions:  []Action{{Close: &state}},
		}
	default:
		return skipped(lastingFailure.With(o.Failure.inSentence()))
	}
}

// fix says what is left to do for people.
func (o Observation) fix(handOver *Action) string {
	f := o.Failure
	if handOver != nil && f.Reason.Ours == stopreason.Yes {
		if f.Service == "" && f.Definition != "" {
			return "Start the task again when the cause is gone. Nothing else starts a task without a service."
		}
		return fmt.Sprintf("Nothing, if %s ends it. Otherwise: %s", handOver.Function, lowerFirst(f.Reason.Cure))
	}
	switch f.Reason.ID {
	case "registry-wrong-credential":
		if o.credential() != "" {
			if secret, ok := o.secret(); ok && secret.Tags[driverTag] == "" {
				return fmt.Sprintf("Write the registry's present credential into the secret %s, or have rotate-secret renew it (tag %s=DRIVER).", secretName(o.credential()), driverTag)
			}
		}
	case "env-file-denied":
		if _, answer, ok := o.fileAnswer(); ok && answer.Gone {
			return fmt.Sprintf("Upload the environment file %s, or correct environmentFiles in the task definition.", o.fileName())
		}
	case "role-not-assumable", "execution-credentials-absent", "ecr-execution-credentials-absent":
		return o.roleFix()
	}
	return f.Reason.Cure
}

// roleFix says what the role lacks that Amazon ECS gets no credentials of.
func (o Observation) roleFix() string {
	const statement = `{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}`
	name, answer := o.askedRole()
	switch {
	case name == "":
		return "Name a role in executionRoleArn, with this statement in its trust policy: " + statement
	case answer.Gone:
		return fmt.Sprintf("Create the role %s, with this statement in its trust policy: %s", shownName(name), statement)
	default:
		return fmt.Sprintf("Add this statement to the trust policy of the role %s: %s", shownName(name), statement)
	}
}

// doubts say what the reads don't confirm.
func (o Observation) doubts() []finding.Finding {
	var findings []finding.Finding
	add := func(template finding.Template, values ...finding.Value) {
		findings = append(findings, template.With(values...))
	}
	f := o.Failure
	for question, answer := range o.Answers {
		role, action := finding.Words("role", shownName(lastPart(question.Role))), finding.Words("action", question.Action)
		switch {
		case answer.Unknown != "" && question.Kind != AskImage:
			add(unchecked, finding.Words("kind", kindNames[question.Kind]), finding.Words("name", shownName(lastPart(question.Subject))), finding.Clause("why", answer.Unknown))
		case question.Kind == AskRight && answer.Allowed && f.Reason.ID.IsDenial():
			add(allowedNow, role, action)
		case question.Kind == AskRight && answer.Final:
			add(deniedForGood, role, action)
		case question.Kind == AskRight && answer.Gone:
			add(noSuchRole, role)
		}
	}
	switch o.visibility() {
	case registry.Public:
		if isPull(f.Reason) && f.Reason.ID != "registry-rate-limit" {
			add(publicNow)
		}
	case registry.HiddenOrAbsent:
		if f.Reason.ID == "image-denied-or-absent" || f.Reason.ID == "registry-no-credential" {
			add(hiddenFromStrangers)
		}
	}
	return findings
}

// evidence is what the diagnosis rests on.
func (o Observation) evidence() finding.Finding {
	f := o.Failure
	var parts []finding.Finding
	add := func(template finding.Template, values ...finding.Value) {
		parts = append(parts, template.With(values...))
	}
	if text := quoted(f.Reason.Text); text != "" {
		add(wrote, finding.Words("text", `"`+text+`"`))
	}
	var about []string
	for _, part := range []struct{ is, name string }{{"the container", f.Container}, {"the task", lastPart(f.Task)}, {"the task definition", f.Revision()}} {
		if part.name != "" {
			about = append(about, part.is+" "+shownName(part.name))
		}
	}
	if len(about) > 0 {
		add(isAbout, finding.Words("things", strings.Join(about, ", ")))
	}
	if o.Again {
		add(failedSince, finding.Moment("since", o.State.Opened), attempts(o.State.Count))
	}
	if f.Reason.Ours == stopreason.No && f.Reason.DeniedBy == "" && f.Definition != "" {
		add(runbook)
	}
	if link := console(f); link != "" {
		add(openConsole, finding.Words("link", link))
	}
	if len(parts) == 0 {
		return restsOnState.With()
	}
	whole := parts[0]
	for _, part := range parts[1:] {
		whole.Message += " " + part.Message
	}
	return whole
}

// maxQuoted bounds how much of a reason is quoted.
const maxQuoted = 400

// quoted gives a reason's text on one line and without quotation marks, with what
// URLs may have of a signature cut off.
func quoted(text string) string {
	text = strings.ReplaceAll(escape.Line(text), `"`, "'")
	words := strings.Fields(text)
	for i, word := range words {
		if index := strings.IndexByte(word, '?'); index > 0 && strings.Contains(word, "://") {
			words[i] = word[:index] + "?…"
		}
	}
	text = secretshape.Mask(strings.Join(words, " "))
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}

func attempts(count int) finding.Value {
	return finding.Count("attempts", count, "attempt", "attempts")
}

// inLink is what the names of clusters, services and tasks are made of.
var inLink = lazyregexp.New(`^[A-Za-z0-9_-]{1,255}$`)

// console links to the failure in the AWS console.
func console(f Failure) string {
	for _, name := range []string{f.Region, f.Cluster, cmp.Or(lastPart(f.Task), "none"), cmp.Or(f.Service, "none")} {
		if !inLink.MatchString(name) || secretshape.Find(name) != "" {
			return ""
		}
	}
	host := f.Region + ".console.aws.amazon.com"
	switch f.Partition {
	case "aws-cn":
		host = "console.amazonaws.cn"
	case "aws-us-gov":
		host = "console.amazonaws-us-gov.com"
	}
	page := "https://" + host + "/ecs/v2/clusters/" + f.Cluster
	switch {
	case f.Task != "":
		page += "/tasks/" + lastPart(f.Task)
	case f.Service != "":
		page += "/services/" + f.Service
	default:
		page += "/infrastructure"
	}
	return page + "?region=" + f.Region
}

// handOver says which function ends the cause, and the message about it; nil where
// none does.
func (d *Diagnosis) handOver(o Observation) (*Action, finding.Finding) {
	f := o.Failure
	function, field, target := o.receiver()
	if function == "" {
		return nil, finding.Finding{}
	}
	queue := map[string]string{
		attachPolicies: d.settings.AttachPoliciesQueueURL, patchTaskDefinition: d.settings.PatchTaskDefinitionQueueURL,
		rotateSecret: d.settings.RotateSecretQueueURL,
	}[function]
	if queue == "" {
		return nil, off[function].With()
	}
	if d.settings.Mode == finding.DryRun || f.DryRun {
		return nil, dry[function].With()
	}
	refused := o.refused()
	return &Action{Function: function, QueueURL: queue, Body: request(field, target, f.Group(), refused), Target: target, Refused: refused}, works[function].With()
}

// refused is the action that AWS refused, by the text or, where ECS or a console
// cut it off, by the cause.
func (o Observation) refused() string {
	if action := o.Failure.Reason.Named.Action; action != "" {
		return action
	}
	switch o.Failure.Reason.ID {
	case "ecr-token-denied":
		return "ecr:GetAuthorizationToken"
	case stopreason.RegistrationDenied:
		return "ecs:RegisterContainerInstance"
	}
	for question, answer := range o.Answers {
		if question.Kind == AskRight && answer.Unknown == "" && !answer.Allowed {
			return question.Action
		}
	}
	return ""
}

// receiver gives the function that can end the cause, and the request for it.
func (o Observation) receiver() (function, field, target string) {
	f := o.Failure
	if f.Reason.Ours == stopreason.No || o.isFinal() {
		return "", "", ""
	}
	switch f.Reason.ID {
	case "registry-wrong-credential":
		return o.renewer()
	case stopreason.RegistrationDenied:
		return attachPolicies, "roles", lastPart(f.Role)
	case stopreason.NotRegistered:
		return o.attacher()
	case "ecr-token-denied", "ecr-pull-denied", "log-denied":
		if o.isInstanceRole() {
			return attachPolicies, "roles", f.Reason.Named.Role
		}
	}
	if f.Definition != "" && o.isForPatching() {
		return patchTaskDefinition, "taskDefinitions", f.Definition
	}
	return "", "", ""
}

// renewer is who ends a refused credential. The owner of the secret says that
// rotate-secret may renew it, and for which registry: a credential that was sent
// elsewhere says nothing about it.
func (o Observation) renewer() (function, field, target string) {
	id := o.credential()
	if secret, known := o.secret(); known && secret.Tags[driverTag] != "" && secret.Rotates && serves(secret.Tags[registryTag], o.image()) {
		return rotateSecret, "secret", id
	}
	if id == "" && o.Failure.Definition != "" && o.definition() != nil {
		return patchTaskDefinition, "taskDefinitions", o.Failure.Definition
	}
	return "", "", ""
}

// attacher is who gives a role the right to register its instance.
func (o Observation) attacher() (function, field, target string) {
	for question, answer := range o.Answers {
		if question.Kind == AskRight && answer.Unknown == "" && !answer.Allowed && !answer.Final {
			return attachPolicies, "roles", lastPart(question.Role)
		}
	}
	return "", "", ""
}

// isForPatching reports whether patch-task-definition can end the cause.
func (o Observation) isForPatching() bool {
	switch o.Failure.Reason.ID {
	case "image-denied-or-absent", "registry-no-credential":
		return o.credential() == "" && o.visibility() != registry.NoSuchImage && !isECR(o.image())
	case "registry-rate-limit":
		return o.credential() == ""
	case "env-file-denied":
		_, answer, ok := o.fileAnswer()
		return !ok || !answer.Gone
	case "ecr-token-denied", "ecr-pull-denied", "log-denied", "registry-secret-denied", "registry-secret-gone", "registry-secret-shape",
		"secret-denied", "ssm-denied", "secret-kms-denied", "log-execution-role", "execution-credentials-absent":
		return true
	default:
		return false
	}
}

func isECR(text string) bool {
	reference, err := image.Parse(text)
	if err != nil {
		return false
	}
	_, ecr := reference.ECR()
	return ecr
}

// isFinal reports whether what denies can't be lifted by attaching a policy.
func (o Observation) isFinal() bool {
	for question, answer := range o.Answers {
		if question.Kind == AskRight && answer.Final {
			return true
		}
	}
	return false
}

// serves reports whether a secret's tag is for the image's registry.
func serves(tag, reference string) bool {
	named, err := image.Parse(reference)
	if err != nil || tag == "" {
		return false
	}
	registryOf, err := registry.Parse(tag)
	return err == nil && registryOf.Host == named.Registry
}

// afterCure says what happens next.
func afterCure(f Failure, function string) finding.Finding {
	asked := finding.Words("function", function)
	switch {
	case f.Instance != "" && f.Terminal:
		return agentGaveUp.With(asked)
	case f.Instance != "":
		return agentTriesAgain.With(asked)
	case f.Cached:
		return nextTaskPulls.With(asked)
	case f.Service != "":
		return serviceTriesAgain.With(asked, finding.Count("minutes", int(retryWithin/time.Minute), "minute", "minutes"))
	default:
		return startAgain.With(asked)
	}
}

// retryWithin is the longest that a service waits between attempts ("Amazon ECS
// service throttle logic", ECS developer guide).
const retryWithin = 15 * time.Minute
