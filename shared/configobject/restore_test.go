package configobject_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func restoring(mode finding.Mode) configobject.Settings {
	settings := withMode(mode)
	settings.OnInvalid = configobject.Restore
	return settings
}

// top gives what instances read now.
func (b *bucket) top(key string) *stored {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	object, err := b.find(key, "")
	if err != nil {
		return nil
	}
	return object
}

func TestRestore(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config.bak", "other people's", nil)
	good := b.add(&stored{
		key: "ecs.config", content: []byte("warning a"), tags: map[string]string{"owner": "team a+b"},
		metadata: map[string]string{"commit": "abc"}, contentType: aws.String("text/plain"),
	})
	b.put("ecs.config", "error b", nil)
	bad := b.put("ecs.config", "error c\nwarning d", nil)
	function := function(restoring(finding.Enforce), b, &clusters{})

	result := one(t, handleBy(t, function, uploaded("ecs.config", bad)))
	if result.Status != finding.Remediated || !slices.Equal(codes(result), []string{"c", "d", "version-restored"}) {
		t.Errorf("got %s %q", result.Status, codes(result))
	}
	wantActions := []finding.Action{
		{Kind: "PutObjectTagging", Target: "s3://acme/ecs.config", Summary: "ecs-config-status=invalid", Applied: true, Note: true},
		{Kind: "PutObject", Target: "s3://acme/ecs.config", Summary: "version " + good + " goes back on top", Applied: true},
	}
	if !slices.Equal(result.Actions, wantActions) {
		t.Errorf("got %+v", result.Actions)
	}
	top := b.top("ecs.config")
	if string(top.content) != "warning a" || top.metadata["commit"] != "abc" || aws.ToString(top.contentType) != "text/plain" {
		t.Errorf("on top is %q with %v %v", top.content, top.metadata, aws.ToString(top.contentType))
	}
	wantTags := []string{
		"ecs-config-findings=errors=0 warnings=1 infos=0: a", "ecs-config-restored-from=" + good, "ecs-config-status=warnings", "owner=team a+b",
	}
	if got := b.tagsOf("ecs.config", top.id); !slices.Equal(got, wantTags) {
		t.Errorf("got tags %q, want %q", got, wantTags)
	}
	if got := b.tagsOf("ecs.config", bad); !slices.Contains(got, "ecs-config-status=invalid") {
		t.Errorf("the bad version has the tags %q", got)
	}

	calls := len(b.calls)
	own := one(t, handleBy(t, function, uploaded("ecs.config", top.id)))
	if own.Status != finding.Noncompliant || len(own.Actions) != 0 || len(b.calls) != calls+2 {
		t.Errorf("its own write has it act: %+v, calls %q", own, b.calls[calls:])
	}
	again := one(t, handleBy(t, function, uploaded("ecs.config", bad)))
	if again.Status != finding.Noncompliant || len(again.Actions) != 0 || !slices.Contains(codes(again), "version-not-on-top") {
		t.Errorf("the second delivery: %+v", again)
	}
	if got := len(b.versions); got != 5 {
		t.Errorf("there are %d versions", got)
	}
}

func TestRestoreInADryRun(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "", nil)
	bad := b.put("ecs.config", "error a", nil)
	result := one(t, handle(t, restoring(finding.DryRun), b, uploaded("ecs.config", bad)))
	if result.Status != finding.Planned || len(result.Actions) != 2 || b.top("ecs.config").id != bad || len(b.versions) != 2 {
		t.Errorf("got %+v", result)
	}
}

func TestNothingToRestore(t *testing.T) {
	tests := map[string]struct {
		prepare func(b *bucket) (bad string)
		want    []string
	}{
		"first version": {
			func(b *bucket) string { return b.put("ecs.config", "error a", nil) },
			[]string{"a", "good-version-missing"},
		},
		"only bad ones": {
			func(b *bucket) string {
				b.put("ecs.config", "error b", nil)
				return b.put("ecs.config", "error a", nil)
			},
			[]string{"a", "good-version-missing"},
		},
		"the good one is too old": {
			func(b *bucket) string {
				b.put("ecs.config", "", nil)
				for range 20 {
					b.put("ecs.config", "error b", nil)
				}
				return b.put("ecs.config", "error a", nil)
			},
			[]string{"a", "good-version-missing"},
		},
		"the good one was deleted on purpose": {
			func(b *bucket) string {
				b.put("ecs.config", "", nil)
				b.put("ecs.config", "", nil)
				b.add(&stored{key: "ecs.config", marker: true})
				return b.put("ecs.config", "error a", nil)
			},
			[]string{"a", "good-version-missing"},
		},
		"another key's good one": {
			func(b *bucket) string {
				b.put("ecs.config.env", "", nil)
				b.put("ecs.confi", "", nil)
				return b.put("ecs.config", "error a", nil)
			},
			[]string{"a", "good-version-missing"},
		},
		"a newer one is on top": {
			func(b *bucket) string {
				b.put("ecs.config", "", nil)
				bad := b.put("ecs.config", "error a", nil)
				b.put("ecs.config", "", nil)
				return bad
			},
			[]string{"a", "version-not-on-top"},
		},
		"it was deleted meanwhile": {
			func(b *bucket) string {
				b.put("ecs.config", "", nil)
				bad := b.put("ecs.config", "error a", nil)
				b.add(&stored{key: "ecs.config", marker: true})
				return bad
			},
			[]string{"a", "version-not-on-top"},
		},
		"somebody judges otherwise": {
			func(b *bucket) string {
				b.put("ecs.config", "", nil)
				return b.put("ecs.config", "error a", map[string]string{"ecs-config-restored-from": "v0"})
			},
			[]string{"a", "restored-version-invalid"},
		},
		"no versions are kept": {
			func(b *bucket) string {
				b.versioning = false
				return b.put("ecs.config", "error a", nil)
			},
			[]string{"a", "bucket-not-versioned"},
		},
	}
	for name, test := range tests {
		for _, page := range []int{0, 1, 3} {
			t.Run(name, func(t *testing.T) {
				b := &bucket{versioning: true, page: page}
				bad := test.prepare(b)
				before := len(b.versions)
				result := one(t, handle(t, restoring(finding.Enforce), b, uploaded("ecs.config", bad)))
				if result.Status != finding.Noncompliant || !slices.Equal(codes(result), test.want) {
					t.Errorf("got %s %q, want %q", result.Status, codes(result), test.want)
				}
				if len(b.versions) != before || slices.Contains(b.calls, "PutObject") {
					t.Errorf("something was written: %q", b.calls)
				}
			})
		}
	}
}

func TestRestoreReadsOnThroughPages(t *testing.T) {
	b := &bucket{versioning: true, page: 2}
	b.put("ecs.config", "", nil)
	for range 7 {
		b.put("ecs.config", "error b", nil)
	}
	bad := b.put("ecs.config", "error a", nil)
	result := one(t, handle(t, restoring(finding.Enforce), b, uploaded("ecs.config", bad)))
	if result.Status != finding.Remediated || len(b.top("ecs.config").content) != 0 {
		t.Errorf("got %+v", result)
	}
}

// A version that cannot be read, or is too large, is no good version.
func TestRestorePassesOverWhatCannotBeRead(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "info fine", nil)
	b.put("ecs.config", strings.Repeat("x", 1<<20+1), nil)
	archived := b.put("ecs.config", "", nil)
	bad := b.put("ecs.config", "error a", nil)
	b.beforeVersion = func(call, id string) error {
		if call == "GetObject" && id == archived {
			return apiError("InvalidObjectState")
		}
		return nil
	}
	result := one(t, handle(t, restoring(finding.Enforce), b, uploaded("ecs.config", bad)))
	if result.Status != finding.Remediated || string(b.top("ecs.config").content) != "info fine" {
		t.Errorf("got %+v", result)
	}
}

// A newer upload arrives between the look and the restoration, and stays on top.
func TestUploadInFlight(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "", nil)
	bad := b.put("ecs.config", "error a", nil)
	var once sync.Once
	b.before = func(call, _ string) error {
		if call == "PutObject" {
			once.Do(func() { b.put("ecs.config", "info newer", nil) })
		}
		return nil
	}
	result := one(t, handle(t, restoring(finding.Enforce), b, uploaded("ecs.config", bad)))
	if result.Status != finding.Failed || len(result.Actions) != 2 || result.Actions[1].Applied {
		t.Errorf("got %+v, want to be asked again", result)
	}
	again := one(t, handle(t, restoring(finding.Enforce), b, uploaded("ecs.config", bad)))
	if again.Status != finding.Noncompliant || !slices.Contains(codes(again), "version-not-on-top") {
		t.Errorf("got %+v", again)
	}
	if top := b.top("ecs.config"); string(top.content) != "info newer" || len(b.versions) != 3 {
		t.Errorf("on top is %q of %d versions", top.content, len(b.versions))
	}
}

// Cut off after any call, the next delivery ends in the same state.
func TestCutOff(t *testing.T) {
	state := func(cut int) (string, int) {
		b := &bucket{versioning: true}
		b.put("ecs.config", "", nil)
		bad := b.put("ecs.config", "error a", nil)
		function := function(restoring(finding.Enforce), b, &clusters{})
		handleBy(t, function, `{"bucket":"acme","key":"none/ecs.config"}`) // the bucket is known now
		var done atomic.Int64
		b.before = func(string, string) error {
			if done.Add(1) == int64(cut) {
				return apiError("InternalError")
			}
			return nil
		}
		handleBy(t, function, uploaded("ecs.config", bad))
		calls := int(done.Load())
		handleBy(t, function, uploaded("ecs.config", bad))
		var lines []string
		for _, object := range b.versions {
			lines = append(lines, object.id+" "+string(object.content)+" "+strings.Join(b.tagsOf(object.key, object.id), " "))
		}
		return strings.Join(lines, "\n"), calls
	}
	want, calls := state(0)
	for cut := 1; cut <= calls; cut++ {
		if got, _ := state(cut); got != want {
			t.Errorf("cut off at call %d:\n%s\nwant\n%s", cut, got, want)
		}
	}
	// One lists the roles.
	if calls != 9 {
		t.Errorf("%d calls", calls)
	}
}
