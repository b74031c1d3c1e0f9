package diagnosis

import (
	"fmt"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
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
		return skipped(CodeKnown, fmt.Sprintf("People were told about this failure of %s (%s) within the last hour.", f.Who(), f.Cluster))
	case f.Open != nil:
		return followed(o)
	case !o.Found:
		return pipeline.Plan[Action]{Findings: []finding.Finding{{Code: CodeNothingFound, Severity: finding.Info, Message: fmt.Sprintf("%s (%s) shows no failure.", f.Who(), f.Cluster)}}}
	case f.Reason.ID == stopreason.ApplicationExit || f.Reason.ID == stopreason.OutOfMemory:
		return skipped(CodeApplicationExit, fmt.Sprintf("%s (%s) ran and ended by itself, or was ended for its health or memory; that is the application's own.", f.Who(), f.Cluster))
	case f.Reason.ID == stopreason.WrapperNoCause:
		return skipped(CodeNoReason, fmt.Sprintf("%s (%s) names no reason.", f.Who(), f.Cluster))
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
		message = fmt.Sprintf("Still, since %s: %s", o.State.Opened.UTC().Format("15:04 MST"), message)
	}
	plan := pipeline.Plan[Action]{Findings: []finding.Finding{{
		Code: string(f.Reason.ID), Severity: severity, Headline: true, Message: message, Fix: o.fix(handOver != nil),
	}}}
	if handOver != nil {
		plan.Findings = append(plan.Findings, finding.Finding{Code: CodeCureRequested, Severity: finding.Info, Message: afterCure(f, handOver.Function)})
		plan.Actions = append(plan.Actions, *handOver)
	}
	plan.Findings = append(plan.Findings, o.doubts()...)
	for _, also := range f.Also {
		plan.Findings = append(plan.Findings, finding.Finding{Code: CodeAlso, Severity: finding.Info, Message: fmt.Sprintf("The same text also names %s: %s", also.ID, also.Advice)})
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
			over = fmt.Sprintf("a task of %s runs since %s", shown(Failure{Definition: answer.Revision}.Revision()), answer.Started.UTC().Format("15:04 MST"))
		case question.Kind == AskRegistered && answer.Unknown == "" && !answer.Gone && answer.Connected:
			over = "it is registered and its agent is connected"
		}
	}
	switch {
	case over != "":
		who := o.Failure.Who()
		attempts := ""
		if state.Count > 1 {
			attempts = fmt.Sprintf(", after %d failed attempts", state.Count)
		}
		plan := pipeline.Plan[Action]{Findings: []finding.Finding{
			{Code: state.Cause, Severity: finding.Error, Headline: true, Fix: "nothing: it is over",
				Message: fmt.Sprintf("Resolved: %s (%s): %s. It had failed since %s%s (%s).", who, shown(state.Cluster), over, since.UTC().Format("2006-01-02 15:04 MST"), attempts, state.Cause)},
			{Code: CodeOver, Severity: finding.Info, Message: "The failure is over; nothing is left to do."},
		}}
		plan.Do(Action{Close: &state}, 0)
		return plan
	case o.Now.Sub(state.Seen) > quiet:
		return pipeline.Plan[Action]{
			Findings: []finding.Finding{{Code: CodeKnown, Severity: finding.Info, Message: "Nothing has tried to start it for a day, so it isn't followed any more."}},
			Actions:  []Action{{Close: &state}},
		}
	default:
		return skipped(CodeKnown, "The failure lasts; people know.")
	}
}

// fix says what is left to do for people.
func (o Observation) fix(handedOver bool) string {
	f := o.Failure
	if handedOver && f.Reason.Ours == stopreason.Yes {
		if f.Service == "" && f.Definition != "" {
			return "start the task again once the cause is gone: nothing else starts a task without a service"
		}
		return "nothing, if it ends; otherwise: " + lowerFirst(f.Reason.Advice)
	}
	switch f.Reason.ID {
	case "registry-wrong-credential":
		if o.credential() != "" {
			if secret, ok := o.secret(); ok && secret.Tags[driverTag] == "" {
				return fmt.Sprintf("write the registry's present credential into secret %s, or let rotate-secret look after it by the tag %s", secretName(o.credential()), driverTag)
			}
		}
	case "env-file-denied":
		if _, answer, ok := o.fileAnswer(); ok && answer.Gone {
			return "upload the file, or correct environmentFiles in the task definition"
		}
	case "role-not-assumable", "execution-credentials-absent", "ecr-execution-credentials-absent":
		return `create the role, or let it trust {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}`
	}
	return f.Reason.Advice
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
			add(fmt.Sprintf("The %s %s couldn't be looked at: %s.", question.Kind, shown(lastPart(question.Subject)), answer.Unknown))
		case question.Kind == AskRight && answer.Allowed && f.Reason.ID.IsDenial():
			add(fmt.Sprintf("The simulator allows %s to role %s now. Either it was granted since, or the resource's own policy or a VPC endpoint's denies it, which the simulator doesn't know.", question.Action, shown(lastPart(question.Role))))
		case question.Kind == AskRight && answer.Final:
			add(fmt.Sprintf("A boundary, an organization's policy or an explicit denial keeps role %s from %s; no attached policy can change that.", shown(lastPart(question.Role)), question.Action))
		case question.Kind == AskRight && answer.Gone:
			add(fmt.Sprintf("Role %s doesn't exist under this name and path.", shown(lastPart(question.Role))))
		}
	}
	switch o.visibility() {
	case registry.Public:
		if isPull(f.Reason) && f.Reason.ID != "registry-rate-limit" {
			add("The registry shows the image without a credential now: it was made public or pushed since, or the instance asks another registry or through a proxy.")
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
	if f.Reason.Text != "" {
		parts = append(parts, "Reason: "+quoted(f.Reason.Text))
	}
	if f.Container != "" {
		parts = append(parts, "Container: "+shown(f.Container)+".")
	}
	if f.Task != "" {
		parts = append(parts, "Task: "+shown(lastPart(f.Task))+".")
	}
	if f.Definition != "" {
		parts = append(parts, "Definition: "+shown(f.Revision())+".")
	}
	if o.Again {
		parts = append(parts, fmt.Sprintf("It lasts since %s; %d failed attempts were seen.", o.State.Opened.UTC().Format("2006-01-02 15:04 MST"), o.State.Count))
	}
	if f.Reason.Ours == stopreason.No && f.Reason.DeniedBy == "" && f.Definition != "" {
		parts = append(parts, "AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart looks at the network and the rest.")
	}
	if link := console(f); link != "" {
		parts = append(parts, "Console: "+link)
	}
	if len(parts) == 0 {
		return "Told by the state of the instance."
	}
	return strings.Join(parts, " ")
}

// maxQuoted bounds how much of a reason is quoted.
const maxQuoted = 400

// quoted gives a reason's text, with what URLs may have of a signature cut off.
func quoted(text string) string {
	words := strings.Fields(text)
	for i, word := range words {
		if at := strings.IndexByte(word, '?'); at > 0 && strings.Contains(word, "://") {
			words[i] = word[:at] + "?…"
		}
	}
	text = secretshape.Mask(strings.Join(words, " "))
	if len(text) > maxQuoted {
		text = strings.ToValidUTF8(text[:maxQuoted], "") + "…"
	}
	return text
}

// console links to the failure in the AWS console.
func console(f Failure) string {
	if f.Region == "" || f.Cluster == "" {
		return ""
	}
	host := f.Region + ".console.aws.amazon.com"
	switch f.Partition {
	case "aws-cn":
		host = "console.amazonaws.cn"
	case "aws-us-gov":
		host = "console.amazonaws-us-gov.com"
	}
	at := "https://" + host + "/ecs/v2/clusters/" + f.Cluster
	switch {
	case f.Task != "":
		at += "/tasks/" + lastPart(f.Task)
	case f.Service != "":
		at += "/services/" + f.Service
	default:
		at += "/infrastructure"
	}
	return at + "?region=" + f.Region
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
		return nil, function + " could look at it, but is off."
	}
	doing := map[string]string{
		"attach-policies": "is looking at the role", "patch-task-definition": "is looking at the task definition", "rotate-secret": "is renewing it",
	}[function]
	told := function + " " + doing + "."
	if d.settings.Mode == finding.DryRun || f.DryRun {
		return nil, fmt.Sprintf("%s would be asked to end it (dry run).", function)
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
		return fmt.Sprintf("%s was asked to end it. The agent has given up: run systemctl restart ecs on the instance, reboot or replace it.", function)
	case f.Instance != "":
		return fmt.Sprintf("%s was asked to end it. The agent tries again by itself within minutes; nothing is left to do on the instance.", function)
	case f.Cached:
		return fmt.Sprintf("%s was asked to end it. The next task pulls the image again.", function)
	case f.Service != "":
		return fmt.Sprintf("%s was asked to end it. The service tries again by itself within %d minutes.", function, int(retryWithin/time.Minute))
	default:
		return fmt.Sprintf("%s was asked to end it. Start the task again then: nothing else does.", function)
	}
}

// retryWithin is the longest that a service waits between attempts ("Amazon ECS
// service throttle logic", ECS developer guide).
const retryWithin = 15 * time.Minute
