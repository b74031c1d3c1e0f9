package configobject_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

func TestSubjects(t *testing.T) {
	eventBridge := func(detailType, object string) string {
		return fmt.Sprintf(`{"source":"aws.s3","detail-type":%q,"account":"123456789012","region":"us-east-1",
			"detail":{"version":"0","bucket":{"name":"acme"},"object":%s,"reason":"PutObject"}}`, detailType, object)
	}
	record := func(name, key string) string {
		return fmt.Sprintf(`{"eventSource":"aws:s3","eventName":%q,"s3":{"bucket":{"name":"acme"},"object":{"key":%q,"versionId":"v1"}}}`, name, key)
	}
	records := func(of ...string) string { return `{"Records":[` + strings.Join(of, ",") + `]}` }
	tests := map[string]struct {
		payload string
		want    []string // "status codes subject"
	}{
		"put":                              {records(record("ObjectCreated:Put", "ecs.config")), []string{"compliant [] s3://acme/ecs.config?versionId=v1"}},
		"copy":                             {records(record("ObjectCreated:Copy", "prod/ecs.config")), []string{"compliant [] s3://acme/prod/ecs.config?versionId=v1"}},
		"multipart":                        {records(record("ObjectCreated:CompleteMultipartUpload", "prod-ecs.config")), []string{"compliant [] s3://acme/prod-ecs.config?versionId=v1"}},
		"back from an archive":             {records(record("ObjectRestore:Completed", "ecs.config")), []string{"compliant [] s3://acme/ecs.config?versionId=v1"}},
		"asked back from an archive":       {records(record("ObjectRestore:Post", "ecs.config")), []string{"skipped [event-not-handled] event"}},
		"back, by EventBridge":             {eventBridge("Object Restore Completed", `{"key":"a b/ecs.config","version-id":"v1"}`), []string{"compliant [] s3://acme/a b/ecs.config?versionId=v1"}},
		"created, by EventBridge":          {eventBridge("Object Created", `{"key":"a+b.env","version-id":"v1"}`), []string{"compliant [] s3://acme/a+b.env?versionId=v1"}},
		"never versioned":                  {eventBridge("Object Created", `{"key":"ecs.config"}`), []string{"compliant [] s3://acme/ecs.config"}},
		"our own tagging":                  {eventBridge("Object Tags Added", `{"key":"ecs.config","version-id":"v1"}`), []string{"skipped [event-not-handled] event"}},
		"deleted":                          {records(record("ObjectRemoved:Delete", "ecs.config")), []string{"skipped [object-deleted] s3://acme/ecs.config?versionId=v1"}},
		"deleted, by EventBridge":          {eventBridge("Object Deleted", `{"key":"ecs.config","version-id":"v1"}`), []string{"skipped [object-deleted] s3://acme/ecs.config?versionId=v1"}},
		"other people's":                   {records(record("ObjectCreated:Put", "ecs.config.bak")), []string{"skipped [key-not-handled] s3://acme/ecs.config.bak?versionId=v1"}},
		"other case":                       {records(record("ObjectCreated:Put", "ECS.CONFIG")), []string{"skipped [key-not-handled] s3://acme/ECS.CONFIG?versionId=v1"}},
		"two":                              {records(record("ObjectCreated:Put", "ecs.config"), record("ObjectCreated:Put", "x.env")), []string{"compliant [] s3://acme/ecs.config?versionId=v1", "compliant [] s3://acme/x.env?versionId=v1"}},
		"one twice":                        {records(record("ObjectCreated:Put", "ecs.config"), record("ObjectCreated:Put", "ecs.config")), []string{"compliant [] s3://acme/ecs.config?versionId=v1"}},
		"test":                             {`{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"acme","RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}`, []string{"skipped [event-not-handled] event"}},
		"by hand":                          {`{"bucket":"acme","key":"ecs.config"}`, []string{"compliant [] s3://acme/ecs.config"}},
		"by hand, a version":               {`{"bucket":"acme","key":"ecs.config","versionId":"v1"}`, []string{"compliant [] s3://acme/ecs.config?versionId=v1"}},
		"by hand, no key":                  {`{"bucket":"acme"}`, []string{"noncompliant [event-malformed] event"}},
		"by hand, empty bucket":            {`{"bucket":"","key":"ecs.config"}`, []string{"noncompliant [event-malformed] event"}},
		"by hand, key of wrong type":       {`{"bucket":"acme","key":["ecs.config"]}`, []string{"noncompliant [event-malformed] event"}},
		"by hand, version of wrong type":   {`{"bucket":"acme","key":"ecs.config","versionId":null}`, []string{"noncompliant [event-malformed] event"}},
		"by hand, an address as bucket":    {`{"bucket":"s3://acme","key":"ecs.config"}`, []string{"noncompliant [event-malformed] event"}},
		"by hand, something else":          {`{"role":"ecsInstanceRole"}`, []string{"skipped [event-not-handled] event"}},
		"schedule":                         {`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`, []string{"skipped [event-not-handled] event"}},
		"empty":                            {``, []string{"noncompliant [event-malformed] event"}},
		"null":                             {`null`, []string{"noncompliant [event-malformed] event"}},
		"list":                             {`[]`, []string{"noncompliant [event-malformed] event"}},
		"truncated":                        {`{"Records":[{"s3":`, []string{"noncompliant [event-malformed] event"}},
		"no bucket":                        {`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"ecs.config"}}}]}`, []string{"noncompliant [event-malformed] event"}},
		"key of wrong type":                {`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"acme"},"object":{"key":7}}}]}`, []string{"noncompliant [event-malformed] event"}},
		"detail of wrong type":             {`{"source":"aws.s3","detail-type":"Object Created","detail":[]}`, []string{"noncompliant [event-malformed] event"}},
		"six megabytes of rubbish":         {strings.Repeat("x", 6<<20), []string{"noncompliant [event-malformed] event"}},
		"six megabytes of one JSON string": {`{"bucket":"` + strings.Repeat("x", 6<<20) + `"}`, []string{"noncompliant [event-malformed] event"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := &bucket{versioning: true}
			for _, key := range []string{"ecs.config", "prod/ecs.config", "prod-ecs.config", "a b/ecs.config", "a+b.env", "x.env"} {
				b.serial = 0
				b.put(key, "", nil)
			}
			var got []string
			for _, result := range handle(t, withMode(finding.Enforce), b, test.payload).Results {
				got = append(got, fmt.Sprintf("%s %v %s", result.Status, codes(result), result.Subject))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestLongestSuffixWins(t *testing.T) {
	settings := withMode(finding.Enforce)
	settings.ConfigSuffixes = []configobject.Suffix{"config.env"}
	b := &bucket{versioning: true}
	id := b.put("config.env", "error a", nil)
	result := one(t, handle(t, settings, b, uploaded("config.env", id)))
	if len(result.Findings) != 1 || result.Findings[0].Message != "found in an ecs.config" {
		t.Errorf("got %+v", result.Findings)
	}
}

// Every sample event of the function finds its object.
func TestSampleEvents(t *testing.T) {
	samples, err := filepath.Glob("../../events/ecs-config-*.json")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	samples = append(samples, "../../events/environment-file-uploaded.json")
	for _, sample := range samples {
		payload, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		b := &bucket{versioning: true}
		result := one(t, handle(t, withMode(finding.DryRun), b, string(payload)))
		switch name := filepath.Base(sample); {
		case name == "ecs-config-test-event.json":
			if !slices.Equal(codes(result), []string{"event-not-handled"}) {
				t.Errorf("%s: got %+v", name, result)
			}
		default:
			if !slices.Equal(codes(result), []string{"subject-gone"}) || !strings.HasPrefix(result.Subject, "s3://acme-ecs-config/") {
				t.Errorf("%s: got %+v, want the look at an object", name, result)
			}
		}
	}
}

func FuzzSubjects(f *testing.F) {
	f.Add([]byte(uploaded("prod/ecs.config", "v1")))
	f.Add([]byte(`{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"acme"},"object":{"key":"a.env","version-id":"v1"}}}`))
	f.Add([]byte(`{"bucket":"acme","key":"ecs.config","versionId":"v1"}`))
	f.Add([]byte(`{"bucket":{},"key":7}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		b := &bucket{versioning: true}
		b.put("ecs.config", "", nil)
		for _, result := range handle(t, withMode(finding.Enforce), b, string(payload)).Results {
			if result.Status == finding.Failed {
				t.Errorf("failed: %+v", result)
			}
		}
	})
}
