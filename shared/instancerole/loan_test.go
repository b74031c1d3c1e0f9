package instancerole

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
)

// Actors of recorded calls, as CloudTrail has them.
const (
	byTerraform      = `"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/ci/1","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::123456789012:role/ci"}}},"userAgent":"APN/1.0 HashiCorp/1.0 Terraform/1.9.0 (+https://www.terraform.io) terraform-provider-aws/5.70.0"`
	byCloudFormation = `"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/deploy/AWSCloudFormation","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::123456789012:role/deploy"}},"invokedBy":"cloudformation.amazonaws.com"},"sourceIPAddress":"cloudformation.amazonaws.com"`
	byCDK            = `"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::123456789012:assumed-role/cdk-hnb659fds-cfn-exec-role-123456789012-us-east-1/AWSCloudFormation","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::123456789012:role/cdk-hnb659fds-cfn-exec-role-123456789012-us-east-1"}},"invokedBy":"cloudformation.amazonaws.com"}`
	byAda            = `"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/ada","userName":"ada"},"userAgent":"aws-cli/2.15.0"`
	byEve            = `"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/eve","userName":"eve"},"userAgent":"aws-cli/2.15.0"`
)

// play is an account whose calls wake the function after a delay, as EventBridge
// and the queue have it.
type play struct {
	t        *testing.T
	a        *account
	settings Settings
	now      time.Time
}

func newPlay(t *testing.T, roles ...*storedRole) *play {
	return &play{t: t, a: newAccount(roles...), settings: testSettings(), now: testTime}
}

// recorded is the event of a call about a role.
func (p *play) recorded(actor, name, parameters string, failed ...string) []byte {
	code := ""
	if len(failed) > 0 {
		code = `,"errorCode":"` + failed[0] + `"`
	}
	return fmt.Appendf(nil, `{"eventSource":"iam.amazonaws.com","eventName":%q,"eventTime":%q,%s,"requestParameters":{%s}%s}`, name, p.now.Format(time.RFC3339), actor, parameters, code)
}

// wake takes events through the function, some seconds later.
func (p *play) wake(after time.Duration, payloads ...[]byte) finding.Result {
	p.t.Helper()
	p.now = p.now.Add(after)
	observer := &Observer{Settings: p.settings, Region: "us-east-1", Roles: p.a, Account: p.a, Instances: p.a, Providers: p.a, Now: func() time.Time { return p.now }}
	var result finding.Result
	for _, payload := range payloads {
		outcome := assemble(p.settings, observer, Applier{Roles: p.a}).Handle(p.t.Context(), payload)
		if len(outcome.Report().Results) != 1 {
			p.t.Fatalf("got %+v", outcome.Report().Results)
		}
		result = outcome.Report().Results[0]
		if err := findingtest.Check(result); err != nil {
			p.t.Errorf("the result breaks the contract: %v", err)
		}
		for _, action := range result.Actions {
			if action.Applied && !action.Mandate.IsGiven() {
				p.t.Errorf("nothing entitles the function to %+v", action)
			}
		}
	}
	return result
}

// deleteRole does what IAM does: it refuses while anything is attached.
func (p *play) deleteRole(name string) error {
	role := p.a.roles[name]
	for profile, roles := range p.a.profiles {
		if slices.Contains(roles, name) {
			return fmt.Errorf("DeleteConflict: %s is in the instance profile %s", name, profile)
		}
	}
	if len(role.attached)+len(role.inline) > 0 {
		return fmt.Errorf("DeleteConflict: attached are %v", role.attached)
	}
	delete(p.a.roles, name)
	return nil
}

func ofRole(name string) string { return `"roleName":"` + name + `"` }

// TestTeardown plays how owners remove a role that the function lent a policy to.
// Each ends with the role gone after one retry at most, and nothing of ours left.
func TestTeardown(t *testing.T) {
	const name, own = "ecsInstanceRole-web", PolicyARN("arn:aws:iam::123456789012:policy/agent")
	tests := map[string]struct {
		actor string
		// own says that the owner attached a policy of their own, which goes first.
		own bool
		// profileFirst, forced and exclusive are the owner's order of calls.
		profileFirst, forced, exclusive, retries bool
	}{
		"Terraform, its own policy first":          {actor: byTerraform, own: true, retries: true},
		"Terraform with force_detach_policies":     {actor: byTerraform, own: true, forced: true},
		"Terraform with exclusive attachments":     {actor: byTerraform, own: true, exclusive: true},
		"Terraform, the profile first":             {actor: byTerraform, profileFirst: true},
		"CloudFormation deletes the stack":         {actor: byCloudFormation, profileFirst: true},
		"CloudFormation replaces the role":         {actor: byCloudFormation, own: true, profileFirst: true},
		"CDK destroys":                             {actor: byCDK, profileFirst: true},
		"by hand, the role that ada made":          {actor: byAda, own: true},
		"by hand, detaching what was lent as well": {actor: byAda, forced: true},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			role := &storedRole{name: name, trust: ec2Trust}
			p := newPlay(t, role)
			p.a.policies[own] = allow("ecs:Poll")
			p.a.profiles[name] = []string{name}
			created := p.recorded(test.actor, "CreateRole", ofRole(name))
			if test.own {
				role.attached = append(role.attached, own)
			}
			if result := p.wake(90*time.Second, created); result.Status != finding.Remediated || !slices.Contains(role.attached, agentARN) {
				t.Fatalf("lent: %s %+v", result.Status, result.Findings)
			}

			p.now = p.now.Add(24 * time.Hour)
			removeProfile := func() {
				p.a.profiles = map[string][]string{}
				p.wake(5*time.Second, p.recorded(test.actor, "RemoveRoleFromInstanceProfile", ofRole(name)+`,"instanceProfileName":"`+name+`"`))
				p.wake(5*time.Second, p.recorded(test.actor, "DeleteInstanceProfile", `"instanceProfileName":"`+name+`"`))
			}
			detach := func(policy PolicyARN) {
				role.attached = slices.DeleteFunc(role.attached, func(attached PolicyARN) bool { return attached == policy })
				p.wake(90*time.Second, p.recorded(test.actor, "DetachRolePolicy", ofRole(name)+`,"policyArn":"`+string(policy)+`"`))
			}
			if test.profileFirst {
				removeProfile()
			}
			if test.own {
				detach(own)
			}
			if test.forced || test.exclusive {
				detach(agentARN)
				if slices.Contains(role.attached, agentARN) {
					t.Fatal("what the owner took off came back")
				}
			}
			// The instances drain, and somebody sweeps meanwhile.
			p.wake(10*time.Minute, []byte(`{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":"{\"roles\":[\"`+name+`\"],\"sweep\":\"s\"}"}]}`))
			if !test.profileFirst {
				removeProfile()
			}
			err := p.deleteRole(name)
			if err != nil {
				t.Logf("the first try: %v", err)
				p.wake(10*time.Second, p.recorded(test.actor, "DeleteRole", ofRole(name), "DeleteConflictException"))
				err = p.deleteRole(name)
			}
			if err != nil {
				t.Errorf("the role stands: %v, tags %v", err, role.tags)
			}
			if len(role.attached) > 0 {
				t.Errorf("attached are %v", role.attached)
			}
		})
	}
}

// TestFailedDeleteTakesBackAtOnce: a role that is only deleted, without a word to
// its profile.
func TestFailedDeleteTakesBackAtOnce(t *testing.T) {
	role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust, attached: []PolicyARN{ssmARN}}
	p := newPlay(t, role)
	p.wake(time.Minute, p.recorded(byEve, "TagRole", ofRole("ecsInstanceRole")))
	if !slices.Contains(role.attached, agentARN) {
		t.Fatal("nothing was lent")
	}
	result := p.wake(time.Minute, p.recorded(byEve, "DeleteRole", ofRole("ecsInstanceRole"), "DeleteConflictException"))
	if result.Status != finding.Remediated || !slices.Equal(role.attached, []PolicyARN{ssmARN}) || len(p.settings.readRecord(role.tags).loans) > 0 {
		t.Errorf("got %s %+v, attached %v, tags %v", result.Status, result.Findings, role.attached, role.tags)
	}
	// It stays so, until it is put to use again.
	if result := p.wake(time.Hour, p.recorded(byEve, "TagRole", ofRole("ecsInstanceRole"))); result.Findings[0].Code != "policy-declined-by-owner" || slices.Contains(role.attached, agentARN) {
		t.Errorf("looked at again: %s %+v", result.Status, result.Findings)
	}
	if result := p.wake(time.Hour, p.recorded(byEve, "AddRoleToInstanceProfile", ofRole("ecsInstanceRole")+`,"instanceProfileName":"x"`)); result.Status != finding.Remediated || !slices.Contains(role.attached, agentARN) || role.tags[declinedTag] != "" {
		t.Errorf("in use again: %s %+v, tags %v", result.Status, result.Findings, role.tags)
	}
}

// TestWhoDetaches: the owner's word stands, by a person's hand the role is looked
// after again, and what a stranger takes off comes back.
func TestWhoDetaches(t *testing.T) {
	for title, test := range map[string]struct {
		creator, detacher string
		comesBack         bool
	}{
		"the tool":                 {byTerraform, byTerraform, false},
		"another tool":             {byEve, byCloudFormation, false},
		"who made the role":        {byAda, byAda, false},
		"a stranger":               {byAda, byEve, true},
		"a stranger to the tool's": {byTerraform, byEve, true},
	} {
		t.Run(title, func(t *testing.T) {
			role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
			p := newPlay(t, role)
			p.wake(time.Minute, p.recorded(test.creator, "CreateRole", ofRole("ecsInstanceRole")))
			role.attached = nil
			result := p.wake(2*time.Minute, p.recorded(test.detacher, "DetachRolePolicy", ofRole("ecsInstanceRole")+`,"policyArn":"`+agentARN+`"`))
			if back := slices.Contains(role.attached, agentARN); back != test.comesBack {
				t.Fatalf("attached are %v: %s %+v", role.attached, result.Status, result.Findings)
			}
			if !test.comesBack && result.Status != finding.Noncompliant {
				t.Errorf("got %s %+v", result.Status, result.Findings)
			}
			if result := p.wake(time.Minute, []byte(`{"role":"ecsInstanceRole"}`)); !slices.Contains(role.attached, agentARN) || role.tags[declinedTag] != "" {
				t.Errorf("by hand: %s %+v, tags %v", result.Status, result.Findings, role.tags)
			}
		})
	}
}

// sweeps, restarts and the like are looks that another event asks for.
func swept(name string) []byte {
	return []byte(`{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":"{\"roles\":[\"` + name + `\"],\"sweep\":\"s\"}"}]}`)
}

func (p *play) started(name string) []byte {
	return fmt.Appendf(nil, `{"eventSource":"ec2.amazonaws.com","eventName":"RunInstances","awsRegion":"us-east-1","eventTime":%q,%s,
		"requestParameters":{"iamInstanceProfile":{"name":%q},"instancesSet":{"items":[{"imageId":"ami-0f2b3c4d5e6f70819"}]}}}`, p.now.Format(time.RFC3339), byEve, name)
}

// again is a message that the queue delivers for the second time.
func again(t *testing.T, payload []byte) []byte {
	t.Helper()
	body, err := json.Marshal(string(payload))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, `{"Records":[{"messageId":"m","eventSource":"aws:sqs","attributes":{"ApproximateReceiveCount":"2"},"body":%s}]}`, body)
}

// TestALookBeforeTheDetachmentsEvent: events come in any order, so a look may find
// what was lent detached before it is known who did it. The owner's word stands; what
// another detaches comes back with that event, or after the time that one takes.
func TestALookBeforeTheDetachmentsEvent(t *testing.T) {
	racetest.Skip(t)
	const name = "ecsInstanceRole"
	looks := map[string]func(*play, []byte) []byte{
		"an instance starts": func(p *play, _ []byte) []byte { return p.started(name) },
		"a sweep":            func(*play, []byte) []byte { return swept(name) },
		"a tag":              func(p *play, _ []byte) []byte { return p.recorded(byEve, "TagRole", ofRole(name)) },
		"a policy is added":  func(p *play, _ []byte) []byte { return p.recorded(byEve, "PutRolePolicy", ofRole(name)) },
		"an older event":     func(_ *play, created []byte) []byte { return created },
		"a refused call": func(*play, []byte) []byte {
			return bytes.Replace(swept(name), []byte(`\"sweep\":\"s\"`), []byte(`\"refused\":\"ecs:Poll\"`), 1)
		},
		"a policy, elsewhere": func(p *play, _ []byte) []byte {
			return p.recorded(byEve, "DetachRolePolicy", ofRole(name)+`,"policyArn":"`+ssmARN+`"`)
		},
	}
	for title, look := range looks {
		for who, test := range map[string]struct {
			creator, detacher string
			comesBack         bool
		}{
			"Terraform":        {byTerraform, byTerraform, false},
			"CloudFormation":   {byCloudFormation, byCloudFormation, false},
			"who made it":      {byAda, byAda, false},
			"a stranger":       {byAda, byEve, true},
			"a tool's, by ada": {byTerraform, byAda, true},
		} {
			t.Run(title+", detached by "+who, func(t *testing.T) {
				role := &storedRole{name: name, trust: ec2Trust}
				p := newPlay(t, role)
				p.a.profiles[name] = []string{name}
				p.a.instances = map[string]storedInstance{}
				created := p.recorded(test.creator, "CreateRole", ofRole(name))
				p.wake(time.Minute, created)
				p.now = p.now.Add(20 * time.Minute)
				role.attached = nil
				detachment := p.recorded(test.detacher, "DetachRolePolicy", ofRole(name)+`,"policyArn":"`+agentARN+`"`)
				p.now = p.now.Add(5 * time.Second)
				for range 2 {
					result := p.wake(time.Minute, look(p, created))
					if len(role.attached) > 0 || result.Status != finding.Noncompliant || result.Findings[0].Code != "policy-detached" {
						t.Fatalf("before the event: %s %+v, attached %v", result.Status, result.Findings, role.attached)
					}
				}
				result := p.wake(time.Minute, detachment)
				if back := slices.Contains(role.attached, agentARN); back != test.comesBack || !back && result.Findings[0].Code != "policy-declined-by-owner" {
					t.Fatalf("after the event: %s %+v, attached %v", result.Status, result.Findings, role.attached)
				}
				if p.wake(24*time.Hour, swept(name)); slices.Contains(role.attached, agentARN) != test.comesBack {
					t.Errorf("a day later: attached %v", role.attached)
				}
				delete(p.a.profiles, name)
				p.wake(time.Second, p.recorded(test.creator, "DeleteRole", ofRole(name), "DeleteConflictException"))
				if err := p.deleteRole(name); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestARefusedAttachment: a policy that IAM refused to attach was not detached by
// anyone. So the look that comes after the refusal's cause is gone attaches it, and
// no refusal counts as a heal.
func TestARefusedAttachment(t *testing.T) {
	racetest.Skip(t)
	const name = "ecsInstanceRole"
	looks := map[string]func(*play, []byte) []byte{
		"a sweep":                   func(*play, []byte) []byte { return swept(name) },
		"an instance starts":        func(p *play, _ []byte) []byte { return p.started(name) },
		"its event, out of the DLQ": func(_ *play, created []byte) []byte { return created },
		"a tag":                     func(p *play, _ []byte) []byte { return p.recorded(byEve, "TagRole", ofRole(name)) },
		"by hand":                   func(*play, []byte) []byte { return []byte(`{"role":"` + name + `"}`) },
	}
	refusals := map[string]struct {
		code string
		// first is how many attachments of the run succeed.
		first int
	}{
		"denied":                   {"AccessDenied", 0},
		"the second denied":        {"AccessDenied", 1},
		"the quota is used up":     {"LimitExceeded", 0},
		"the policy doesn't exist": {"NoSuchEntity", 0},
		"the role can't be edited": {"UnmodifiableEntity", 0},
	}
	for title, look := range looks {
		for why, refusal := range refusals {
			t.Run(title+", "+why, func(t *testing.T) {
				role := &storedRole{name: name, trust: ssmTrust}
				p := newPlay(t, role)
				p.a.profiles[name] = []string{name}
				// More often than the limit of heals.
				p.a.refuse = func(attached int) error {
					if attached < refusal.first {
						return nil
					}
					return &smithy.OperationError{ServiceID: "IAM", OperationName: "AttachRolePolicy", Err: &smithy.GenericAPIError{
						Code: refusal.code, Message: "User: arn:aws:sts::123456789012:assumed-role/ecs-guardrails-attach-policies/1 is not authorized to perform: iam:AttachRolePolicy",
					}}
				}
				for range maxHeals + 2 {
					p.wake(time.Minute, p.recorded(byTerraform, "CreateRole", ofRole(name)))
					if len(role.attached) != refusal.first {
						t.Fatalf("attached %v", role.attached)
					}
				}
				p.a.refuse = nil
				result := p.wake(time.Hour, look(p, p.recorded(byTerraform, "CreateRole", ofRole(name))))
				if result.Status != finding.Remediated || !slices.Contains(role.attached, agentARN) || !slices.Contains(role.attached, ssmARN) {
					t.Errorf("%s %+v, attached %v, tags %v", result.Status, result.Findings, role.attached, role.tags)
				}
				for key, value := range role.tags {
					if strings.HasSuffix(key, missedSuffix) || strings.Contains(value, "refused") || key == healedTag {
						t.Errorf("left is the tag %s=%s", key, value)
					}
				}
				// What stood once, and its owner takes away, stays away as ever.
				role.attached = nil
				if result = p.wake(time.Minute, swept(name)); len(role.attached) > 0 || result.Findings[0].Code != "policy-detached" {
					t.Errorf("detached since: %s %+v, attached %v", result.Status, result.Findings, role.attached)
				}
			})
		}
	}
}

// TestADetachmentWithoutItsEvent: the wait ends, since events may get lost, and a stack
// in another Region has none of IAM's. If the owner's comes after all, what was
// attached meanwhile is taken back.
func TestADetachmentWithoutItsEvent(t *testing.T) {
	racetest.Skip(t)
	const name = "ecsInstanceRole"
	lent := func(t *testing.T, creator string) (*play, *storedRole) {
		role := &storedRole{name: name, trust: ec2Trust}
		p := newPlay(t, role)
		p.wake(time.Minute, p.recorded(creator, "CreateRole", ofRole(name)))
		p.now = p.now.Add(time.Hour)
		role.attached = nil
		return p, role
	}
	wants := func(t *testing.T, role *storedRole, result finding.Result, attached bool) {
		t.Helper()
		if slices.Contains(role.attached, agentARN) != attached {
			t.Fatalf("got %s %+v, attached %v, tags %v", result.Status, result.Findings, role.attached, role.tags)
		}
	}
	t.Run("waits, and heals", func(t *testing.T) {
		p, role := lent(t, byTerraform)
		wants(t, role, p.wake(time.Minute, swept(name)), false)
		wants(t, role, p.wake(14*time.Minute, swept(name)), false)
		wants(t, role, p.wake(time.Minute, swept(name)), true)
		// The next detachment is waited for as the first one was.
		p.now = p.now.Add(time.Hour)
		role.attached = nil
		wants(t, role, p.wake(time.Minute, swept(name)), false)
		wants(t, role, p.wake(time.Minute, p.recorded(byEve, "DetachRolePolicy", ofRole(name)+`,"policyArn":"`+agentARN+`"`)), true)
	})
	for title, late := range map[string]struct {
		detacher string
		hand     bool
		attached bool
	}{
		"the owner's event comes late":             {byTerraform, false, false},
		"a stranger's event comes late":            {byEve, false, true},
		"a person had it attached in the meantime": {byTerraform, true, true},
	} {
		t.Run(title, func(t *testing.T) {
			p, role := lent(t, byTerraform)
			detachment := p.recorded(late.detacher, "DetachRolePolicy", ofRole(name)+`,"policyArn":"`+agentARN+`"`)
			p.wake(time.Minute, swept(name))
			look := swept(name)
			if late.hand {
				look = []byte(`{"role":"` + name + `"}`)
			}
			wants(t, role, p.wake(16*time.Minute, look), true)
			result := p.wake(time.Minute, detachment)
			wants(t, role, result, late.attached)
			if !late.attached && (result.Status != finding.Remediated || result.Findings[0].Code != "loan-returned") {
				t.Errorf("taken back: %s %+v", result.Status, result.Findings)
			}
			wants(t, role, p.wake(24*time.Hour, swept(name)), late.attached)
		})
	}
	t.Run("the same, in a dry run", func(t *testing.T) {
		p, role := lent(t, byTerraform)
		p.settings.Mode = finding.DryRun
		before := maps.Clone(role.tags)
		// It notes nothing, so it can't promise an end of the wait either.
		for _, after := range []time.Duration{time.Minute, 16 * time.Minute, 24 * time.Hour} {
			result := p.wake(after, swept(name))
			if found := result.Findings[0]; found.Code != "policy-detached" || strings.Contains(found.Fix, "UTC") || !maps.Equal(before, role.tags) {
				t.Errorf("%s later: got %s %+v, tags %v", after, result.Status, result.Findings, role.tags)
			}
		}
	})
	t.Run("an undo takes the note along", func(t *testing.T) {
		p, role := lent(t, byTerraform)
		p.wake(time.Minute, swept(name))
		role.attached = []PolicyARN{agentARN}
		p.wake(time.Minute, []byte(`{"undo":"`+name+`"}`))
		if len(role.attached) > 0 || len(role.tags) != 1 || role.tags[optout.Tag] == "" {
			t.Errorf("attached %v, tags %v", role.attached, role.tags)
		}
	})
	t.Run("another stack's loan", func(t *testing.T) {
		p, role := lent(t, byTerraform)
		p.settings.StackID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/guardrails/ffffffff-4b5a-6978-8796-a5b4c3d2e1f0"
		wants(t, role, p.wake(time.Minute, swept(name)), false)
		wants(t, role, p.wake(16*time.Minute, swept(name)), true)
	})
	t.Run("the settings name another policy since", func(t *testing.T) {
		p, role := lent(t, byTerraform)
		own := PolicyARN("arn:aws:iam::123456789012:policy/agent")
		p.a.policies[own] = allow(agentActions...)
		p.settings.AgentPolicyARN = own
		p.wake(time.Minute, swept(name))
		if len(role.attached) > 0 {
			t.Errorf("attached %v", role.attached)
		}
		if p.wake(16*time.Minute, swept(name)); !slices.Equal(role.attached, []PolicyARN{own}) {
			t.Errorf("after the wait: attached %v", role.attached)
		}
	})
	t.Run("what was never lent doesn't wait", func(t *testing.T) {
		p, role := lent(t, byTerraform)
		p.settings.Capabilities = Capabilities{Agent, Logs}
		p.wake(time.Minute, swept(name))
		if !slices.Equal(role.attached, []PolicyARN{logsARN}) {
			t.Errorf("attached %v", role.attached)
		}
	})
	t.Run("two detachments, one after the other", func(t *testing.T) {
		role := &storedRole{name: name, trust: ec2Trust}
		p := newPlay(t, role)
		p.settings.Capabilities = Capabilities{Agent, Logs}
		p.wake(time.Minute, p.recorded(byAda, "CreateRole", ofRole(name)))
		p.now = p.now.Add(time.Hour)
		role.attached = nil
		detach := func(policy PolicyARN) []byte {
			return p.recorded(byEve, "DetachRolePolicy", ofRole(name)+`,"policyArn":"`+string(policy)+`"`)
		}
		events := [][]byte{detach(agentARN), detach(logsARN)}
		p.wake(time.Minute, events...)
		if len(role.attached) != 2 {
			t.Errorf("attached %v", role.attached)
		}
	})
	// A run that was cut off between the record and the policy comes again, or is beside
	// this one.
	for title, test := range map[string]struct {
		after    time.Duration
		event    func(*play) []byte
		attached bool
	}{
		"cut off, delivered again": {6 * time.Minute, func(p *play) []byte { return again(t, p.recorded(byAda, "CreateRole", ofRole(name))) }, true},
		"cut off, swept again": {6 * time.Minute, func(*play) []byte {
			return bytes.Replace(swept(name), []byte(`"body"`), []byte(`"attributes":{"ApproximateReceiveCount":"2"},"body"`), 1)
		}, true},
		"cut off, a day ago":             {24 * time.Hour, func(p *play) []byte { return again(t, p.recorded(byAda, "CreateRole", ofRole(name))) }, false},
		"detached at once":               {time.Second, func(p *play) []byte { return p.recorded(byAda, "CreateRole", ofRole(name)) }, false},
		"the first delivery, much later": {6 * time.Minute, func(p *play) []byte { return p.recorded(byAda, "CreateRole", ofRole(name)) }, false},
	} {
		t.Run(title, func(t *testing.T) {
			role := &storedRole{name: name, trust: ec2Trust}
			p := newPlay(t, role)
			event := test.event(p)
			p.wake(time.Minute, p.recorded(byAda, "CreateRole", ofRole(name)))
			role.attached = nil
			wants(t, role, p.wake(test.after, event), test.attached)
			if test.attached && role.tags[healedTag] != "" {
				t.Errorf("counted as a heal: %v", role.tags)
			}
		})
	}
}

// TestDetachedBeforeTheMessageComesAgain: a run that comes again can't tell a run that
// was cut off from one whose attachment the owner has taken off since. It attaches the
// policy, and the owner's event takes it back.
func TestDetachedBeforeTheMessageComesAgain(t *testing.T) {
	const name = "ecsInstanceRole"
	for who, test := range map[string]struct {
		detacher string
		stays    bool
	}{
		"the role's owner": {byTerraform, false},
		"a stranger":       {byEve, true},
	} {
		t.Run(who, func(t *testing.T) {
			role := &storedRole{name: name, trust: ec2Trust}
			p := newPlay(t, role)
			created := p.recorded(byTerraform, "CreateRole", ofRole(name))
			p.wake(time.Minute, created)
			p.now = p.now.Add(2 * time.Minute)
			role.attached = nil
			detachment := p.recorded(test.detacher, "DetachRolePolicy", ofRole(name)+`,"policyArn":"`+agentARN+`"`)
			p.wake(time.Minute, again(t, created))
			result := p.wake(4*time.Minute, detachment)
			if slices.Contains(role.attached, agentARN) != test.stays {
				t.Fatalf("after the event: %s %+v, attached %v, tags %v", result.Status, result.Findings, role.attached, role.tags)
			}
			if p.wake(24*time.Hour, swept(name)); slices.Contains(role.attached, agentARN) != test.stays {
				t.Errorf("a day later: attached %v, tags %v", role.attached, role.tags)
			}
		})
	}
}

// TestOwnerGrants: what the owner grants makes a loan needless, once it gives all
// that the loan did.
func TestOwnerGrants(t *testing.T) {
	const own = PolicyARN("arn:aws:iam::123456789012:policy/agent")
	agentAndPull := allow("ecs:*", "ec2:DescribeTags", "ecr:*", "logs:*")
	for title, test := range map[string]struct {
		call, parameters string
		grant            func(*storedRole, *account)
		attached         []PolicyARN
		recorded         int
	}{
		"the same policy":            {"AttachRolePolicy", `,"policyArn":"` + agentARN + `"`, func(*storedRole, *account) {}, []PolicyARN{agentARN}, 0},
		"a policy that does as much": {"AttachRolePolicy", `,"policyArn":"` + string(own) + `"`, func(r *storedRole, a *account) { r.attached, a.policies[own] = append(r.attached, own), agentAndPull }, []PolicyARN{own}, 0},
		"an inline one":              {"PutRolePolicy", `,"policyName":"p"`, func(r *storedRole, _ *account) { r.inline = []string{agentAndPull} }, []PolicyARN{}, 0},
		"one without the pulls":      {"PutRolePolicy", `,"policyName":"p"`, func(r *storedRole, _ *account) { r.inline = []string{allow(agentActions...)} }, []PolicyARN{agentARN}, 1},
	} {
		t.Run(title, func(t *testing.T) {
			role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
			p := newPlay(t, role)
			p.wake(time.Minute, p.recorded(byTerraform, "CreateRole", ofRole("ecsInstanceRole")))
			test.grant(role, p.a)
			p.now = p.now.Add(time.Hour)
			result := p.wake(time.Minute, p.recorded(byTerraform, test.call, ofRole("ecsInstanceRole")+test.parameters))
			if !slices.Equal(role.attached, test.attached) || len(p.settings.readRecord(role.tags).loans) != test.recorded || result.Status != finding.Compliant {
				t.Errorf("got %s %+v, attached %v, tags %v", result.Status, result.Findings, role.attached, role.tags)
			}
		})
	}
}

// TestOwnersPatch: the finding carries what the owner's source needs.
func TestOwnersPatch(t *testing.T) {
	for title, test := range map[string]struct{ actor, word string }{
		"Terraform":      {byTerraform, "aws_iam_role_policy_attachment"},
		"CloudFormation": {byCloudFormation, "ManagedPolicyArns"},
		"CDK":            {byCDK, "addManagedPolicy"},
	} {
		for _, change := range []OwnedChange{"roles", "none"} {
			t.Run(title+" "+string(change), func(t *testing.T) {
				role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
				p := newPlay(t, role)
				p.settings.ChangeOwnedResources = change
				result := p.wake(time.Minute, p.recorded(test.actor, "CreateRole", ofRole("ecsInstanceRole")))
				if lent := len(role.attached) > 0; lent != (change == "roles") || !result.Owner.IsKnown() {
					t.Errorf("got %s %+v, attached %v, owner %v", result.Status, result.Findings, role.attached, result.Owner)
				}
				if !slices.ContainsFunc(result.Findings, func(f finding.Finding) bool { return strings.Contains(f.Fix, test.word) }) {
					t.Errorf("no patch in %+v", result.Findings)
				}
			})
		}
	}
}

// TestActorsRight: with RequireActorRight, only who may attach the policy has it
// attached.
func TestActorsRight(t *testing.T) {
	attach := statements(`{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"` + agentARN + `"}}}`)
	other := statements(`{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"` + ssmARN + `"}}}`)
	onTag := func(key, value string) string {
		return statements(`{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"StringEquals":{"` + key + `":"` + value + `"}}}`)
	}
	for title, test := range map[string]struct {
		actor, policy string
		attached      bool
		kind          finding.MandateKind
	}{
		"a user who may":                  {byAda, attach, true, finding.ByActor},
		"a user who may not":              {byAda, allow("ec2:*"), false, ""},
		"a user who may another":          {byAda, other, false, ""},
		"a user who may on their team's":  {byAda, onTag("aws:ResourceTag/team", "web"), true, finding.ByActor},
		"the same, in IAM's own words":    {byAda, onTag("iam:ResourceTag/team", "web"), true, finding.ByActor},
		"a user who may on another's":     {byAda, onTag("aws:ResourceTag/team", "api"), false, ""},
		"a user who may, by name":         {byAda, onTag("aws:username", "ada"), true, finding.ByActor},
		"a user who is no session":        {byAda, onTag("aws:PrincipalType", "AssumedRole"), false, ""},
		"a user who may from there":       {byAda + `,"sourceIPAddress":"198.51.100.24"`, onTag("aws:SourceIp", "198.51.100.24"), true, finding.ByActor},
		"a user who calls from elsewhere": {byAda + `,"sourceIPAddress":"cloudformation.amazonaws.com"`, onTag("aws:SourceIp", "198.51.100.24"), false, ""},
		"a role that may":                 {byTerraform, attach, true, finding.ByActor},
		"who is not named at all":         {`"userIdentity":{"type":"Unknown"}`, "", false, ""},
	} {
		t.Run(title, func(t *testing.T) {
			role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust, tags: map[string]string{"team": "web"}}
			p := newPlay(t, role)
			p.settings.RequireActorRight = true
			p.a.sources = map[string]string{"arn:aws:iam::123456789012:user/ada": test.policy, "arn:aws:iam::123456789012:role/ci": test.policy}
			result := p.wake(time.Minute, p.recorded(test.actor, "CreateRole", ofRole("ecsInstanceRole")))
			if attached := len(role.attached) > 0; attached != test.attached || attached != (result.Status == finding.Remediated) || !attached && result.Status != finding.Planned {
				t.Fatalf("got %s %+v, attached %v", result.Status, result.Findings, role.attached)
			}
			for _, action := range result.Actions {
				if action.Kind == attachRolePolicy && action.Mandate.Kind != test.kind {
					t.Errorf("by %+v", action.Mandate)
				}
			}
			// A sweep has no actor; a person who names the role has a right of their own.
			p.wake(time.Minute, []byte(`{"role":"ecsInstanceRole"}`))
			if !slices.Contains(role.attached, agentARN) {
				t.Errorf("by hand: %v", role.attached)
			}
		})
	}
}

// TestUndoOfWhatIsRecorded: an undo goes by the record's ARNs and its stack, not by
// today's settings.
func TestUndoOfWhatIsRecorded(t *testing.T) {
	for title, test := range map[string]struct {
		attached []PolicyARN
		tags     map[string]string
		settings func(*Settings)
		want     []PolicyARN
		code     string
	}{
		"after a change of the settings": {[]PolicyARN{agentARN, s3ReadARN}, nil, func(s *Settings) {
			s.ConfigPolicyARN, s.AgentPolicyARN = s3ReadARN, "arn:aws:iam::123456789012:policy/other"
		}, []PolicyARN{s3ReadARN}, "undo-done"},
		"another stack's loan":         {[]PolicyARN{agentARN}, map[string]string{loanPrefix + "ffffffff/0a1b2c3d": agentARN + " at=2025-11-22T00:10:00Z"}, nil, []PolicyARN{agentARN}, "undo-absent"},
		"an old record, a person's S3": {[]PolicyARN{s3ReadARN}, map[string]string{attachedTag: "config=2025-11-22T00:10:00Z by=ecs-guardrails"}, func(s *Settings) { s.ConfigPolicyARN = s3ReadARN }, []PolicyARN{s3ReadARN}, "undo-absent"},
		"an old record":                {[]PolicyARN{agentARN, ssmARN}, map[string]string{attachedTag: "agent=2025-11-22T00:10:00Z by=ecs-guardrails"}, nil, []PolicyARN{ssmARN}, "undo-done"},
		// It was cut off before it had forgotten the record.
		"the rest of an undo":  {[]PolicyARN{ssmARN}, map[string]string{testSettings().loanKey(agentARN): agentARN + " at=2025-11-22T00:10:00Z", optout.Tag: "true"}, nil, []PolicyARN{ssmARN}, "undo-done"},
		"detached by a person": {[]PolicyARN{ssmARN}, map[string]string{testSettings().loanKey(agentARN): agentARN + " at=2025-11-22T00:10:00Z"}, nil, []PolicyARN{ssmARN}, "undo-absent"},
		"no record":            {[]PolicyARN{agentARN}, map[string]string{"team": "web"}, nil, []PolicyARN{agentARN}, "undo-absent"},
		"a forged record":      {[]PolicyARN{agentARN}, map[string]string{testSettings().loanKey("arn:aws:iam::aws:policy/Other"): agentARN + " at=2025-11-22T00:10:00Z"}, nil, []PolicyARN{agentARN}, "undo-absent"},
	} {
		t.Run(title, func(t *testing.T) {
			role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust, attached: test.attached, tags: test.tags}
			p := newPlay(t, role)
			if test.tags == nil {
				role.tags = map[string]string{p.settings.loanKey(agentARN): agentARN + " at=2025-11-22T00:10:00Z"}
			}
			before := maps.Clone(role.tags)
			if test.settings != nil {
				test.settings(&p.settings)
			}
			result := p.wake(time.Minute, []byte(`{"undo":"ecsInstanceRole"}`))
			if !slices.Equal(role.attached, test.want) || result.Findings[0].Code != test.code {
				t.Errorf("got %s %+v, attached %v", result.Status, result.Findings, role.attached)
			}
			if test.code == "undo-absent" && (!maps.Equal(role.tags, before) || result.Status != finding.Noncompliant) {
				t.Errorf("it ended as %s, and the tags are %v", result.Status, role.tags)
			}
			if test.code == "undo-done" && (role.tags[optout.Tag] != "true" || len(role.tags) != 1) {
				t.Errorf("the tags are %v", role.tags)
			}
		})
	}
}

// TestTakenOutOfOneProfile: a role that another instance profile still has keeps what
// was attached to it.
func TestTakenOutOfOneProfile(t *testing.T) {
	role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust}
	p := newPlay(t, role)
	p.a.profiles["web"], p.a.profiles["api"] = []string{role.name}, []string{role.name}
	if result := p.wake(90*time.Second, p.recorded(byTerraform, "CreateRole", ofRole(role.name))); result.Status != finding.Remediated {
		t.Fatalf("got %+v", result)
	}
	delete(p.a.profiles, "web")
	result := p.wake(time.Hour, p.recorded(byTerraform, "RemoveRoleFromInstanceProfile", ofRole(role.name)+`,"instanceProfileName":"web"`))
	if result.Status != finding.Skipped || result.Findings[0].Code != "role-still-used" || !slices.Contains(role.attached, agentARN) {
		t.Errorf("got %+v, attached %q", result, role.attached)
	}
}

// TestProfileCalledLikeTheRole: anyone who may make instance profiles can delete one
// of theirs that is called like a role. External instances need no profile, so their
// role keeps what was attached, until its owner deletes it.
func TestProfileCalledLikeTheRole(t *testing.T) {
	const both = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ssm.amazonaws.com"]},"Action":"sts:AssumeRole"}]}`
	for title, test := range map[string]struct {
		trust, call, parameters string
	}{
		"a profile of that name":  {ssmTrust, "DeleteInstanceProfile", `"instanceProfileName":"ecsExternalInstanceRole"`},
		"out of a profile":        {ssmTrust, "RemoveRoleFromInstanceProfile", ofRole("ecsExternalInstanceRole") + `,"instanceProfileName":"eve"`},
		"a role of EC2's as well": {both, "DeleteInstanceProfile", `"instanceProfileName":"ecsExternalInstanceRole"`},
	} {
		t.Run(title, func(t *testing.T) {
			role := &storedRole{name: "ecsExternalInstanceRole", trust: test.trust}
			p := newPlay(t, role)
			if result := p.wake(90*time.Second, p.recorded(byTerraform, "CreateRole", ofRole(role.name))); result.Status != finding.Remediated {
				t.Fatalf("got %+v", result)
			}
			result := p.wake(time.Hour, p.recorded(byEve, test.call, test.parameters))
			if result.Status != finding.Skipped || result.Findings[0].Code != "role-still-used" || !slices.Contains(role.attached, agentARN) {
				t.Errorf("got %s %+v, attached %v", result.Status, result.Findings, role.attached)
			}
			p.wake(time.Hour, p.recorded(byTerraform, "DeleteRole", ofRole(role.name), "DeleteConflictException"))
			if err := p.deleteRole(role.name); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPolicyChanged: a new default version is seen at once, on every role that has
// the policy.
func TestPolicyChanged(t *testing.T) {
	const own = PolicyARN("arn:aws:iam::123456789012:policy/agent")
	one := &storedRole{name: "ecsInstanceRole-a", trust: ec2Trust, attached: []PolicyARN{own}}
	two := &storedRole{name: "ecsInstanceRole-b", trust: ec2Trust, attached: []PolicyARN{own}}
	other := &storedRole{name: "web", trust: ec2Trust, attached: []PolicyARN{own}}
	p := newPlay(t, one, two, other)
	p.a.policies[own] = allow("ecs:Poll")
	observer := &Observer{Settings: p.settings, Region: "us-east-1", Roles: p.a, Account: p.a, Instances: p.a, Providers: p.a, Now: func() time.Time { return p.now }}
	function := assemble(p.settings, observer, Applier{Roles: p.a})
	payload := p.recorded(byTerraform, "CreatePolicyVersion", `"policyArn":"`+string(own)+`","setAsDefault":true`)
	results := function.Handle(t.Context(), payload).Report().Results
	var got []string
	for _, result := range results {
		got = append(got, result.Subject+" "+string(result.Status))
	}
	slices.Sort(got)
	if want := []string{"role/ecsInstanceRole-a remediated", "role/ecsInstanceRole-b remediated", "role/web skipped"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	draft := p.recorded(byTerraform, "CreatePolicyVersion", `"policyArn":"`+string(own)+`","setAsDefault":false`)
	results = function.Handle(t.Context(), draft).Report().Results
	if err := findingtest.Check(results[0]); err != nil || results[0].Status != finding.Skipped {
		t.Errorf("a draft: %+v", results)
	}
	unused := p.recorded(byTerraform, "SetDefaultPolicyVersion", `"policyArn":"arn:aws:iam::123456789012:policy/unused","versionId":"v2"`)
	results = function.Handle(t.Context(), unused).Report().Results
	if len(results) != 1 || findingtest.Check(results[0]) != nil || results[0].Status != finding.Skipped {
		t.Errorf("a policy that no role has: %+v", results)
	}
	p.a.fail["ListEntitiesForPolicy"] = apiError("Throttling", "Rate exceeded")
	if results := function.Handle(t.Context(), payload).Report().Results; len(results) != 1 || results[0].Status != finding.Failed {
		t.Errorf("throttled: %+v", results)
	}
}

// TestLaunchWithoutProfile: a container instance without credentials is an error.
func TestLaunchWithoutProfile(t *testing.T) {
	launch := func(name string) []byte {
		return fmt.Appendf(nil, `{"eventSource":"ec2.amazonaws.com","eventName":"RunInstances","awsRegion":"us-east-1","recipientAccountId":"123456789012","eventTime":"2025-11-22T10:00:00Z",
			"requestParameters":{"instancesSet":{"items":[{"imageId":"ami-0f2b3c4d5e6f70819"}]}},
			"responseElements":{"instancesSet":{"items":[{"instanceId":"i-0dbc91f429e48eeed","imageId":"ami-0f2b3c4d5e6f70819","tagSet":{"items":[{"key":"Name","value":%q}]}}]}}}`, name)
	}
	for title, test := range map[string]struct {
		name, userData string
		status         finding.Status
	}{
		"joins a cluster":     {"web", joinScript, finding.Noncompliant},
		"a web server":        {"web", "#!/bin/bash\nyum install -y nginx\n", finding.Skipped},
		"a comment about ECS": {"web", "#!/bin/bash\n# ECS_CLUSTER\n", finding.Skipped},
	} {
		t.Run(title, func(t *testing.T) {
			p := newPlay(t)
			p.a.instances["i-0dbc91f429e48eeed"] = storedInstance{image: "ami-0f2b3c4d5e6f70819", userData: encoded(test.userData)}
			result := p.wake(time.Minute, launch(test.name))
			if result.Status != test.status || result.Findings[0].Code != "instance-profile-missing" || result.Subject != "instance/i-0dbc91f429e48eeed" {
				t.Errorf("got %s %+v of %s", result.Status, result.Findings, result.Subject)
			}
		})
	}
}
