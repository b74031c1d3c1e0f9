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
		return skipped(CodeKnown, f.shownSubject()+" failed in the same way within the last hour, which was reported.")
	case f.Open != nil:
		return followed(o)
	case !o.Found:
		return pipeline.Plan[Action]{Findings: []finding.Finding{{Code: CodeNothingFound, Severity: finding.Info, Message: f.shownSubject() + " shows no failure."}}}
	case f.Reason.ID == stopreason.ApplicationExit || f.Reason.ID == stopreason.OutOfMemory:
		return skipped(CodeApplicationExit, f.applicationExit())
	case f.Reason.ID == stopreason.WrapperNoCause:
		return skipped(CodeNoReason, f.shownSubject()+" failed, and ECS names no reason.")
	}
	handOver, next := d.handOver(o)
	severity := finding.Error
	if f.Cached {
		severity = finding.Warning
	}
	message := o.verb() + ": " + o.why() + "."
	if next != "" {
		message += " " + next
	}
	if o.Again {
		message = fmt.Sprintf("Still failing since %s: %s", o.State.Opened.UTC().Format("15:04 MST"), message)
	}
	plan := pipeline.Plan[Action]{Findings: []finding.Finding{{
		Code: string(f.Reason.ID), Severity: severity, Headline: true, Message: message, Fix: o.fix(handOver),
	}}}
	if handOver != nil {
		plan.Findings = append(plan.Findings, finding.Finding{Code: CodeCureRequested, Severity: finding.Info, Message: afterCure(f, handOver.Function)})
		plan.Actions = append(plan.Actions, *handOver)
	}
	plan.Findings = append(plan.Findings, o.doubts()...)
	for _, also := range f.Also {
		plan.Findings = append(plan.Findings, finding.Finding{Code: CodeAlso, Severity: finding.Info, Message: fmt.Sprintf("The same text also names %s. %s", also.ID, also.Advice)})
	}
	plan.Findings = append(plan.Findings, finding.Finding{Code: CodeEvidence, Severity: finding.Info, Message: o.evidence()})
	return plan
}

func skipped(code, why string) pipeline.Plan[Action] {
	return pipeline.Plan[Action]{Skip: &finding.Finding{Code: code, Severity: finding.Info, Message: why}}
}

// followed ends a failure whose definition runs again, or that nothing tries any more.
func followed(o Observation) pipeline.Plan[Action] {
	state := *o.Failure.Open
	since := state.Opened
	var over string
	for question, answer := range o.Answers {
		switch {
		case question.Kind == AskRunning && answer.Started.After(state.Seen):
			over = fmt.Sprintf("a task of %s has run since %s", shown(Failure{Definition: answer.Revision}.Revision()), answer.Started.UTC().Format("15:04 MST"))
		case question.Kind == AskRegistered && answer.Unknown == "" && !answer.Gone && answer.Connected:
			over = "the instance is registered and its agent is connected"
		}
	}
	switch {
	case over != "":
		failure := o.Failure
		failure.Cluster = state.Cluster
		plan := pipeline.Plan[Action]{Findings: []finding.Finding{
			{Code: state.Cause, Severity: finding.Error, Headline: true, Fix: "Nothing. It is over.",
				Message: fmt.Sprintf("Resolved: %s works again: %s. It had failed since %s, in %s (%s).", failure.shownSubject(), over, since.UTC().Format("2006-01-02 15:04 MST"), attempts(state.Count), state.Cause)},
			{Code: CodeOver, Severity: finding.Info, Message: "The failure is over; nothing is left to do."},
		}}
		plan.Do(Action{Close: &state}, 0)
		return plan
	case o.Now.Sub(state.Seen) > quiet:
		return pipeline.Plan[Action]{
			Findings: []finding.Finding{{Code: CodeKnown, Severity: finding.Info, Message: "Nothing has tried to start " + o.Failure.shownSubject() + " for a day, so the failure isn't followed any more."}},
			Actions:  []Action{{Close: &state}},
		}
	default:
		return skipped(CodeKnown, o.Failure.shownSubject()+" still fails, which was reported.")
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

// applicationExit says that the application ended, which no function looks into.
func (f Failure) applicationExit() string {
	return f.shownSubject() + " ran, and then ended by itself or was stopped for its health check or its memory. Look in the application's own log."
}

// doubts say what the reads don't confirm.
func (o Observation) doubts() []finding.Finding {
	var findings []finding.Finding
	add := func(message string) {
		findings = append(findings, finding.Finding{Code: CodeCauseOpen, Severity: finding.Info, Message: message})
	}
	f := o.Failure
	for question, answer := range o.Answers {
		switch {
		case answer.Unknown != "" && question.Kind != AskImage:
			add(fmt.Sprintf("Can't check %s %s: %s.", kindNames[question.Kind], shownName(lastPart(question.Subject)), finding.Said(answer.Unknown)))
		case question.Kind == AskRight && answer.Allowed && f.Reason.ID.IsDenial():
			add(fmt.Sprintf("IAM's simulator allows the role %[2]s to call %[1]s now. Either that was granted since, or the policy of the resource or of a VPC endpoint denies it, which the simulator doesn't know.", question.Action, shownName(lastPart(question.Role))))
		case question.Kind == AskRight && answer.Final:
			add(fmt.Sprintf("A permissions boundary, a policy of the organization or an explicit denial keeps the role %s from %s. No attached policy can change that.", shownName(lastPart(question.Role)), question.Action))
		case question.Kind == AskRight && answer.Gone:
			add(fmt.Sprintf("The role %s doesn't exist under this name and path.", shownName(lastPart(question.Role))))
		}
	}
	switch o.visibility() {
	case registry.Public:
		if isPull(f.Reason) && f.Reason.ID != "registry-rate-limit" {
			add("The registry shows the image without a credential now. It was made public or pushed since, or the instance asks another registry or a proxy.")
		}
	case registry.HiddenOrAbsent:
		if f.Reason.ID == "image-denied-or-absent" || f.Reason.ID == "registry-no-credential" {
			add("The registry doesn't tell strangers whether the image is private or absent. If a pull with a credential fails too, the name is wrong.")
		}
	}
	return findings
}

// evidence is what the diagnosis rests on.
func (o Observation) evidence() string {
	f := o.Failure
	var parts []string
	if wrote := quoted(f.Reason.Text); wrote != "" {
		parts = append(parts, `ECS wrote: "`+wrote+`".`)
	}
	var about []string
	for _, part := range []struct{ is, name string }{{"the container", f.Container}, {"the task", lastPart(f.Task)}, {"the task definition", f.Revision()}} {
		if part.name != "" {
			about = append(about, part.is+" "+shownName(part.name))
		}
	}
	if len(about) > 0 {
		parts = append(parts, "This is about "+strings.Join(about, ", ")+".")
	}
	if o.Again {
		parts = append(parts, fmt.Sprintf("It has failed since %s, in %s.", o.State.Opened.UTC().Format("2006-01-02 15:04 MST"), attempts(o.State.Count)))
	}
	if f.Reason.Ours == stopreason.No && f.Reason.DeniedBy == "" && f.Definition != "" {
		parts = append(parts, "AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart checks the network and the rest.")
	}
	if link := console(f); link != "" {
		parts = append(parts, "Open "+link+" in the console.")
	}
	if len(parts) == 0 {
		return "The diagnosis rests on the state of the instance."
	}
	return strings.Join(parts, " ")
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

func attempts(count int) string {
	if count == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", count)
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
func (d *Diagnosis) handOver(o Observation) (*Action, string) {
	f := o.Failure
	function, field, target := o.receiver()
	if function == "" {
		return nil, ""
	}
	queue := map[string]string{
		"attach-policies": d.settings.AttachPoliciesQueueURL, "patch-task-definition": d.settings.PatchTaskDefinitionQueueURL,
		"rotate-secret": d.settings.RotateSecretQueueURL,
	}[function]
	if queue == "" {
		return nil, function + " could end this, but is off."
	}
	doing := map[string]string{
		"attach-policies": "is looking at the role", "patch-task-definition": "is looking at the task definition", "rotate-secret": "is renewing the secret",
	}[function]
	told := function + " " + doing + "."
	if d.settings.Mode == finding.DryRun || f.DryRun {
		return nil, fmt.Sprintf("%s isn't asked to end this, because this is a dry run.", function)
	}
	refused := o.refused()
	return &Action{Function: function, QueueURL: queue, Body: request(field, target, f.Group(), refused), Target: target, Refused: refused}, told
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
		return "attach-policies", "roles", lastPart(f.Role)
	case stopreason.NotRegistered:
		return o.attacher()
	case "ecr-token-denied", "ecr-pull-denied", "log-denied":
		if o.isInstanceRole() {
			return "attach-policies", "roles", f.Reason.Named.Role
		}
	}
	if f.Definition != "" && o.isForPatching() {
		return "patch-task-definition", "taskDefinitions", f.Definition
	}
	return "", "", ""
}

// renewer is who ends a refused credential. The owner of the secret says that
// rotate-secret may renew it, and for which registry: a credential that was sent
// elsewhere says nothing about it.
func (o Observation) renewer() (function, field, target string) {
	id := o.credential()
	if secret, known := o.secret(); known && secret.Tags[driverTag] != "" && secret.Rotates && serves(secret.Tags[registryTag], o.image()) {
		return "rotate-secret", "secret", id
	}
	if id == "" && o.Failure.Definition != "" && o.definition() != nil {
		return "patch-task-definition", "taskDefinitions", o.Failure.Definition
	}
	return "", "", ""
}

// attacher is who gives a role the right to register its instance.
func (o Observation) attacher() (function, field, target string) {
	for question, answer := range o.Answers {
		if question.Kind == AskRight && answer.Unknown == "" && !answer.Allowed && !answer.Final {
			return "attach-policies", "roles", lastPart(question.Role)
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
func afterCure(f Failure, function string) string {
	switch {
	case f.Instance != "" && f.Terminal:
		return fmt.Sprintf("%s was asked to end the cause. The agent has given up: run systemctl restart ecs on the instance, or replace the instance.", function)
	case f.Instance != "":
		return fmt.Sprintf("%s was asked to end the cause. The agent tries again by itself within minutes, so nothing is left to do on the instance.", function)
	case f.Cached:
		return fmt.Sprintf("%s was asked to end the cause. The next task pulls the image again.", function)
	case f.Service != "":
		return fmt.Sprintf("%s was asked to end the cause. The service tries again by itself within %d minutes.", function, int(retryWithin/time.Minute))
	default:
		return fmt.Sprintf("%s was asked to end the cause. Then start the task again: nothing else does.", function)
	}
}

// retryWithin is the longest that a service waits between attempts ("Amazon ECS
// service throttle logic", ECS developer guide).
const retryWithin = 15 * time.Minute
