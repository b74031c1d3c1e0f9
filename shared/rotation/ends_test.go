package rotation_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/dockerhub"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

// endless are the vendors whose credentials never end.
var endless = map[string]bool{
	"gitea": true, "gitea, by a site administrator": true, "gitea, by a token": true,
	"nexus": true, "quay": true, "quay, a user's robot": true,
}

// TestEndsAreToldWeeksAhead has the registry give an end to what rotations mint, as
// its policy or a person may: a look tells it, whatever the driver.
func TestEndsAreToldWeeksAhead(t *testing.T) {
	for name, v := range allVendors() {
		if endless[name] {
			continue
		}
		for days, want := range map[int]string{0: "", 300: "", 20: "warning", 5: "error"} {
			t.Run(fmt.Sprintf("%s, %d days", name, days), func(t *testing.T) {
				w, s, tokens := newVendorWorld(v)
				ends := time.Time{}
				if days > 0 {
					ends = start.AddDate(0, 0, days)
				}
				tokens.Ends = ends
				if f, ok := s.(*registrytest.Function); ok {
					f.Ends = ends
				}
				w.secrets.Begin(version1)
				for _, step := range rotation.Steps() {
					if result := w.run(t, string(step), version1); result.HasError() {
						t.Fatalf("%s: %+v", step, result)
					}
				}
				_, value := w.secrets.Staged("AWSCURRENT")
				username, _ := credentialOf(t, value)
				if h, ok := s.(*registrytest.Harbor); ok && days > 0 {
					h.Ends = map[string]int64{username: ends.Unix()}
				}
				if strings.HasSuffix(name, "access tokens") && days < 90 {
					// GitLab's end is the one that it is asked for, which someone shortened since.
					live := s.Live()
					for _, token := range live {
						if token.Ends.IsZero() {
							continue
						}
						tokens.Revoke(token.ID)
						token.Ends = ends
						if days == 0 {
							token.Ends = start.AddDate(0, 0, 80)
						}
						s.Add(token)
					}
				}
				result := w.review(t)
				got := ""
				for _, f := range result.Findings {
					if f.Code == "credential-ends" {
						got = string(f.Severity)
					}
				}
				if got != want || (result.Status == finding.Compliant) != (want == "") {
					t.Errorf("got %+v", result)
				}
			})
		}
	}
}

// TestStandbyWithoutRights: an account that logs in and may not pull, or is
// switched off, doesn't become the current one, also where no image is known to try.
func TestStandbyWithoutRights(t *testing.T) {
	for name, test := range map[string]struct {
		vendor  string
		prepare func(server, string)
		want    string
	}{
		"harbor, no rights": {"harbor, project", func(s server, user string) { s.(*registrytest.Harbor).Powerless = map[string]bool{user: true} }, "account-rights"},
		"harbor, disabled":  {"harbor, project", func(s server, user string) { s.(*registrytest.Harbor).Disabled = map[string]bool{user: true} }, "account-disabled"},
		"harbor, ends": {"harbor, project", func(s server, user string) {
			s.(*registrytest.Harbor).Ends = map[string]int64{user: start.AddDate(0, 0, 3).Unix()}
		}, "credential-ends"},
		"harbor, all is well": {"harbor, project", func(server, string) {}, ""},
		"quay, no rights":     {"quay", func(s server, user string) { s.(*registrytest.Quay).Powerless = map[string]bool{user: true} }, "account-rights"},
		"quay, all is well":   {"quay", func(server, string) {}, ""},
		"nexus, no role":      {"nexus", func(s server, user string) { s.(*registrytest.Nexus).Powerless = map[string]bool{user: true} }, "account-rights"},
		"nexus, disabled":     {"nexus", func(s server, user string) { s.(*registrytest.Nexus).Disabled = map[string]bool{user: true} }, "account-disabled"},
		"nexus, all is well":  {"nexus", func(server, string) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := vendors()[test.vendor]
			w, s, _ := newVendorWorld(v)
			delete(w.secrets.Tags, rotation.ImageTag)
			test.prepare(s, v.username+"_clone")
			// A look tells it before the rotation does.
			if result := w.review(t); strings.Contains(codes(result), test.want) != true || (result.Status == finding.Compliant) != (test.want == "") {
				t.Errorf("looked at: %+v", result)
			}
			before := s.Live()
			w.secrets.Begin(version1)
			result := w.run(t, "createSecret", version1)
			if codes(result) != test.want || result.HasError() != (test.want != "") {
				t.Errorf("got %+v", result)
			}
			if after := s.Live(); test.want != "" && fmt.Sprint(after) != fmt.Sprint(before) {
				t.Error("an account was changed")
			}
			if version, _ := w.secrets.Staged("AWSCURRENT"); version != "version-0" {
				t.Error("the label moved")
			}
			w.usable(t)
		})
	}
}

// TestTokenLimit: an organization of Docker Hub may have 10 or 100 tokens, those
// that have expired included, and a rotation needs room for one.
func TestTokenLimit(t *testing.T) {
	for name, test := range map[string]struct {
		tokens int
		look   string
		error  bool
		// mints is whether a subscription of that many tokens gives another one.
		limit int
		mints bool
	}{
		"none":               {0, "", false, 10, true},
		"room for one":       {9, "", false, 10, true},
		"all of Team":        {10, "token-limit-reached", false, 10, false},
		"Business beyond 10": {11, "", false, 100, true},
		"all of Business":    {100, "token-limit-reached", true, 100, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(vendors()["docker hub, organization"])
			for n := range test.tokens {
				s.Add(registrytest.Token{ID: fmt.Sprintf("o-%d", n), Name: "of a person", Ends: start.AddDate(-1, 0, 0)})
			}
			s.(*registrytest.DockerHub).Limit = test.limit
			if result := w.review(t); codes(result) != test.look || result.HasError() != test.error {
				t.Errorf("looked at: %+v", result)
			}
			w.secrets.Begin(version1)
			result := w.run(t, "createSecret", version1)
			if result.HasError() == test.mints {
				t.Errorf("got %+v", result)
			}
			if told := strings.Contains(fmt.Sprint(result.Findings), "expired ones included"); told == test.mints {
				t.Errorf("the limit is told: %v, %+v", told, result)
			}
			w.usable(t)
		})
	}
	// A person's tokens have no limit.
	w, s, _ := newVendorWorld(vendors()["docker hub, personal"])
	for n := range 100 {
		s.Add(registrytest.Token{ID: fmt.Sprintf("u-%d", n), Name: "of a person"})
	}
	if result := w.review(t); codes(result) != "" {
		t.Errorf("got %+v", result)
	}
}

// TestReplicationIsWaitedFor: RotateSecret begins a replication itself, so that one
// in progress is waited for, and one that has failed isn't.
func TestReplicationIsWaitedFor(t *testing.T) {
	for name, test := range map[string]struct {
		status smtypes.StatusType
		// synced is after how long the replica is in sync; 0 for never.
		synced time.Duration
		wait   time.Duration
		want   string
	}{
		"in progress for 5 seconds":  {smtypes.StatusTypeInProgress, 5 * time.Second, time.Minute, ""},
		"in progress for 2 minutes":  {smtypes.StatusTypeInProgress, 2 * time.Minute, time.Minute, "replica-stale"},
		"in progress, never in sync": {smtypes.StatusTypeInProgress, 0, time.Minute, "replica-stale"},
		"failed":                     {smtypes.StatusTypeFailed, 0, time.Minute, "replica-stale"},
		"in sync":                    {smtypes.StatusTypeInSync, 0, time.Minute, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.now = time.Now
				w.secrets.Replicas = map[string]smtypes.StatusType{"eu-west-1": test.status}
				if test.synced > 0 {
					time.AfterFunc(test.synced, func() { w.secrets.Replicate("eu-west-1", smtypes.StatusTypeInSync) })
				}
				began := time.Now()
				w.secrets.Begin(version1)
				result := w.public(t, check(t, w.waiting(finding.Enforce, test.wait).Handle(t.Context(), stepEvent("createSecret", version1))))
				if codes(result) != test.want || result.HasError() != (test.want != "") {
					t.Errorf("got %+v", result)
				}
				if waited := time.Since(began); waited > test.wait+10*time.Second || test.status != smtypes.StatusTypeInProgress && waited > time.Second {
					t.Errorf("waited %s", waited)
				}
				time.Sleep(test.synced)
			})
		})
	}
}

// TestLookReadsTheHtpasswdFile: a file that the first rotation would refuse to
// write is reported before.
func TestLookReadsTheHtpasswdFile(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		want    string
	}{
		"it has the credential":        {"ci:" + "%s", ""},
		"another user's":               {"ops:" + "%s", "htpasswd-differs"},
		"another password":             {line(t, "ci", "another"), "htpasswd-differs"},
		"a hash that can't be checked": {"ci:$6$rounds=5000$abc$def\n", "htpasswd-unverifiable"},
		"there is none":                {"", "htpasswd-missing"},
		"no htpasswd file is so large": {strings.Repeat("# nothing\n", 1<<20), "htpasswd-too-large"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			served := w.objects.Read("acme", "auth/htpasswd")
			// The registry reads a copy of what was there before.
			w.served = func() []byte { return served }
			w.secrets.Tags[htpasswd.LocationTag] = "s3://acme/other/htpasswd"
			if test.content != "" {
				content := test.content
				if strings.HasSuffix(content, "%s") {
					content = fmt.Sprintf(content, strings.TrimPrefix(line(t, "x", canary), "x:"))
				}
				w.objects.Write("acme", "other/htpasswd", []byte(content))
			}
			if result := w.review(t); codes(result) != test.want || (result.Status == finding.Compliant) != (test.want == "") {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// TestShortLivedCredentials: a function of the operator's may issue credentials that
// live for days, if rotations come often enough.
func TestShortLivedCredentials(t *testing.T) {
	for name, test := range map[string]struct {
		schedule string
		due      time.Time
		ends     time.Duration
		look     string
		rotates  bool
	}{
		"five days, daily":                 {"rate(1 day)", start.Add(20 * time.Hour), 5 * day, "", true},
		"five days, every four":            {"rate(4 days)", start.Add(90 * time.Hour), 5 * day, "credential-ends", true},
		"five days, weekly":                {"rate(7 days)", start.Add(6 * day), 5 * day, "credential-ends", false},
		"two months, monthly":              {"rate(30 days)", start.Add(29 * day), 60 * day, "", true},
		"five days, nothing says how long": {"", time.Time{}, 5 * day, "credential-ends", true},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(allVendors()["lambda"])
			s.(*registrytest.Function).Ends = start.Add(test.ends)
			w.secrets.Schedule, w.secrets.Rotated, w.secrets.Due = test.schedule, start.Add(-time.Minute), test.due
			if result := w.review(t); codes(result) != test.look || (result.Status == finding.Compliant) != (test.look == "") {
				t.Errorf("looked at: %+v", result)
			}
			w.secrets.Begin(version1)
			w.run(t, "createSecret", version1)
			w.run(t, "setSecret", version1)
			if result := w.run(t, "testSecret", version1); result.HasError() == test.rotates {
				t.Errorf("got %+v", result)
			}
		})
	}
}

const day = 24 * time.Hour

// TestLookTriesTheAdministrator: whatever the driver, a look finds that the registry's
// API refuses the administrator, knows nothing, or isn't where the secret says.
func TestLookTriesTheAdministrator(t *testing.T) {
	for name, v := range vendors() {
		for status, want := range map[int]string{0: "", http.StatusUnauthorized: "administrator-refused", http.StatusForbidden: "administrator-refused", http.StatusNotFound: "api-misplaced account-missing"} {
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				w, _, _ := newVendorWorld(v)
				api := w.network.Hosts[v.api]
				w.network.Hosts[v.api] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
					if status == 0 || v.api == v.endpoint && strings.HasPrefix(request.URL.Path, "/v2/") && v.driver != dockerhub.Name {
						api.ServeHTTP(writer, request)
						return
					}
					writer.WriteHeader(status)
				})
				result := w.review(t)
				if (result.Status == finding.Compliant) != (status == 0) || result.HasError() != (status != 0) {
					t.Errorf("got %+v", result)
				}
				found := len(result.Findings) == 0
				for _, f := range result.Findings {
					found = found || strings.Contains(want, f.Code)
				}
				if !found {
					t.Errorf("got %s, want %s", codes(result), want)
				}
			})
		}
	}
}
