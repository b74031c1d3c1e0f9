package configobject_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/settings"
)

// judges find one finding in each line "error code", "warning code" or
// "info code".
var judges = configobject.Judges{ConfigFile: judgeLines("ecs.config"), EnvironmentFile: judgeLines("environment file")}

func judgeLines(kind string) configobject.Judge {
	return func(_ string, content []byte) (judgement configobject.Judgement) {
		for line := range bytes.Lines(content) {
			severity, code, found := strings.Cut(strings.TrimSpace(string(line)), " ")
			if found {
				judgement.Findings = append(judgement.Findings, finding.Finding{
					Code: code, Severity: finding.Severity(severity), Message: "found in an " + kind, Fix: "mend it",
				})
			}
		}
		return judgement
	}
}

func withMode(mode finding.Mode) configobject.Settings {
	return configobject.Settings{
		Shared: settings.Shared{Mode: mode},
		Suffixes: configobject.Suffixes{
			ConfigSuffixes: []configobject.Suffix{"ecs.config"}, EnvironmentFileSuffixes: []configobject.Suffix{".env"},
		},
	}
}

func handle(t *testing.T, settings configobject.Settings, b *bucket, payload string) finding.Report {
	t.Helper()
	return handleBy(t, function(settings, b, &clusters{}), payload)
}

// documented are all codes but those of this test's judges.
var documented = slices.Concat(configobject.Codes, configbucket.Codes, ecsconfig.Codes(), environmentfile.Codes(), pipeline.Codes)

type warm = pipeline.Function[configobject.Object, configobject.Observation, pipeline.NoQuestion, configobject.Action]

func function(settings configobject.Settings, b *bucket, c *clusters) *warm {
	return configobject.New(settings, configobject.Clients{Storage: b, Clusters: c, Roles: b, Account: wholeAccount{b}, Identity: b, Judges: judges, Region: "us-east-1"}, time.Now)
}

func handleBy(t *testing.T, function *warm, payload string) finding.Report {
	t.Helper()
	outcome := function.Handle(t.Context(), []byte(payload))
	for _, result := range outcome.Report().Results {
		for _, f := range result.Findings {
			known := slices.ContainsFunc(documented, func(code finding.Code) bool { return code.Code == f.Code })
			if !known && f.Fix != "mend it" && f.Message != "" {
				t.Errorf("the code %q is not documented", f.Code)
			}
		}
		if err := findingtest.Check(result); err != nil {
			t.Errorf("%s: %v", result.Subject, err)
		}
	}
	return outcome.Report()
}

// uploaded is S3's notification of an upload.
func uploaded(key, id string) string {
	version := ""
	if id != "" {
		version = fmt.Sprintf(`,"versionId":%q`, id)
	}
	return fmt.Sprintf(`{"Records":[{"eventSource":"aws:s3","awsRegion":"us-east-1","eventName":"ObjectCreated:Put",
		"s3":{"bucket":{"name":"acme"},"object":{"key":%q,"size":5,"eTag":"e","sequencer":"0A"%s}}}]}`, url.QueryEscape(key), version)
}

func one(t *testing.T, report finding.Report) finding.Result {
	t.Helper()
	if len(report.Results) != 1 {
		t.Fatalf("got %d results, want 1: %+v", len(report.Results), report)
	}
	return report.Results[0]
}

func codes(result finding.Result) (codes []string) {
	for _, f := range result.Findings {
		codes = append(codes, f.Code)
	}
	return codes
}

func TestVerdictBecomesTags(t *testing.T) {
	many := strings.Repeat("warning twice\n", 2)
	for i := range 40 {
		many += fmt.Sprintf("error number-%d\n", i)
	}
	nine := map[string]string{}
	for i := range 9 {
		nine[fmt.Sprintf("t%d", i)] = "x"
	}
	tests := map[string]struct {
		key, content string
		tags         map[string]string
		status       finding.Status
		codes        []string
		want         []string
	}{
		"fine": {
			"prod/ecs.config", "", nil, finding.Compliant, nil,
			[]string{"ecs-config-findings=none", "ecs-config-status=valid"},
		},
		"only a note": {
			"ecs.config", "info a", nil, finding.Compliant, []string{"a"},
			[]string{"ecs-config-findings=errors=0 warnings=0 infos=1: a", "ecs-config-status=valid"},
		},
		"warning": {
			"ecs.config", "warning a\nwarning a\ninfo b", nil, finding.Noncompliant, []string{"a", "a", "b"},
			[]string{"ecs-config-findings=errors=0 warnings=2 infos=1: a b", "ecs-config-status=warnings"},
		},
		"error, the gravest first": {
			"ecs.config", "info c\nwarning b\nerror a", nil, finding.Noncompliant, []string{"c", "b", "a"},
			[]string{"ecs-config-findings=errors=1 warnings=1 infos=1: a b c", "ecs-config-status=invalid"},
		},
		"more codes than a tag holds": {
			"ecs.config", many, nil, finding.Noncompliant, nil,
			[]string{"ecs-config-findings=errors=40 warnings=2 infos=0: number-0 number-1 number-2 number-3 number-4 number-5 number-6 number-7 number-8 number-9" +
				" number-10 number-11 number-12 number-13 number-14 number-15 number-16 number-17 number-18 number-19 number-20 number-21 number-22 +18", "ecs-config-status=invalid"},
		},
		"environment file": {
			"app/prod.env", "error a", nil, finding.Noncompliant, []string{"a"},
			[]string{"ecs-config-findings=errors=1 warnings=0 infos=0: a", "ecs-config-status=invalid"},
		},
		"beside the tags that are there": {
			"ecs.config", "", map[string]string{"owner": "team a", "ecs-config-status": "invalid"}, finding.Compliant, nil,
			[]string{"ecs-config-findings=none", "ecs-config-status=valid", "owner=team a"},
		},
		"room for the status alone": {
			"ecs.config", "", nine, finding.Noncompliant, []string{"tags-full"},
			[]string{"ecs-config-status=valid", "t0=x", "t1=x", "t2=x", "t3=x", "t4=x", "t5=x", "t6=x", "t7=x", "t8=x"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bucket{versioning: true}
			id := b.put(test.key, test.content, test.tags)
			function := function(withMode(finding.Enforce), b, &clusters{})
			result := one(t, handleBy(t, function, uploaded(test.key, id)))
			if result.Status != test.status || (test.codes != nil && !slices.Equal(codes(result), test.codes)) {
				t.Errorf("got %s %q", result.Status, codes(result))
			}
			if got := b.tagsOf(test.key, id); !slices.Equal(got, test.want) {
				t.Errorf("got tags\n%q, want\n%q", got, test.want)
			}
			if got := b.objectCalls(); len(got) != 3 {
				t.Errorf("got the calls %q, want three", got)
			}
			if want := "s3://acme/" + test.key + "?versionId=" + id; result.Subject != want {
				t.Errorf("got subject %q, want %q", result.Subject, want)
			}

			cold := len(b.calls)
			again := one(t, handleBy(t, function, uploaded(test.key, id)))
			if len(again.Actions) != 0 || len(b.calls) != cold+2 {
				t.Errorf("the second delivery acted, or looked at the bucket: %+v, calls %q", again.Actions, b.calls[cold:])
			}
		})
	}
}

func TestNoRoomForAnyTag(t *testing.T) {
	ten := map[string]string{}
	for i := range 10 {
		ten[fmt.Sprintf("t%d", i)] = "x"
	}
	b := &bucket{versioning: true}
	id := b.put("ecs.config", "", ten)
	result := one(t, handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", id)))
	if result.Status != finding.Noncompliant || !slices.Equal(codes(result), []string{"tags-full"}) || len(result.Actions) != 0 {
		t.Errorf("got %+v", result)
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	b := &bucket{versioning: true}
	id := b.put("ecs.config", "error a", nil)
	result := one(t, handle(t, withMode(finding.DryRun), b, uploaded("ecs.config", id)))
	if slices.Contains(b.calls, "PutObjectTagging") || b.tagsOf("ecs.config", id) != nil {
		t.Errorf("a dry-run tagged: %q", b.calls)
	}
	want := finding.Action{Kind: "PutObjectTagging", Target: "s3://acme/ecs.config", Summary: "ecs-config-status=invalid", Note: true}
	if !slices.Equal(result.Actions, []finding.Action{want}) {
		t.Errorf("got %+v", result.Actions)
	}
}

func TestSizes(t *testing.T) {
	tests := map[string]struct {
		size   int
		code   string
		status finding.Status
		tag    string
	}{
		"largest without remark": {64 << 10, "", finding.Compliant, "valid"},
		"large":                  {64<<10 + 1, "file-large", finding.Compliant, "valid"},
		"largest that is read":   {1 << 20, "file-large", finding.Compliant, "valid"},
		"too large":              {1<<20 + 1, "file-too-large", finding.Noncompliant, "invalid"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bucket{versioning: true}
			id := b.put("ecs.config", strings.Repeat("x", test.size), nil)
			result := one(t, handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", id)))
			if got := strings.Join(codes(result), " "); got != test.code || result.Status != test.status {
				t.Errorf("got %s %s", result.Status, got)
			}
			if tags := b.tagsOf("ecs.config", id); !slices.Contains(tags, "ecs-config-status="+test.tag) {
				t.Errorf("got tags %q", tags)
			}
		})
	}
}

func TestTheNamedVersionIsJudged(t *testing.T) {
	b := &bucket{versioning: true}
	older := b.put("ecs.config", "error a", map[string]string{"release": "1"})
	newer := b.put("ecs.config", "", map[string]string{"release": "2"})
	for _, id := range []string{newer, older} { // the newer one's event came first
		handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", id))
	}
	if got := b.tagsOf("ecs.config", newer); !slices.Contains(got, "ecs-config-status=valid") || !slices.Contains(got, "release=2") {
		t.Errorf("newer version has %q", got)
	}
	if got := b.tagsOf("ecs.config", older); !slices.Contains(got, "ecs-config-status=invalid") || !slices.Contains(got, "release=1") {
		t.Errorf("older version has %q", got)
	}
}

func TestByHandTakesWhatIsOnTop(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "", nil)
	top := b.put("ecs.config", "error a", nil)
	one(t, handle(t, withMode(finding.Enforce), b, `{"bucket":"acme","key":"ecs.config"}`))
	if got := b.tagsOf("ecs.config", top); !slices.Contains(got, "ecs-config-status=invalid") {
		t.Errorf("got %q", got)
	}
}

// An upload comes between the two reads of a request that names no version.
func TestTagsAreThoseOfTheVersionThatWasRead(t *testing.T) {
	b := &bucket{versioning: true}
	first := b.put("ecs.config", "error a", map[string]string{"release": "1"})
	var once sync.Once
	var second string
	read := make(chan struct{})
	b.after = func(call string) {
		if call == "GetObject" {
			close(read)
		}
	}
	b.before = func(call, _ string) error {
		if call == "GetObjectTagging" {
			once.Do(func() {
				<-read
				second = b.put("ecs.config", "", map[string]string{"release": "2"})
			})
		}
		return nil
	}
	one(t, handle(t, withMode(finding.Enforce), b, `{"bucket":"acme","key":"ecs.config"}`))
	if got := b.tagsOf("ecs.config", first); !slices.Contains(got, "release=1") || !slices.Contains(got, "ecs-config-status=invalid") {
		t.Errorf("first version has %q", got)
	}
	if got := b.tagsOf("ecs.config", second); !slices.Equal(got, []string{"release=2"}) {
		t.Errorf("second version has %q", got)
	}
}

func TestUnversionedBucket(t *testing.T) {
	for _, never := range []bool{true, false} {
		b := &bucket{never: never}
		id := b.put("ecs.config", "warning a", map[string]string{"owner": "a"})
		if never {
			id = ""
		}
		result := one(t, handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", id)))
		if result.Status != finding.Noncompliant || !slices.Contains(b.tagsOf("ecs.config", ""), "ecs-config-status=warnings") {
			t.Errorf("got %+v", result)
		}
	}
}

// In a bucket without versions, a newer upload takes the place of the object
// between its judgement and its tagging.
func TestReplacedWhileJudged(t *testing.T) {
	b := &bucket{never: true}
	b.put("ecs.config", "error a", nil)
	var once sync.Once
	b.before = func(call, _ string) error {
		if call == "PutObjectTagging" {
			once.Do(func() { b.put("ecs.config", "", nil) })
		}
		return nil
	}
	result := one(t, handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", "")))
	if result.Status != finding.Failed {
		t.Errorf("got %+v, want to be asked again", result)
	}
	again := one(t, handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", "")))
	if again.Status != finding.Compliant || !slices.Contains(b.tagsOf("ecs.config", ""), "ecs-config-status=valid") {
		t.Errorf("got %+v and tags %q", again, b.tagsOf("ecs.config", ""))
	}
}

func TestGone(t *testing.T) {
	b := &bucket{versioning: true}
	b.put("ecs.config", "", nil)
	b.add(&stored{key: "marked/ecs.config", marker: true})
	tests := map[string]struct{ payload, code string }{
		"version deleted":         {uploaded("ecs.config", "v9"), "subject-gone"},
		"object deleted":          {uploaded("other/ecs.config", ""), "subject-gone"},
		"delete marker on top":    {uploaded("marked/ecs.config", ""), "subject-gone"},
		"delete marker by its id": {uploaded("marked/ecs.config", "v2"), "object-deleted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			result := one(t, handle(t, withMode(finding.Enforce), b, test.payload))
			if result.Status != finding.Skipped || !slices.Equal(codes(result), []string{test.code}) {
				t.Errorf("got %+v", result)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	const denied = "User: arn:aws:sts::123456789012:assumed-role/f/f is not authorized to perform: "
	tests := map[string]struct {
		call, code, message string
		want                string
		status              finding.Status
	}{
		"object denied":        {"GetObject", "AccessDenied", denied + "s3:GetObjectVersion", "access-denied", finding.Noncompliant},
		"key denied":           {"GetObject", "AccessDenied", denied + "kms:Decrypt on resource: arn:aws:kms:us-east-1:1:key/k", "kms-access-denied", finding.Noncompliant},
		"key denied, by KMS":   {"GetObject", "KMS.AccessDeniedException", "", "kms-access-denied", finding.Noncompliant},
		"key disabled":         {"GetObject", "KMS.DisabledException", "", "kms-key-unusable", finding.Noncompliant},
		"key deleted":          {"GetObject", "KMS.NotFoundException", "", "kms-key-unusable", finding.Noncompliant},
		"key pending deletion": {"GetObject", "KMS.KMSInvalidStateException", "", "kms-key-unusable", finding.Noncompliant},
		"key throttled":        {"GetObject", "KMS.ThrottlingException", "", "call-retried", finding.Failed},
		"archived":             {"GetObject", "InvalidObjectState", "", "object-archived", finding.Noncompliant},
		"customer's key": {
			"GetObject", "InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.",
			"object-customer-key", finding.Noncompliant,
		},
		"another invalid request": {"GetObject", "InvalidRequest", "no", "call-refused", finding.Noncompliant},
		"slow down":               {"GetObject", "SlowDown", "", "call-retried", finding.Failed},
		"tags denied":             {"GetObjectTagging", "AccessDenied", "", "tags-unreadable", finding.Noncompliant},
		"tags throttled":          {"GetObjectTagging", "SlowDown", "", "call-retried", finding.Failed},
		"tagging denied":          {"PutObjectTagging", "AccessDenied", "", "access-denied", finding.Noncompliant},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bucket{versioning: true}
			id := b.put("ecs.config", "", nil)
			b.before = func(call, _ string) error {
				if call != test.call {
					return nil
				}
				return refusal(test.code, test.message)
			}
			result := one(t, handle(t, withMode(finding.Enforce), b, uploaded("ecs.config", id)))
			if result.Status != test.status || !slices.Equal(codes(result), []string{test.want}) {
				t.Errorf("got %s %+v", result.Status, result.Findings)
			}
			if tags := b.tagsOf("ecs.config", id); tags != nil {
				t.Errorf("tagged with %q", tags)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	tests := map[string]struct {
		environ []string
		want    string
	}{
		"defaults":       {nil, "{[ecs.config] [.env] no login, not in private}"},
		"logins":         {[]string{"VERIFY_REGISTRY_LOGIN=yes", "ALLOW_PRIVATE_REGISTRIES=yes"}, "{[ecs.config] [.env] login, in private}"},
		"lists":          {[]string{"CONFIG_SUFFIXES=/ecs.config, agent.conf", "ENVIRONMENT_FILE_SUFFIXES=.env,.envs"}, "{[/ecs.config agent.conf] [.env .envs] no login, not in private}"},
		"trailing":       {[]string{"CONFIG_SUFFIXES=ecs.config,"}, "empty suffix"},
		"wildcard":       {[]string{"ENVIRONMENT_FILE_SUFFIXES=*.env"}, "wildcard"},
		"unknown mode":   {[]string{"MODE=on"}, `mode "on" of all functions is unknown`},
		"unknown word":   {[]string{"ON_INVALID=undo"}, `"undo" is unknown`},
		"unknown choice": {[]string{"VERIFY_REGISTRY_LOGIN=true"}, `"true" is neither yes nor no`},
		"no authorities": {[]string{"REGISTRY_CA_FILE=/nonexistent/ca.pem"}, "certificate authorities"},
		"all at a time":  {[]string{"MODE=on", "CONFIG_SUFFIXES=,"}, "empty suffix"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := settings.Load[configobject.Settings]("validate-config", test.environ)
			login, private := "no login", "not in private"
			if got.VerifyRegistryLogin {
				login = "login"
			}
			if got.AllowPrivateRegistries {
				private = "in private"
			}
			text := fmt.Sprintf("{%v %v %s, %s}", got.ConfigSuffixes, got.EnvironmentFileSuffixes, login, private)
			if err != nil {
				text = err.Error()
			}
			if !strings.Contains(text, test.want) {
				t.Errorf("got %s, want %s", text, test.want)
			}
		})
	}
}

func TestReportIsJSON(t *testing.T) {
	b := &bucket{versioning: true}
	id := b.put("a b+ü/ecs.config", "", nil)
	report := handle(t, withMode(finding.Enforce), b, uploaded("a b+ü/ecs.config", id))
	if one(t, report).Status != finding.Compliant {
		t.Errorf("a key with spaces, plus and Unicode: %+v", report)
	}
	if _, err := json.Marshal(report); err != nil {
		t.Error(err)
	}
}
