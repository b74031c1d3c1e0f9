package rotation

import (
	"slices"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/metric"
)

func TestMeasure(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	review := func(rotated, changed time.Time) Observation {
		return Observation{Request: Request{Step: Review}, Now: now, Tags: map[string]string{DriverTag: "htpasswd"}, Rotated: rotated, Changed: changed}
	}
	promoted := func(applied bool) finding.Result {
		return finding.Result{Actions: []finding.Action{{Kind: string(Render), Applied: true}, {Kind: string(Promote), Applied: applied}}}
	}
	notOurs := review(now.AddDate(0, 0, -30), time.Time{})
	notOurs.Tags = nil
	onTime := metric.Measurement{Name: "RotationOverdue", Unit: "Count", Metric: true}
	late := onTime
	late.Value = 1
	tests := map[string]struct {
		observed Observation
		result   finding.Result
		want     []metric.Measurement
	}{
		"the label has moved": {Observation{Request: Request{Step: FinishSecret}}, promoted(true), []metric.Measurement{{Name: "Rotations", Unit: "Count", Value: 1}}},
		"it would move":       {Observation{Request: Request{Step: FinishSecret}}, promoted(false), nil},
		"another step":        {Observation{Request: Request{Step: SetSecret}, Rotated: now, Now: now, Tags: map[string]string{DriverTag: "x"}}, finding.Result{}, nil},
		"rotated":             {review(now.AddDate(0, 0, -30), now), finding.Result{}, []metric.Measurement{onTime, {Name: "SecretAge", Unit: "None", Value: 30}}},
		"overdue":             {review(now.AddDate(0, 0, -60), now), finding.Result{Findings: []finding.Finding{{Code: "other"}, {Code: "rotation-overdue"}}}, []metric.Measurement{late, {Name: "SecretAge", Unit: "None", Value: 60}}},
		"never rotated":       {review(time.Time{}, now.Add(-36*time.Hour)), finding.Result{}, []metric.Measurement{onTime, {Name: "SecretAge", Unit: "None", Value: 1.5}}},
		"nobody knows":        {review(time.Time{}, time.Time{}), finding.Result{}, []metric.Measurement{onTime}},
		"not ours":            {notOurs, finding.Result{}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := measure(test.observed, test.result); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
