package instancerole

import (
	"testing"
	"time"
)

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
		tags := earlier.with(now, testTime)
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
