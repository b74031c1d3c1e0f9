package rotation_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

func auth(username, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
}

// configFiles are files as people keep them, each a function of the credential
// for registry.example.com.
var configFiles = map[string]func(username, password string) string{
	"prod/ecs.config": func(username, password string) string {
		return "# production\r\nECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"https://index.docker.io/v1/\": {\"auth\":\"" +
			auth("hubbot", "p") + "\",\"email\":\"a@b.c\"} , \"registry.example.com\":{ \"email\" :\"x\", \"auth\" : \"" + auth(username, password) + "\"}}\nECS_LOGLEVEL=warn"
	},
	"dev-ecs.config": func(username, password string) string {
		return fmt.Sprintf("ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"https://registry.example.com\":{\"password\":%q,\"username\":%q,\"email\":\"e@x.y\"},\"other.example.com\":{\"username\":\"ci\",\"password\":\"q\"}}\n", password, username)
	},
	"twice/ecs.config": func(username, password string) string {
		return fmt.Sprintf("ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"username\":%q,\"password\":%q},\"registry.example.com/team/\":{\"username\":%q,\"password\":%q}}\n", username, password, username, password)
	},
	// These are not ours.
	"person/ecs.config": func(string, string) string {
		return "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"username\":\"person\",\"password\":\"p\"}}\n"
	},
	"plain/ecs.config": func(string, string) string { return "ECS_CLUSTER=plain\n" },
	"broken/ecs.config": func(string, string) string {
		return "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":\n"
	},
	"empty/ecs.config": func(string, string) string { return "" },
	"prod/other.config": func(string, string) string {
		return "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"username\":\"ci\",\"password\":\"" + canary + "\"}}\n"
	},
	"prod/ecs.config.md": func(string, string) string { return "ECS_ENGINE_AUTH_DATA" },
}

func (w *world) writeConfigs() {
	for key, content := range configFiles {
		w.objects.Write(configBucket, key, []byte(content("ci", canary)))
	}
}

// rightConfigs holds every file against what it has to be, byte for byte.
func (w *world) rightConfigs(t *testing.T) {
	t.Helper()
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	for key, content := range configFiles {
		if got, want := string(w.objects.Read(configBucket, key)), content(username, password); got != want {
			t.Errorf("%s has another content than it should:\n%s", key, strings.NewReplacer(password, "…", canary, "…").Replace(got))
		}
	}
}

// TestOddCredentials begins with a password that needs quoting everywhere.
func TestOddCredentials(t *testing.T) {
	const odd = `pä"$(x)\ ß😀&<>'`
	w := newWorld(t)
	w.objects.Write("acme", "auth/htpasswd", []byte(line(t, "ci", odd)))
	value, err := json.Marshal(map[string]string{"username": "ci", "password": odd})
	if err != nil {
		t.Fatal(err)
	}
	w.secrets.Values["version-0"] = string(value) + "\n"
	w.secrets.Begin(version1)
	if result := w.run(t, "testSecret", version1); codes(result) != "configuration-tested" {
		t.Errorf("the odd password: %+v", result)
	}
	for key, content := range configFiles {
		w.objects.Write(configBucket, key, []byte(content("ci", odd)))
	}
	w.rotate(t, version1)
	w.rightConfigs(t)
	w.usable(t)
}

// rightProperties holds what files were written with against what they had.
func (w *world) rightProperties(t *testing.T) {
	t.Helper()
	as := &registrytest.ObjectStore{}
	as.Write(configBucket, "k", nil)
	want := as.Stored(configBucket, "k")
	tags := func(header *string) url.Values {
		parsed, err := url.ParseQuery(*header)
		if err != nil || strings.Contains(*header, "+") {
			t.Errorf("the tags are %q, %v", *header, err)
		}
		return parsed
	}
	for key := range configFiles {
		got := w.objects.Stored(configBucket, key)
		if diff := cmp.Diff(tags(want.Tagging), tags(got.Tagging)); diff != "" {
			t.Errorf("%s has other tags: %s", key, diff)
		}
		copied := *got
		copied.Bucket, copied.Key, copied.Body, copied.IfMatch, copied.Tagging = nil, nil, nil, nil, want.Tagging
		if diff := cmp.Diff(want, &copied, cmpopts.IgnoreUnexported(s3.PutObjectInput{})); diff != "" {
			t.Errorf("%s has other properties: %s", key, diff)
		}
	}
}

func TestConfigFiles(t *testing.T) {
	w := newWorld(t)
	w.writeConfigs()
	for n := range 3 {
		version := fmt.Sprintf("version-%d", n+1)
		w.secrets.Begin(version)
		for _, step := range rotation.Steps() {
			result := w.run(t, string(step), version)
			if result.Status != finding.Compliant {
				t.Fatalf("%s: %+v", step, result)
			}
			if step == rotation.FinishSecret && len(result.Actions) != 4 {
				t.Errorf("finishSecret has the actions %+v", result.Actions)
			}
		}
		w.rightConfigs(t)
		w.rightProperties(t)
		puts := w.objects.Puts()
		if result := w.run(t, "finishSecret", version); codes(result) != "rotation-already-done" || w.objects.Puts() != puts {
			t.Errorf("finishSecret again: %+v", result)
		}
	}
}

// TestConfigFilesCutOff cuts finishSecret off at every call.
func TestConfigFilesCutOff(t *testing.T) {
	t.Parallel()
	points := 0
	for _, after := range []bool{false, true} {
		for at := 1; ; at += stride() {
			w := newWorld(t)
			w.writeConfigs()
			w.secrets.Begin(version1)
			for _, step := range rotation.Steps()[:3] {
				w.run(t, string(step), version1)
			}
			interruption := &registrytest.Interruption{At: at, After: after}
			w.interrupt(interruption)
			w.function(finding.Enforce).Handle(t.Context(), stepEvent("finishSecret", version1))
			w.interrupt(nil)
			if !interruption.Cut() {
				break
			}
			points++
			if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant {
				t.Fatalf("cut at %d (after: %v): %+v", at, after, result)
			}
			w.rightConfigs(t)
		}
	}
	t.Logf("%d cut points", points)
	if points < 20/stride() {
		t.Errorf("only %d cut points", points)
	}
}

// TestConfigBucketMissing: a listed bucket that is gone doesn't hold the rotation up.
func TestConfigBucketMissing(t *testing.T) {
	w := newWorld(t)
	w.objects.Missing = configBucket
	w.begun(t)
	if result := w.run(t, "finishSecret", version1); codes(result) != "bucket-unlistable" || result.HasError() {
		t.Errorf("got %+v", result)
	}
	if version, _ := w.secrets.Staged("AWSCURRENT"); version != version1 {
		t.Error("the new credential did not become current")
	}
}

// TestListedFilesThatCannotBeFound: the rotation goes on, and names the entry.
func TestListedFilesThatCannotBeFound(t *testing.T) {
	for name, test := range map[string]struct {
		entry, want string
		files       int
	}{
		"a file that is missing":        {"s3://" + configBucket + "/prod/ecs.config", "config-missing", 0},
		"more files than a run reads":   {"s3://" + configBucket + "/fleet/*", "configs-too-many", 1001},
		"as many files as a run reads":  {"s3://" + configBucket + "/fleet/*", "", 1000},
		"a prefix that has no file yet": {"s3://" + configBucket + "/fleet/*", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets.Tags[rotation.ConfigTag] = test.entry
			for n := range test.files {
				w.objects.Write(configBucket, fmt.Sprintf("fleet/%04d/ecs.config", n), []byte("ECS_CLUSTER=fleet\n"))
			}
			w.begun(t)
			if result := w.run(t, "finishSecret", version1); codes(result) != test.want || result.HasError() {
				t.Errorf("got %+v", result)
			}
			if version, _ := w.secrets.Staged("AWSCURRENT"); version != version1 {
				t.Error("the new credential did not become current")
			}
		})
	}
}

// TestConfigFileUnreadable has files that the function may not read, SSE-C among
// them. The others are written, and the rotation ends well.
func TestConfigFileUnreadable(t *testing.T) {
	w := newWorld(t)
	w.writeConfigs()
	w.objects.Unreadable = map[string]string{}
	for n, code := range []string{"AccessDenied", "KMS.DisabledException", "InvalidRequest", "AccessDenied"} {
		key := fmt.Sprintf("strange/%d/ecs.config", n)
		w.objects.Write(configBucket, key, []byte("ECS_CLUSTER=strange\n"))
		w.objects.Unreadable[configBucket+"/"+key] = code
	}
	w.secrets.Tags[rotation.ConfigTag] += " s3://" + configBucket + "/strange/0/ecs.config"
	w.begun(t)
	result := w.run(t, "finishSecret", version1)
	if codes(result) != "config-unreadable config-unreadable" || result.HasError() {
		t.Fatalf("got %+v", result)
	}
	// A file that is listed by name is the owner's own; one under a prefix may be anyone's.
	if named, found := result.Findings[0], result.Findings[1]; named.Severity != finding.Warning || !strings.Contains(named.Message, "/strange/0/") || found.Severity != finding.Info || !strings.Contains(found.Message, "KMS.DisabledException") {
		t.Errorf("got %+v", result.Findings)
	}
	w.rightConfigs(t)
}

// TestConfigFileArchived has an old file in an archive, from where no instance
// reads it.
func TestConfigFileArchived(t *testing.T) {
	w := newWorld(t)
	w.writeConfigs()
	w.objects.Write(configBucket, "2019/ecs.config", []byte("ECS_CLUSTER=old\n"))
	w.objects.Unreadable = map[string]string{configBucket + "/2019/ecs.config": "InvalidObjectState"}
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	w.rightConfigs(t)
}

func TestConfigFileBesideAnEditor(t *testing.T) {
	w := newWorld(t)
	w.writeConfigs()
	w.secrets.Begin(version1)
	for _, step := range rotation.Steps()[:3] {
		w.run(t, string(step), version1)
	}
	const key = "prod/ecs.config"
	persons := "ECS_CLUSTER=new\n" + configFiles[key]("ci", canary)
	w.objects.BeforePut = func(store *registrytest.ObjectStore) {
		store.BeforePut = nil
		for key := range maps.Keys(configFiles) {
			if strings.HasSuffix(key, "ecs.config") {
				store.Write(configBucket, key, append([]byte("ECS_CLUSTER=new\n"), store.Read(configBucket, key)...))
			}
		}
	}
	if result := w.run(t, "finishSecret", version1); result.Status != finding.Failed || codes(result) != "call-retried" {
		t.Errorf("got %+v", result)
	}
	if got := string(w.objects.Read(configBucket, key)); got != persons {
		t.Error("the person's upload was overwritten")
	}
	if result := w.run(t, "finishSecret", version1); result.Status != finding.Compliant {
		t.Errorf("got %+v", result)
	}
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	if got := string(w.objects.Read(configBucket, key)); got != "ECS_CLUSTER=new\n"+configFiles[key](username, password) {
		t.Error("the person's upload was not rendered")
	}
}

// TestConfigFilesOfSeveralBuckets looks through buckets that were there before
// the stack, too.
func TestConfigFilesOfSeveralBuckets(t *testing.T) {
	w := newWorld(t)
	w.buckets = []string{"existing-a", "existing-b"}
	w.secrets.Tags[rotation.ConfigTag] += " s3://existing-a/* s3://existing-b/"
	for _, bucket := range append([]string{configBucket, "elsewhere"}, w.buckets...) {
		for n := range 3 {
			w.objects.Write(bucket, fmt.Sprintf("%d/ecs.config", n), []byte(configFiles["dev-ecs.config"]("ci", canary)))
		}
	}
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	for _, bucket := range append([]string{configBucket}, w.buckets...) {
		for n := range 3 {
			if string(w.objects.Read(bucket, fmt.Sprintf("%d/ecs.config", n))) != configFiles["dev-ecs.config"](username, password) {
				t.Errorf("s3://%s/%d/ecs.config does not carry the new credential", bucket, n)
			}
		}
	}
	if string(w.objects.Read("elsewhere", "0/ecs.config")) != configFiles["dev-ecs.config"]("ci", canary) {
		t.Error("a file of another bucket was changed")
	}
}

// TestConfigFilesOfATag looks at the files that the secret names, and at no other.
func TestConfigFilesOfATag(t *testing.T) {
	w := newWorld(t)
	w.writeConfigs()
	w.objects.Write("elsewhere", "a/agent.conf", []byte(configFiles["dev-ecs.config"]("ci", canary)))
	w.secrets.Tags[rotation.ConfigTag] = "s3://elsewhere/a/agent.conf  s3://" + configBucket + "/prod/ecs.config"
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	for place, want := range map[[2]string]string{
		{"elsewhere", "a/agent.conf"}:     configFiles["dev-ecs.config"](username, password),
		{configBucket, "prod/ecs.config"}: configFiles["prod/ecs.config"](username, password),
		{configBucket, "dev-ecs.config"}:  configFiles["dev-ecs.config"]("ci", canary),
	} {
		if string(w.objects.Read(place[0], place[1])) != want {
			t.Errorf("%s is another than it should be", place)
		}
	}
	w.secrets.Tags[rotation.ConfigTag] = "elsewhere/a"
	w.secrets.Begin("version-2")
	if result := w.run(t, "createSecret", "version-2"); codes(result) != "tag-malformed" {
		t.Errorf("got %+v", result)
	}
}

// TestTokensOfOthersStay leaves a person's own token for the same user alone.
func TestTokensOfOthersStay(t *testing.T) {
	w, _, _ := newVendorWorld(vendors()["docker hub, personal"])
	file := func(password, persons string) string {
		return fmt.Sprintf("ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"https://index.docker.io/v1/\":{\"auth\":%q},\"docker.io\":{\"auth\":%q}}\n", auth("ecsbot", password), auth("ecsbot", persons))
	}
	w.objects.Write(configBucket, "ecs.config", []byte(file(canary, "another-token")))
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	_, value := w.secrets.Staged("AWSCURRENT")
	_, password := credentialOf(t, value)
	if string(w.objects.Read(configBucket, "ecs.config")) != file(password, "another-token") {
		t.Error("the file is another than it should be")
	}
}

// TestReview looks at a secret between rotations.
// TestBinaryPrevious has a previous version of the secret that is no text, from
// before its owner learnt what ECS reads.
func TestBinaryPrevious(t *testing.T) {
	for name, v := range allVendors() {
		t.Run(name, func(t *testing.T) {
			w, _, _ := newVendorWorld(v)
			w.secrets.Values["binary"], w.secrets.Binary = canary, map[string]bool{"binary": true}
			w.secrets.Stages["binary"] = []string{"AWSPREVIOUS"}
			w.secrets.Tags[rotation.GraceTag] = "0h"
			if result := w.review(t); codes(result) != "previous-unmanaged" {
				t.Errorf("looked at: %+v", result)
			}
			w.secrets.Begin(version1)
			w.rotate(t, version1)
			w.usable(t)
			// The current one must be text.
			w.secrets.Binary[version1] = true
			w.secrets.Begin("version-2")
			if result := w.run(t, "createSecret", "version-2"); codes(result) != "secret-shape" {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// TestVersionWithoutAKey has an old version that was encrypted with a key that is
// gone. No one can say what its token is for, so it stays, and the rotation goes on.
func TestVersionWithoutAKey(t *testing.T) {
	w, s, _ := newVendorWorld(vendors()["gitea"])
	for _, version := range []string{"version-1", "version-2"} {
		w.secrets.Begin(version)
		w.rotate(t, version)
	}
	w.secrets.Locked = map[string]bool{"version-1": true}
	w.secrets.Begin(version1)
	for _, step := range rotation.Steps() {
		if result := w.run(t, string(step), version1); result.HasError() {
			t.Fatalf("%s: %+v", step, result)
		}
	}
	w.usable(t)
	if issued(s) != 3 {
		t.Errorf("%d tokens of ours are left", issued(s))
	}
	if result := w.run(t, "finishSecret", version1); codes(result) != "version-locked" || !strings.Contains(result.Findings[0].Message, "version-1") {
		t.Errorf("of the token that is kept, it says %+v", result)
	}
	// A permission that is missing comes back: the step is repeated, and loses nothing.
	w.secrets.Denied = w.secrets.Locked
	if result := w.run(t, "finishSecret", version1); !result.HasError() {
		t.Errorf("without the permission to read a version: %+v", result)
	}
	w.secrets.Denied = nil
	w.secrets.Locked["version-2"] = true
	w.secrets.Begin("version-4")
	if result := w.run(t, "createSecret", "version-4"); result.HasError() {
		t.Errorf("got %+v", result)
	}
	w.secrets.Locked[version1] = true
	if result := w.run(t, "createSecret", "version-4"); codes(result) != "call-refused" {
		t.Errorf("without the key of the current version: %+v", result)
	}
}

// TestOldCopyOfAFile has a person upload a copy of an ecs.config from before the
// last rotation. The next one revokes the token in it.
func TestOldCopyOfAFile(t *testing.T) {
	w, _, _ := newVendorWorld(vendors()["gitea"])
	file := func(version string) string {
		username, password := credentialOf(t, w.secrets.Values[version])
		return fmt.Sprintf("ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"gitea.example.com\":{\"username\":%q,\"password\":%q}}\n", username, password)
	}
	for _, version := range []string{"pinned", "version-1", "version-2"} {
		w.secrets.Begin(version)
		w.rotate(t, version)
		if version == "pinned" {
			w.secrets.Stages[version] = append(w.secrets.Stages[version], "canary-hosts")
		}
	}
	w.objects.Write(configBucket, "ecs.config", []byte(file("version-1")))
	w.objects.Write(configBucket, "pinned/ecs.config", []byte(file("pinned")))
	w.secrets.Begin("version-3")
	w.rotate(t, "version-3")
	w.usable(t)
	for key, version := range map[string]string{"ecs.config": "version-3", "pinned/ecs.config": "pinned"} {
		if string(w.objects.Read(configBucket, key)) != file(version) {
			t.Errorf("%s does not carry the credential of %s", key, version)
		}
		if username, password := credentialOf(t, w.secrets.Values[version]); !w.accepts(username, password) {
			t.Errorf("%s carries a token that is revoked", key)
		}
	}
}

func TestReview(t *testing.T) {
	rotated := func(t *testing.T) *world {
		w := newWorld(t)
		w.secrets.Begin(version1)
		w.rotate(t, version1)
		w.secrets.Rotated = start.Add(-8 * 24 * time.Hour)
		w.secrets.Tags[rotation.GraceTag] = "7d"
		return w
	}
	tests := map[string]struct {
		prepare func(*world)
		want    string
		ended   bool
	}{
		"grace over":                {func(*world) {}, "grace-over", true},
		"no grace":                  {func(w *world) { delete(w.secrets.Tags, rotation.GraceTag) }, "", false},
		"grace is rubbish":          {func(w *world) { w.secrets.Tags[rotation.GraceTag] = "soon" }, "tag-malformed", false},
		"grace is negative":         {func(w *world) { w.secrets.Tags[rotation.GraceTag] = "-7d" }, "tag-malformed", false},
		"grace running":             {func(w *world) { w.secrets.Tags[rotation.GraceTag] = "240h" }, "grace-running", false},
		"not ours":                  {func(w *world) { w.secrets.Tags = nil }, "secret-not-managed", false},
		"rotation under way":        {func(w *world) { w.secrets.Begin("version-2") }, "rotation-underway", false},
		"never rotated":             {func(w *world) { w.secrets.Unstage("version-0", "AWSPREVIOUS") }, "", false},
		"overdue":                   {func(w *world) { w.secrets.Due = start.Add(-25 * time.Hour); delete(w.secrets.Tags, rotation.GraceTag) }, "rotation-overdue", false},
		"due":                       {func(w *world) { w.secrets.Due = start.Add(-23 * time.Hour); delete(w.secrets.Tags, rotation.GraceTag) }, "", false},
		"previous of somebody else": {func(w *world) { w.secrets.Values["version-0"] = `{"username":"person","password":"` + canary + `"}` }, "previous-unmanaged", false},
		"file still carries it": {func(w *world) {
			w.objects.Write(configBucket, "dev-ecs.config", []byte(configFiles["dev-ecs.config"]("ci", canary)))
		}, "previous-in-use", false},
		"registry open":     {func(w *world) { w.serve(200, nil) }, "registry-open", false},
		"registry broken":   {func(w *world) { w.serve(503, nil) }, "call-retried", false},
		"htpasswd has gone": {func(w *world) { w.secrets.Tags[htpasswd.LocationTag] = "s3://acme/gone" }, "htpasswd-missing grace-over", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := rotated(t)
			test.prepare(w)
			result := w.review(t)
			got := strings.Fields(codes(result))
			for _, code := range strings.Fields(test.want) {
				found := false
				for _, g := range got {
					found = found || g == code
				}
				if !found {
					t.Errorf("%s is not among %v", code, got)
				}
			}
			if len(got) != len(strings.Fields(test.want)) {
				t.Errorf("got %+v", result)
			}
			if w.inFile("ci", canary) == test.ended {
				t.Errorf("the previous credential works: %v", !test.ended)
			}
			w.usable(t)

			// From the queue, only what a retry may cure is delivered again.
			queued := rotated(t)
			test.prepare(queued)
			outcome := queued.function(finding.Enforce).Handle(t.Context(), fmt.Appendf(nil,
				`{"Records":[{"messageId":"m","eventSource":"aws:sqs","body":%q}]}`, fmt.Sprintf(`{"secret":%q}`, secretARN)))
			if again := len(outcome.Failures()) > 0; !outcome.FromQueue || codes(check(t, outcome)) != codes(result) || again != (test.want == "call-retried") {
				t.Errorf("from the queue: delivered again: %v, %+v", again, outcome.Report())
			}
		})
	}
}

// TestReviewRendersFirst renders a file again, and revokes at the look after that.
func TestReviewRendersFirst(t *testing.T) {
	w := newWorld(t)
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	w.writeConfigs()
	w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start.Add(-2*time.Hour)
	if result := w.review(t); result.Status != finding.Remediated || !w.accepts("ci", canary) {
		t.Errorf("got %+v", result)
	}
	w.rightConfigs(t)
	if result := w.review(t); codes(result) != "grace-over" || w.accepts("ci", canary) {
		t.Errorf("got %+v", result)
	}
}

// TestReviewBesideARotation has Secrets Manager begin a rotation while a secret is
// looked at: the account of the previous credential may have its next password.
// TestReviewCurrentRefused has somebody end the current credential by hand. The
// previous one is the only one that works, whatever its grace time.
func TestReviewCurrentRefused(t *testing.T) {
	for name, v := range allVendors() {
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(v)
			for _, version := range []string{"version-1", "version-2"} {
				w.secrets.Begin(version)
				w.rotate(t, version)
			}
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start.Add(-2*time.Hour)
			_, value := w.secrets.Staged("AWSCURRENT")
			_, ended := credentialOf(t, value)
			refuse := true
			for host, handler := range w.network.Hosts {
				if images, ok := handler.(*registrytest.Distribution); ok {
					copied := *images
					copied.Accepts = func(username, password string) bool {
						return !(refuse && password == ended) && s.Accepts(username, password)
					}
					w.network.Hosts[host] = &copied
				}
			}
			before := len(s.Live())
			_, previous := w.secrets.Staged("AWSPREVIOUS")
			username, password := credentialOf(t, previous)
			if result := w.review(t); codes(result) != "current-refused" || !result.HasError() || len(s.Live()) != before || !w.accepts(username, password) {
				t.Errorf("got %+v", result)
			}
			refuse = false
			if result := w.review(t); codes(result) != "grace-over" || w.accepts(username, password) {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// TestReviewOfAnothersAccounts has a look at a secret that names the accounts of
// another one and does not know their passwords: a copy for tests, or a stranger's.
// It must not write its own into everybody's files.
func TestReviewOfAnothersAccounts(t *testing.T) {
	w := newWorld(t)
	w.writeConfigs()
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	w.rightConfigs(t)
	ours := w.secrets
	w.secrets = newSecret(`{"username":"ci","password":"copy-2"}`, ours.Tags)
	w.secrets.Values["older"] = `{"username":"ci_clone","password":"copy-1"}`
	w.secrets.Stages["older"] = []string{"AWSPREVIOUS"}
	result := w.review(t)
	if codes(result) != "current-refused" || len(result.Actions) > 0 {
		t.Errorf("got %+v", result)
	}
	w.secrets = ours
	w.rightConfigs(t)
}

func TestReviewBesideARotation(t *testing.T) {
	w := newWorld(t)
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start.Add(-2*time.Hour)
	images := w.network.Hosts["https://registry.example.com"]
	w.network.Hosts["https://registry.example.com"] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		w.secrets.Begin("version-2")
		images.ServeHTTP(writer, request)
	})
	if result := w.review(t); codes(result) != "grace-over call-retried" || !w.accepts("ci", canary) {
		t.Errorf("got %+v", result)
	}
	if result := w.review(t); codes(result) != "rotation-underway" || !w.accepts("ci", canary) {
		t.Errorf("looked at again: %+v", result)
	}
}

// TestTokenUnderAnotherVersion has a person write the current token again, with a
// field beside it: its own version's label goes, and the token stays in use.
func TestTokenUnderAnotherVersion(t *testing.T) {
	for name, edits := range map[string]int{"one edit": 1, "two edits": 2} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(vendors()["gitea"])
			w.secrets.Begin("version-1")
			w.rotate(t, "version-1")
			_, value := w.secrets.Staged("AWSCURRENT")
			versions := []string{"version-1", "edit-1", "edit-2"}
			for n := range edits {
				from, to := versions[n], versions[n+1]
				w.secrets.Unstage("version-0", "AWSPREVIOUS")
				if n > 0 {
					w.secrets.Unstage(versions[n-1], "AWSPREVIOUS")
				}
				w.secrets.Stages[from], w.secrets.Stages[to] = []string{"AWSPREVIOUS"}, []string{"AWSCURRENT"}
				w.secrets.Values[to] = strings.TrimSuffix(value, "}") + `,"note":"mine"}`
			}
			if edits == 2 {
				w.secrets.Values["edit-1"] = strings.Replace(value, `"password":"`, `"password":"typo`, 1)
				w.secrets.Values["edit-2"] = value
			}
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start.Add(-2*time.Hour)
			w.review(t)
			w.usable(t)
			w.secrets.Begin("version-2")
			w.rotate(t, "version-2")
			w.usable(t)
			_, previous := w.secrets.Staged("AWSPREVIOUS")
			if username, password := credentialOf(t, previous); !w.accepts(username, password) || issued(s) != 2 {
				t.Errorf("the previous credential is refused, or %d tokens are left", issued(s))
			}
		})
	}
}

// TestRotationWithinGrace leaves the previous credential its time.
func TestRotationWithinGrace(t *testing.T) {
	t.Run("two accounts", func(t *testing.T) {
		w := newWorld(t)
		w.secrets.Begin("version-1")
		w.rotate(t, "version-1")
		w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "2h", start.Add(-time.Hour)
		w.secrets.Begin("version-2")
		if result := w.run(t, "createSecret", "version-2"); codes(result) != "rotation-too-soon" || !result.HasError() || !w.accepts("ci", canary) {
			t.Errorf("got %+v", result)
		}
		w.secrets.Rotated = start.Add(-3 * time.Hour)
		w.rotate(t, "version-2")
		w.usable(t)
	})
	for name, test := range map[string]struct {
		grace, schedule string
		ago             time.Duration
		previous        string
		refused         bool
	}{
		"no tag, at once":                    {"", "", 0, "", true},
		"no tag, eleven hours later":         {"", "rate(30 days)", 11 * time.Hour, "", true},
		"no tag, twelve hours later":         {"", "rate(30 days)", 12 * time.Hour, "", false},
		"no tag, every day":                  {"", "rate(1 day)", 13 * time.Hour, "", false},
		"no tag, every four hours":           {"", "rate(4 hours)", 3 * time.Hour, "", false},
		"no tag, every four hours, at once":  {"", "rate(4 hours)", time.Hour, "", true},
		"no tag, a cron expression":          {"", "cron(0 8 1 * ? *)", time.Hour, "", true},
		"the tag is shorter":                 {"1h", "rate(30 days)", 2 * time.Hour, "", false},
		"the tag is longer than a schedule":  {"2d", "rate(1 day)", 30 * time.Hour, "", true},
		"the tag says none":                  {"0h", "", 0, "", false},
		"a person wrote the previous value":  {"", "", 0, `{"username":"ci_clone","password":"typo"}`, false},
		"the previous value is no JSON":      {"", "", 0, "typo", false},
		"the previous value is another user": {"", "", 0, `{"username":"ops","password":"zzzz"}`, false},
	} {
		t.Run("two accounts, "+name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets.Begin("version-1")
			w.rotate(t, "version-1")
			if test.grace != "" {
				w.secrets.Tags[rotation.GraceTag] = test.grace
			}
			if test.previous != "" {
				w.secrets.Values["version-0"] = test.previous
			}
			w.secrets.Schedule, w.secrets.Rotated = test.schedule, start.Add(-test.ago)
			w.secrets.Begin("version-2")
			result := w.run(t, "createSecret", "version-2")
			if got := codes(result) == "rotation-too-soon"; got != test.refused || got != result.HasError() {
				t.Errorf("got %+v", result)
			}
		})
	}
	// Secrets Manager's date of the last rotation is an old one where a rotation
	// moved the label and failed then, and where a person wrote the value.
	t.Run("two accounts, the label moved and the rotation failed", func(t *testing.T) {
		w := newWorld(t)
		w.secrets.Begin("version-1")
		w.rotate(t, "version-1")
		w.secrets.Rotated, w.secrets.Made = start.Add(-30*24*time.Hour), map[string]time.Time{"version-1": start.Add(-time.Minute)}
		w.secrets.Begin("version-2")
		if result := w.run(t, "createSecret", "version-2"); codes(result) != "rotation-too-soon" || !w.accepts("ci", canary) {
			t.Errorf("got %+v", result)
		}
		w.secrets.Made["version-1"] = start.Add(-13 * time.Hour)
		w.rotate(t, "version-2")
	})
	t.Run("tokens, a person wrote the current one", func(t *testing.T) {
		w, s, _ := newVendorWorld(vendors()["gitea"])
		w.secrets.Begin("version-1")
		w.rotate(t, "version-1")
		// The first token again, for half an hour.
		w.secrets.Rotated, w.secrets.Made = start.Add(-30*24*time.Hour), map[string]time.Time{"by-hand": start.Add(-30 * time.Minute)}
		w.secrets.Values["by-hand"] = w.secrets.Values["version-0"]
		w.secrets.Stages = map[string][]string{"by-hand": {"AWSCURRENT"}, "version-1": {"AWSPREVIOUS"}}
		w.secrets.Begin("version-2")
		w.rotate(t, "version-2")
		if issued(s) != 2 {
			t.Errorf("%d tokens of ours are left: the one that was in use half an hour ago is revoked", issued(s))
		}
	})
	t.Run("review, the label moved and the rotation failed", func(t *testing.T) {
		w := newWorld(t)
		w.secrets.Begin("version-1")
		w.rotate(t, "version-1")
		w.secrets.Tags[rotation.GraceTag] = "1d"
		w.secrets.Rotated, w.secrets.Made = start.Add(-30*24*time.Hour), map[string]time.Time{"version-1": start.Add(-time.Hour)}
		if result := w.review(t); codes(result) != "grace-running" || !w.accepts("ci", canary) {
			t.Errorf("got %+v", result)
		}
		w.secrets.Made["version-1"] = start.Add(-24 * time.Hour)
		if result := w.review(t); codes(result) != "grace-over" || w.accepts("ci", canary) {
			t.Errorf("got %+v", result)
		}
	})
	t.Run("tokens, several rotations in a row", func(t *testing.T) {
		w, s, _ := newVendorWorld(vendors()["gitea"])
		w.secrets.Rotated = start.Add(-time.Minute)
		for n := range 4 {
			version := fmt.Sprintf("version-%d", n+1)
			w.secrets.Begin(version)
			w.rotate(t, version)
			w.usable(t)
			// Instances may still hold any of them.
			if issued(s) != n+1 {
				t.Errorf("after rotation %d there are %d tokens of ours", n, issued(s))
			}
		}
		w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "1h", start.Add(-2*time.Hour)
		if result := w.review(t); codes(result) != "grace-over" || len(result.Actions) != 3 || issued(s) != 1 {
			t.Errorf("%d tokens of ours are left: %+v", issued(s), result)
		}
		w.usable(t)
	})
	t.Run("tokens, no tag", func(t *testing.T) {
		w, s, _ := newVendorWorld(vendors()["gitea"])
		for n, want := range []int{1, 2, 3, 2} {
			version := fmt.Sprintf("version-%d", n+1)
			w.secrets.Begin(version)
			w.secrets.Rotated = start.Add(-13 * time.Hour)
			if n == 2 {
				w.secrets.Rotated = start.Add(-11 * time.Hour)
			}
			w.rotate(t, version)
			if issued(s) != want {
				t.Errorf("after rotation %d there are %d tokens of ours, want %d", n, issued(s), want)
			}
		}
	})
	t.Run("tokens", func(t *testing.T) {
		w, s, _ := newVendorWorld(vendors()["gitea"])
		for n, want := range []int{1, 2, 3, 2} {
			version := fmt.Sprintf("version-%d", n+1)
			w.secrets.Begin(version)
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = "2h", start.Add(-3*time.Hour)
			if n == 2 {
				w.secrets.Rotated = start.Add(-time.Hour)
			}
			w.rotate(t, version)
			w.usable(t)
			if issued(s) != want {
				t.Errorf("after rotation %d there are %d tokens of ours, want %d", n, issued(s), want)
			}
		}
	})
}
