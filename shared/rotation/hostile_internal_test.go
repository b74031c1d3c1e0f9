package rotation

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/manual"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// TestHostileTexts puts each text that others could choose where rotate-secret reads
// it, and looks at the grammar of all that is said, and for secrets in it.
func TestHostileTexts(t *testing.T) {
	said := map[string]bool{}
	for kind, text := range findingtest.Hostile() {
		for _, f := range saidAbout(text) {
			said[f.Code] = true
			for _, fault := range findingtest.Faults(f) {
				t.Errorf("%s with %s: %s\n%s\nfix: %s", f.Code, kind, fault, f.Message, f.Fix)
			}
			for _, hidden := range []string{"AKIAIOSFODNN7EXAMPLE", "0123456789abcdefghij", "hunter2", "c2lnbmF0dXJl", "dXNlcjpodW50"} {
				if strings.Contains(f.Message+f.Fix, hidden) {
					t.Errorf("%s with %s shows a secret: %s\nfix: %s", f.Code, kind, f.Message, f.Fix)
				}
			}
		}
	}
	for _, code := range []string{
		"rotated-by-another", "replica-stale", "version-locked", "previous-held", "rotation-underway", "driver-unknown", "tag-malformed",
		"config-missing", "configs-too-many", "bucket-unlistable", "config-unreadable", "cluster-missing", "instances-unreachable",
		"refresh-running", "refresh-ended", "refresh-failed", "registry-api", "administrator-refused", "login-refused", "registry-answer",
		"image-missing", "current-refused", "administrator-unlisted", "administrator-for-others", "pull-unproven", "secret-shape", "account-missing",
	} {
		if !said[code] {
			t.Errorf("%s wasn't said", code)
		}
	}
}

// saidAbout gives the findings whose values come from outside, with one text for all.
func saidAbout(text string) []finding.Finding {
	// Where nothing would mean that there is none.
	some := cmp.Or(text, "x")
	drivers := map[string]registry.Driver{"manual": manual.Driver{}}
	now := time.Date(2026, 8, 1, 6, 0, 0, 0, time.UTC)
	o := Observation{
		Request: Request{Step: Review}, Now: now, Name: text, Function: "arn:aws:lambda:us-east-1:123456789012:function:ours", RotatedBy: some,
		Stages: map[string][]string{text: {pending}}, Changed: now.AddDate(0, 0, -3),
		Replicas: map[string]string{text: some},
		Issued:   []registry.Issued{{ID: text, Version: text}}, Minted: map[string]Value{text: {Locked: true}},
		Unseen: map[string]string{text: text},
		Pulls:  map[string][]registry.Answer{forInUse: {{Access: registry.Absent, Why: text}}},
		Uses:   Uses{Unknown: some},
	}
	target := Target{Registry: registry.Registry{Host: text}, Image: &registry.Image{}}
	group := fleet{cluster: some, written: now}
	var faults []ConfigFault
	for _, kind := range []ConfigFaultKind{FileUnreadable, FileMissing, TooManyFiles, BucketUnlistable} {
		faults = append(faults, ConfigFault{Where: "s3://" + text, Kind: kind, Answer: text, Listed: true}, ConfigFault{Where: text, Kind: kind})
	}
	_, malformed := parseTarget(map[string]string{
		RegistryTag: "registry.example.com", DriverTag: text, ImageTag: text + " x", AdminTag: text + " x", GraceTag: text, ExpiresTag: text, ConfigTag: text, MaintenanceTag: text,
	}, drivers)
	_, unlisted := administratorOf(Value{Present: true, Text: secret.New(`{"password": "x"}`)}, some)
	_, others := administratorOf(Value{Present: true, Text: secret.New(`{"password": "x", "secrets": ["theirs"]}`)}, some)

	findings := slices.Concat(
		malformed, unlisted, others, rotatedByAnother(o), staleReplicas(o, replicaStale), staleReplicas(o, replicaHolds), o.locked(),
		unseenHolders(o, previousMayBeHeld), unseenHolders(o, standbyMayBeHeld), configFaults(faults), testImageFault(o, target), unproven(o, Target{}, ""),
		unreached(group, reach{missing: true}), unreached(group, reach{silent: []string{text, text}}), []finding.Finding{underwayFault(o)},
	)
	for _, last := range []sent{{running: true, targets: 1}, {complete: true, targets: 2}, {failed: 1, targets: 2}} {
		last.id, last.when = some, now
		told, _, _ := judgeSent(group, last, now)
		findings = append(findings, told...)
	}
	for _, kind := range []registry.Kind{registry.Refused, registry.Missing, registry.Misplaced, registry.Unsafe, registry.Open, registry.Unexpected} {
		failure := registry.Failure(kind, text)
		o.InUse = &Attempt{Err: failure}
		findings = append(findings, apiFault(failure), loginFault(target, *o.InUse))
		findings = append(findings, inUseFault(o, target)...)
		renewal := renewed{now: now, tags: map[string]string{DriverTag: "manual"}, rotates: true, host: text, login: failure, tried: true}
		findings = append(findings, planRenewal(renewal).Findings...)
		renewal.fault = some
		findings = append(findings, planRenewal(renewal).Findings...)
	}
	return findings
}
