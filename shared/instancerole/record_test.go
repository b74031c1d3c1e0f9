package instancerole

import (
	"testing"
	"time"
)

// TestAHealIsOneOnlyIfSomebodyDetached: an event that is older than the record
// comes again because the run was cut off between the tag and the policy.
func TestAHealIsOneOnlyIfSomebodyDetached(t *testing.T) {
	attached := time.Date(2025, 11, 22, 10, 0, 0, 0, time.UTC)
	earlier := parseRecord(map[string]string{attachedTag: "agent=" + attached.Format(time.RFC3339) + " by=ecs-guardrails"})
	agent := []policy{{Agent, agentARN}}
	for name, test := range map[string]struct {
		called time.Time
		heals  int
	}{
		"detached afterwards":         {attached.Add(time.Minute), 1},
		"detached in the same second": {attached, 1},
		"the same event again":        {attached.Add(-time.Minute), 0},
		"no event":                    {time.Time{}, 0},
	} {
		tags := earlier.with(agent, test.called, attached.Add(time.Hour))
		if healed := parseRecord(tags).healed; len(healed) != test.heals {
			t.Errorf("%s: healed at %v, want %d times", name, healed, test.heals)
		}
	}
	if tags := parseRecord(nil).with(agent, attached.Add(time.Minute), attached.Add(time.Hour)); tags[healedTag] != "" {
		t.Errorf("without a record: %q", tags)
	}
}

// FuzzRecord: what is written for a record can be read, and IAM takes it.
func FuzzRecord(f *testing.F) {
	f.Add("agent=2025-11-22T00:10:00Z by=ecs-guardrails", "2025-11-22T10:10:00Z 2025-11-22T10:20:00Z", uint8(3))
	f.Add("agent=2025-11-22T00:10:00+09:00 config= =", "x 9999-12-31T23:59:59Z", uint8(31))
	f.Fuzz(func(t *testing.T, attached, healed string, which uint8) {
		earlier := parseRecord(map[string]string{attachedTag: attached, healedTag: healed})
		var now []policy
		for i, p := range testSettings().approved() {
			if which&(1<<i) != 0 {
				now = append(now, p)
			}
		}
		tags := earlier.with(now, testTime, testTime)
		later := parseRecord(tags)
		for _, p := range now {
			if !later.attached[p.capability].Equal(testTime.Truncate(time.Second)) {
				t.Errorf("%s is not in the record %q", p.capability, tags[attachedTag])
			}
		}
		for capability := range earlier.attached {
			if _, kept := later.attached[capability]; !kept {
				t.Errorf("%s was lost from the record %q", capability, attached)
			}
		}
		if !tagValue.MatchString(tags[healedTag]) || !tagValue.MatchString(tags[attachedTag]) {
			t.Errorf("IAM would refuse %q", tags)
		}
	})
}
