package instancerole

import (
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
)

func called(at time.Time) Target { return Target{Calls: []Call{{Name: "TagRole", At: at}}} }

func redelivered(at time.Time) Target {
	target := called(at)
	target.Redelivered = true
	return target
}

// TestAHealIsOneOnlyIfSomebodyDetached: an event that is older than the record
// comes again because the run was cut off between the tag and the policy.
func TestAHealIsOneOnlyIfSomebodyDetached(t *testing.T) {
	attached := time.Date(2025, 11, 22, 10, 0, 0, 0, time.UTC)
	s := testSettings()
	agent := []policy{{capability: Agent, arn: agentARN}}
	tags, err := s.tagsFor(record{}, agent, Target{}, attached)
	if err != nil || tags[healedTag] != "" {
		t.Fatalf("the first record is %q, %v", tags, err)
	}
	earlier := s.readRecord(tags)
	for name, test := range map[string]struct {
		target Target
		now    time.Time
		heals  int
	}{
		"detached afterwards":         {called(attached.Add(time.Minute)), attached.Add(2 * time.Minute), 1},
		"detached in the same second": {called(attached), attached.Add(time.Minute), 1},
		"the same event again":        {redelivered(attached.Add(-time.Minute)), attached.Add(time.Minute), 0},
		"an older event, too late":    {called(attached.Add(-time.Minute)), attached.Add(10 * time.Minute), 1},
		"no event":                    {Target{Redelivered: true}, attached.Add(time.Minute), 0},
		"no event, a day later":       {Target{Redelivered: true}, attached.Add(24 * time.Hour), 1},
	} {
		tags, err := s.tagsFor(earlier, agent, test.target, test.now)
		if healed := s.readRecord(tags).healed; err != nil || len(healed) != test.heals {
			t.Errorf("%s: healed at %v, want %d times (%v)", name, healed, test.heals, err)
		}
	}
}

// TestRecordOfTheVersionsBefore: capabilities stand for the policies that gave
// them, unless someone else may have attached what today's settings name.
func TestRecordOfTheVersionsBefore(t *testing.T) {
	s := testSettings()
	tags := map[string]string{attachedTag: "agent=2025-11-22T00:10:00Z config=2025-11-22T00:10:00Z logs=x by=ecs-guardrails"}
	if read := s.readRecord(tags); len(read.loans) != 2 || read.loans[0].policy != agentARN || read.loans[1].policy != configARN || len(read.unclear) != 0 {
		t.Errorf("got %+v", read)
	}
	s.ConfigPolicyARN, s.AgentPolicyARN = s3ReadARN, "arn:aws:iam::123456789012:policy/own-agent"
	if read := s.readRecord(tags); len(read.loans) != 1 || read.loans[0].policy != agentARN || len(read.unclear) != 1 {
		t.Errorf("with other settings: got %+v", read)
	}
}

func TestLoansOfOtherStacks(t *testing.T) {
	s, other := testSettings(), testSettings()
	other.StackID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/guardrails/ffffffff-4b5a-6978-8796-a5b4c3d2e1f0"
	tags, err := other.tagsFor(record{}, []policy{{capability: Agent, arn: agentARN}}, Target{}, testTime)
	if err != nil {
		t.Fatal(err)
	}
	if read := s.readRecord(tags); len(read.loans) != 0 || len(read.others) != 1 || read.others[0].policy != agentARN {
		t.Errorf("got %+v", read)
	}
}

func TestPrincipalIsTheSameForAllSessions(t *testing.T) {
	one := event.Actor{ARN: "arn:aws:sts::123456789012:assumed-role/deployer/a", RoleARN: "arn:aws:iam::123456789012:role/deployer"}
	two := one
	two.ARN = "arn:aws:sts::123456789012:assumed-role/deployer/b"
	if principal(one) != principal(two) || principal(one) == "" || principal(event.Actor{InvokedBy: "ec2.amazonaws.com"}) != "" {
		t.Errorf("got %q, %q", principal(one), principal(two))
	}
}

// FuzzRecord: what is written for a record can be read, and IAM takes it.
func FuzzRecord(f *testing.F) {
	f.Add(loanPrefix+"x/y", "arn:aws:iam::aws:policy/X at=2025-11-22T00:10:00Z", "2025-11-22T10:10:00Z 2025-11-22T10:20:00Z", uint8(3))
	f.Add(attachedTag, "agent=2025-11-22T00:10:00+09:00 config= =", "x 9999-12-31T23:59:59Z", uint8(31))
	f.Fuzz(func(t *testing.T, key, value, healed string, which uint8) {
		s := testSettings()
		before := map[string]string{key: value, healedTag: healed}
		earlier := s.readRecord(before)
		var now []policy
		for i, p := range s.approved(ec2Instance) {
			if which&(1<<i) != 0 {
				now = append(now, p)
			}
		}
		tags, err := s.tagsFor(earlier, now, called(testTime), testTime)
		if err != nil {
			t.Fatal(err)
		}
		later := s.readRecord(tags)
		for _, p := range now {
			if made, known := later.loanOf(p.arn); !known || !made.when.Equal(testTime.Truncate(time.Second)) {
				t.Errorf("%s is not in the record %q", p.capability, tags)
			}
		}
		for name, text := range tags {
			if !tagValue.MatchString(text) || !tagValue.MatchString(name) || len(name) > 128 || strings.HasPrefix(name, "aws:") {
				t.Errorf("IAM would refuse %q=%q", name, text)
			}
		}
	})
}
