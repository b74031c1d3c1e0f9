package rotation_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/gitlab"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/manual"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

// withImages serves images, each to the users that are named, all to those of "*".
func (w *world) withImages(allowed map[string]string) {
	w.network.Hosts["https://registry.example.com"] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		user, password, _ := request.BasicAuth()
		if !w.accepts(user, password) {
			writer.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			writer.WriteHeader(http.StatusUnauthorized)
			return
		}
		name, _, manifest := strings.Cut(strings.TrimPrefix(request.URL.Path, "/v2/"), "/manifests/")
		if users := allowed[name]; manifest && users == "429" {
			writer.WriteHeader(http.StatusTooManyRequests)
		} else if manifest && users != "*" && !strings.Contains(" "+users+" ", " "+user+" ") {
			writer.WriteHeader(http.StatusForbidden)
		}
	})
}

// TestPullIsProven: a login is not taken for a pull.
func TestPullIsProven(t *testing.T) {
	const named, other = "registry.example.com/team/shop:2 " + secretARN, "registry.example.com/team/elsewhere:1 arn:aws:secretsmanager:us-east-1:123456789012:secret:other-AbCdEf"
	for name, test := range map[string]struct {
		images      map[string]string
		definitions definitions
		testImage   bool
		families    string
		want        string
		moves       bool
	}{
		"the standby account may pull it":                {map[string]string{"team/shop": "*"}, definitions{"shop": {named}}, false, "", "login-succeeded", true},
		"the standby account may not":                    {map[string]string{"team/shop": "ci"}, definitions{"shop": {named}}, false, "", "pull-denied login-succeeded", false},
		"it may pull the test image, and not another":    {map[string]string{"team/app": "*", "team/shop": "ci"}, definitions{"shop": {named}}, true, "", "pull-denied login-succeeded", false},
		"it may not pull the test image":                 {map[string]string{"team/app": "ci"}, nil, true, "", "login-refused", false},
		"neither account may pull it":                    {map[string]string{"team/app": "*"}, definitions{"shop": {named}}, true, "", "image-unpullable login-succeeded", true},
		"another secret's image":                         {map[string]string{"team/app": "*"}, definitions{"shop": {other}}, true, "", "login-succeeded", true},
		"an image that instances pull with the file":     {map[string]string{"team/shop": "ci"}, definitions{"shop": {"registry.example.com/team/shop:2"}}, false, "", "pull-denied login-succeeded", false},
		"the registry doesn't say":                       {map[string]string{"team/app": "*", "team/shop": "429"}, definitions{"shop": {named}}, true, "", "pull-unchecked login-succeeded", true},
		"no image is known":                              {map[string]string{}, definitions{"web": {"nginx"}}, false, "", "pull-unproven login-succeeded", true},
		"the definitions may not be read":                {map[string]string{}, definitions{"denied": nil}, false, "", "pull-unproven login-succeeded", true},
		"an image of a family that it is not for":        {map[string]string{"team/shop": "ci"}, definitions{"shop": {named}, "web": nil}, false, "we*", "pull-unproven login-succeeded", true},
		"an image of one of the families that it is for": {map[string]string{"team/shop": "ci"}, definitions{"shop": {named}}, false, "we* sh*p", "pull-denied login-succeeded", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if !test.testImage {
				delete(w.secrets.Tags, rotation.ImageTag)
			}
			if test.families != "" {
				w.secrets.Tags[rotation.FamiliesTag] = test.families
			}
			w.definitions = test.definitions
			w.withImages(test.images)
			w.secrets.Begin(version1)
			w.run(t, "createSecret", version1)
			w.run(t, "setSecret", version1)
			result := w.run(t, "testSecret", version1)
			if codes(result) != test.want || result.HasError() == test.moves {
				t.Errorf("got %+v", result)
			}
			w.usable(t)
		})
	}
}

// TestReplicas: a replica that isn't in sync serves the credential before, which
// then isn't ended.
func TestReplicas(t *testing.T) {
	for status, want := range map[smtypes.StatusType]string{
		smtypes.StatusTypeInSync: "", smtypes.StatusTypeInProgress: "replica-stale", smtypes.StatusTypeFailed: "replica-stale",
	} {
		t.Run(string(status), func(t *testing.T) {
			replicas := map[string]smtypes.StatusType{"eu-west-1": smtypes.StatusTypeInSync, "ap-south-1": status}
			// At a look.
			w := newWorld(t)
			w.secrets.Begin(version1)
			w.rotate(t, version1)
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated, w.secrets.Replicas = "1h", start.Add(-2*time.Hour), replicas
			if result := w.review(t); strings.Contains(codes(result), "replica-stale") != (want != "") || w.accepts("ci", canary) != (want != "") {
				t.Errorf("at a look: %+v", result)
			}
			// With accounts that take turns, the next rotation would end it.
			w = newWorld(t)
			w.secrets.Replicas = replicas
			w.secrets.Begin(version1)
			if result := w.run(t, "createSecret", version1); strings.Contains(codes(result), "replica-stale") != (want != "") || result.HasError() != (want != "") {
				t.Errorf("createSecret: %+v", result)
			}
			// With tokens, the rotation goes on, and ends none.
			v, s, _ := newVendorWorld(vendors()["gitea"])
			for n := range 3 {
				if n == 2 {
					v.secrets.Replicas = replicas
				}
				version := fmt.Sprintf("version-%d", n+1)
				v.secrets.Begin(version)
				for _, step := range rotation.Steps() {
					if result := v.run(t, string(step), version); result.HasError() {
						t.Fatalf("%s: %+v", step, result)
					}
				}
			}
			if got := issued(s); got != map[bool]int{true: 2, false: 3}[want == ""] {
				t.Errorf("%d tokens are left", got)
			}
		})
	}
}

// TestInstancesOlderThanTheFile: with no refreshing, an instance that was there
// before its file was written holds the previous credential.
func TestInstancesOlderThanTheFile(t *testing.T) {
	for name, test := range map[string]struct {
		registered time.Time
		grace      string
		held       bool
		ended      bool
	}{
		"older":              {start.Add(-time.Hour), "1h", true, false},
		"younger":            {start.Add(time.Minute), "1h", false, true},
		"older, hard":        {start.Add(-time.Hour), "1h hard", true, true},
		"older, none":        {start.Add(-time.Hour), "0h", true, true},
		"older, grace's run": {start.Add(-time.Hour), "7d", true, false},
		"older, no grace":    {start.Add(-time.Hour), "", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.objects.Now = func() time.Time { return w.now() }
			w.commands = &commands{now: w.now, clusters: map[string][]instance{"prod": {{"i-1", types.PingStatusOnline, "", test.registered}}}}
			w.objects.Write(configBucket, "prod/ecs.config", inCluster("prod"))
			w.secrets.Begin(version1)
			w.rotate(t, version1)
			if test.grace != "" {
				w.secrets.Tags[rotation.GraceTag] = test.grace
			}
			w.secrets.Rotated, w.now = start, func() time.Time { return start.Add(2 * time.Hour) }
			result := w.review(t)
			if held := strings.Contains(codes(result), "previous-held"); held != test.held {
				t.Errorf("got %+v", result)
			}
			if ended := !w.accepts("ci", canary); ended != test.ended {
				t.Errorf("the previous credential ended: %v, %+v", ended, result)
			}
			if test.held && result.Status == finding.Remediated {
				t.Errorf("it is told as %s", result.Status)
			}
			w.usable(t)
		})
	}
}

// TestRotationSparesInstances: of two accounts that take turns, the standby one keeps
// its password while an instance is older than its file, and so holds it.
func TestRotationSparesInstances(t *testing.T) {
	for name, test := range map[string]struct {
		registered time.Time
		prepare    func(*world)
		held       bool
	}{
		"older":                   {start.Add(-time.Hour), func(*world) {}, true},
		"younger":                 {start.Add(time.Minute), func(*world) {}, false},
		"older, hard":             {start.Add(-time.Hour), func(w *world) { w.secrets.Tags[rotation.GraceTag] = "1h hard" }, false},
		"older, it leaked":        {start.Add(-time.Hour), func(w *world) { w.secrets.Tags[rotation.GraceTag] = "0h" }, false},
		"older, grace":            {start.Add(-time.Hour), func(w *world) { w.secrets.Tags[rotation.GraceTag] = "1h" }, true},
		"older, of another file":  {start.Add(-time.Hour), func(w *world) { w.secrets.Tags[rotation.ConfigTag] = "s3://" + configBucket + "/none/*" }, false},
		"older, no file":          {start.Add(-time.Hour), func(w *world) { delete(w.secrets.Tags, rotation.ConfigTag) }, false},
		"older, told by commands": {start.Add(-time.Hour), func(w *world) { w.refreshing = rotation.RefreshClusters }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.objects.Now = func() time.Time { return w.now() }
			w.commands = &commands{now: w.now, clusters: map[string][]instance{"prod": {{"i-1", types.PingStatusOnline, "", test.registered}}}}
			w.objects.Write(configBucket, "prod/ecs.config", inCluster("prod"))
			w.secrets.Begin(version1)
			w.rotate(t, version1)
			w.secrets.Rotated, w.now = start, func() time.Time { return start.Add(24 * time.Hour) }
			test.prepare(w)
			w.secrets.Begin("version-2")
			result := w.run(t, "createSecret", "version-2")
			if held := strings.Contains(codes(result), "previous-held"); held != test.held || result.HasError() != test.held {
				t.Errorf("got %+v", result)
			}
			w.run(t, "setSecret", "version-2")
			if !w.accepts("ci", canary) != !test.held {
				t.Errorf("the credential that the instance holds works: %v", !test.held)
			}
			w.usable(t)
		})
	}
}

// TestDeadPendingCredential: a minted credential that the registry refuses gives
// up AWSPENDING, and the next rotation begins with another one.
func TestDeadPendingCredential(t *testing.T) {
	for _, name := range []string{"quay", "gitea"} {
		w, s, tokens := newVendorWorld(vendors()[name])
		w.secrets.Begin(version1)
		w.run(t, "createSecret", version1)
		_, value := w.secrets.Staged("AWSPENDING")
		username, password := credentialOf(t, value)
		// Another run's call ended it at the registry.
		for _, token := range s.Live() {
			if token.Username == username && token.Secret == password {
				tokens.Replace(token.ID, canary+"-of-another-run")
			}
		}
		w.run(t, "setSecret", version1)
		if result := w.run(t, "testSecret", version1); codes(result) != "login-refused" || !result.HasError() {
			t.Errorf("%s: %+v", name, result)
		}
		if version, _ := w.secrets.Staged("AWSPENDING"); version != "" {
			t.Errorf("%s: AWSPENDING is still on %s", name, version)
		}
		w.usable(t)
		w.secrets.Begin("version-2")
		w.rotate(t, "version-2")
		w.usable(t)
	}
	// A label on a version whose value is lost.
	w, _, _ := newVendorWorld(vendors()["gitea"])
	w.secrets.Begin(version1)
	if result := w.run(t, "setSecret", version1); codes(result) != "pending-empty" || !result.HasError() {
		t.Errorf("got %+v", result)
	}
	if version, _ := w.secrets.Staged("AWSPENDING"); version != "" {
		t.Errorf("AWSPENDING is still on %s", version)
	}
}

// TestLookSeesWhatTheNextRotationNeeds: a secret that can't rotate is never
// compliant.
func TestLookSeesWhatTheNextRotationNeeds(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*world)
		want    string
	}{
		"all is well":          {func(*world) {}, ""},
		"rotation is off":      {func(w *world) { w.secrets.Rotates = false }, "rotation-off"},
		"no password":          {func(w *world) { w.secrets.Values["version-0"] = `{"user":"ci"}` }, "secret-shape"},
		"binary":               {func(w *world) { w.secrets.Binary = map[string]bool{"version-0": true} }, "secret-shape"},
		"wrong password":       {func(w *world) { w.secrets.Values["version-0"] = `{"username":"ci","password":"wrong"}` }, "current-refused"},
		"unlisted htpasswd":    {func(w *world) { w.secrets.Tags[htpasswd.LocationTag] = "s3://elsewhere/htpasswd" }, "driver-needs"},
		"htpasswd is a config": {func(w *world) { w.secrets.Tags[htpasswd.LocationTag] = "s3://acme/prod/ecs.config" }, "driver-needs"},
		"no driver's place":    {func(w *world) { delete(w.secrets.Tags, htpasswd.LocationTag) }, "driver-needs"},
		"nothing is current":   {func(w *world) { w.secrets.Stages = map[string][]string{} }, "current-missing"},
		"it ends soon":         {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "2026-08-25" }, "credential-ends"},
		"it ended":             {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "2026-08-20" }, "credential-ends"},
		"it ends before it is due": {func(w *world) {
			w.secrets.Tags[rotation.ExpiresTag], w.secrets.Due = "2026-12-01", start.AddDate(0, 6, 0)
		}, "credential-ends"},
		"it ends next year":            {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "2027-08-20" }, ""},
		"no day":                       {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "soon" }, "tag-malformed"},
		"a time next year":             {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = " 2027-08-20T12:00:00+02:00 " }, ""},
		"a time that has come":         {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "2026-08-21T11:00:00+02:00" }, "credential-ends"},
		"a time still to come":         {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "2026-08-24T11:00:00Z" }, "credential-ends"},
		"no day of a month":            {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "2027-02-30" }, "tag-malformed"},
		"a day in another form":        {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "31.01.2027" }, "tag-malformed"},
		"a day, then words":            {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "2027-01-31 or later" }, "tag-malformed"},
		"an empty day":                 {func(w *world) { w.secrets.Tags[rotation.ExpiresTag] = "" }, "tag-malformed"},
		"the test image is gone":       {func(w *world) { w.secrets.Tags[rotation.ImageTag] = "registry.example.com/team/app:2" }, "image-missing"},
		"no test image":                {func(w *world) { delete(w.secrets.Tags, rotation.ImageTag) }, ""},
		"the test image is elsewhere":  {func(w *world) { w.secrets.Tags[rotation.ImageTag] = "docker.io/acme/app:2" }, "tag-malformed"},
		"the test image is not for it": {func(w *world) { w.withImages(map[string]string{"team/app": "ops"}) }, "login-refused"},
		"the test image is for it":     {func(w *world) { w.withImages(map[string]string{"team/app": "ops ci"}) }, ""},
		"stuck for days": {func(w *world) {
			w.secrets.Begin(version1)
			w.secrets.Values[version1], w.secrets.Made = "typo", map[string]time.Time{version1: start.AddDate(0, 0, -2)}
		}, "rotation-underway"},
		"stuck without a value": {func(w *world) { w.secrets.Begin(version1); w.secrets.Changed = start.AddDate(0, 0, -2) }, "rotation-underway"},
		"another function":      {func(w *world) { w.secrets.RotatedBy = "arn:aws:lambda:us-east-1:123456789012:function:theirs" }, "rotated-by-another"},
		"this function's alias": {func(w *world) { w.secrets.RotatedBy = ownFunction + ":live" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			test.prepare(w)
			ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: ownFunction})
			result := w.public(t, check(t, w.function(finding.Enforce).Handle(ctx, fmt.Appendf(nil, `{"secret":%q}`, secretARN))))
			if codes(result) != test.want || (result.Status == finding.Compliant) != (test.want == "") {
				t.Errorf("got %+v", result)
			}
		})
	}
	for name, prepare := range map[string]func(*world){
		"a rotation of today": func(w *world) { w.secrets.Made = map[string]time.Time{version1: start.Add(-23 * time.Hour)} },
		"of no known age":     func(*world) {},
	} {
		w := newWorld(t)
		w.secrets.Begin(version1)
		w.secrets.Values[version1] = `{"username":"ci_clone","password":"a new one"}`
		prepare(w)
		if result := w.review(t); codes(result) != "rotation-underway" || result.Status != finding.Compliant {
			t.Errorf("%s: %+v", name, result)
		}
	}
}

// TestPullDeniedGivesUpAWSPENDING: a minted credential doesn't get the rights that
// its registry's administrator corrects later, so it is not tried again.
func TestPullDeniedGivesUpAWSPENDING(t *testing.T) {
	for _, name := range []string{"gitea", "quay", "harbor, minted for a project"} {
		v := vendors()[name]
		w, s, _ := newVendorWorld(v)
		delete(w.secrets.Tags, rotation.ImageTag)
		image := strings.TrimPrefix(v.registry[strings.IndexByte(v.registry+"/", '/'):]+"/shop", "/")
		w.definitions = definitions{"shop": {strings.SplitN(v.registry, "/", 2)[0] + "/" + image + "@sha256:" + strings.Repeat("0", 64) + " " + secretARN}}
		images, narrow := w.network.Hosts[v.endpoint], true
		first := func(request *http.Request) bool {
			token, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer "))
			return strings.HasSuffix(string(token), "\x00"+canary)
		}
		w.network.Hosts[v.endpoint] = http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			switch {
			case !strings.Contains(request.URL.Path, "/manifests/"):
				images.ServeHTTP(writer, request)
			case narrow && !first(request):
				writer.WriteHeader(http.StatusForbidden)
			}
		})
		w.secrets.Begin(version1)
		w.run(t, "createSecret", version1)
		w.run(t, "setSecret", version1)
		result := w.run(t, "testSecret", version1)
		if codes(result) != "pull-denied login-succeeded" || !result.HasError() || !strings.Contains(result.Findings[0].Message, "shop@sha256:") {
			t.Errorf("%s: %+v", name, result)
		}
		if version, _ := w.secrets.Staged("AWSPENDING"); version != "" {
			t.Errorf("%s: AWSPENDING is still on %s", name, version)
		}
		w.usable(t)
		// Its rights are corrected, and the next rotation begins with another one.
		narrow = false
		w.secrets.Begin("version-2")
		w.rotate(t, "version-2")
		w.usable(t)
		if v.takesTurns {
			continue
		}
		if got := issued(s); got != 1 {
			t.Errorf("%s: %d tokens of the function's are left", name, got)
		}
	}
	// An account that takes turns keeps its password, which rights can be given to.
	w := newWorld(t)
	delete(w.secrets.Tags, rotation.ImageTag)
	w.definitions = definitions{"shop": {"registry.example.com/team/shop:2 " + secretARN}}
	w.withImages(map[string]string{"team/shop": "ci"})
	w.secrets.Begin(version1)
	w.run(t, "createSecret", version1)
	w.run(t, "setSecret", version1)
	if result := w.run(t, "testSecret", version1); codes(result) != "pull-denied login-succeeded" {
		t.Errorf("got %+v", result)
	}
	w.withImages(map[string]string{"team/shop": "*"})
	for _, step := range rotation.Steps() {
		if result := w.run(t, string(step), version1); result.HasError() {
			t.Errorf("%s: %+v", step, result)
		}
	}
}

// TestUnseenInstancesMayHoldThePrevious: where a cluster's instances can't be listed,
// nothing that they may hold ends.
func TestUnseenInstancesMayHoldThePrevious(t *testing.T) {
	for name, test := range map[string]struct {
		denied bool
		grace  string
		ended  bool
	}{
		"listed":              {false, "1h", true},
		"denied":              {true, "1h", false},
		"denied, hard":        {true, "1h hard", true},
		"denied, it's leaked": {true, "0h", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.objects.Now = func() time.Time { return w.now() }
			w.commands = &commands{now: w.now, clusters: map[string][]instance{"prod": nil}, denied: map[string]bool{"prod": test.denied}}
			w.objects.Write(configBucket, "prod/ecs.config", inCluster("prod"))
			w.secrets.Begin(version1)
			w.rotate(t, version1)
			w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated = test.grace, start
			w.now = func() time.Time { return start.Add(2 * time.Hour) }
			result := w.review(t)
			if held := strings.Contains(codes(result), "previous-held"); held != test.denied || held && result.Status == finding.Compliant {
				t.Errorf("got %+v", result)
			}
			if ended := !w.accepts("ci", canary); ended != test.ended {
				t.Errorf("the previous credential ended: %v, %+v", ended, result)
			}
			w.secrets.Begin("version-2")
			result = w.run(t, "createSecret", "version-2")
			if held := codes(result) == "previous-held"; held != (test.denied && !test.ended) || result.HasError() != held {
				t.Errorf("the next rotation: %+v", result)
			}
			w.usable(t)
		})
	}
}

const ownFunction = "arn:aws:lambda:us-east-1:123456789012:function:ecs-guardrails-rotate-secret"

// TestAnotherFunctionsSecret: a step for a secret that another function rotates
// changes nothing.
func TestAnotherFunctionsSecret(t *testing.T) {
	w := newWorld(t)
	w.secrets.RotatedBy = "arn:aws:lambda:us-east-1:123456789012:function:theirs"
	w.secrets.Begin(version1)
	handle := func(ctx context.Context) finding.Result {
		return check(t, w.function(finding.Enforce).Handle(ctx, stepEvent("createSecret", version1)))
	}
	if result := handle(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: ownFunction})); codes(result) != "rotated-by-another" || !result.HasError() {
		t.Errorf("got %+v", result)
	}
	w.secrets.RotatedBy = ownFunction
	if result := handle(lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: ownFunction})); result.HasError() {
		t.Errorf("got %+v", result)
	}
}

// TestSharedAccounts: two secrets that rotate the same accounts are found at a
// look, before one ends the other's credential.
func TestSharedAccounts(t *testing.T) {
	const otherARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:copy-AbCdEf"
	for name, test := range map[string]struct {
		value, registry, families string
		created                   time.Time
		// uses are the secrets that task definitions name for the registry's images.
		uses string
		want string
	}{
		"the same account":                        {`{"username":"ci","password":"x"}`, "registry.example.com", "", start, "", "accounts-shared"},
		"its standby account":                     {`{"username":"ci_clone","password":"x"}`, "registry.example.com/team", "", start, "", "accounts-shared"},
		"another account, newer":                  {`{"username":"cd","password":"x"}`, "registry.example.com", "", start, "", ""},
		"another account, older":                  {`{"username":"cd","password":"x"}`, "registry.example.com", "", start.AddDate(-1, 0, 0), "", "registry-shared"},
		"another account, another path":           {`{"username":"cd","password":"x"}`, "registry.example.com/team", "", start.AddDate(-1, 0, 0), "", ""},
		"another account, other families":         {`{"username":"cd","password":"x"}`, "registry.example.com", "web-*", start.AddDate(-1, 0, 0), "", ""},
		"another registry":                        {`{"username":"ci","password":"x"}`, "other.example.com", "", start, "", ""},
		"no value that is read":                   {``, "registry.example.com/team", "", start, "", ""},
		"another account, newer, in use":          {`{"username":"cd","password":"x"}`, "registry.example.com", "", start, otherARN, "registry-shared"},
		"another account, older, this one in use": {`{"username":"cd","password":"x"}`, "registry.example.com", "", start.AddDate(-1, 0, 0), secretARN, ""},
		"another account, older, both in use":     {`{"username":"cd","password":"x"}`, "registry.example.com", "", start.AddDate(-1, 0, 0), secretARN + " copy", "registry-shared"},
		"another account, newer, both in use":     {`{"username":"cd","password":"x"}`, "registry.example.com", "", start, secretARN + " copy", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tags := []smtypes.Tag{{Key: aws.String(rotation.DriverTag), Value: aws.String(htpasswd.Name)}, {Key: aws.String(rotation.RegistryTag), Value: &test.registry}}
			if test.families != "" {
				tags = append(tags, smtypes.Tag{Key: aws.String(rotation.FamiliesTag), Value: &test.families})
			}
			w.secrets.Created = start.AddDate(0, -1, 0)
			w.definitions = definitions{"elsewhere": {"other.example.com/app:1 " + otherARN}}
			for n, secret := range strings.Fields(test.uses) {
				w.definitions[fmt.Sprint("family", n)] = []string{"registry.example.com/team/app:1 " + secret}
			}
			w.secrets.Listed = []smtypes.SecretListEntry{
				{ARN: aws.String(secretARN), Name: aws.String("prod/registry.example.com")}, {ARN: aws.String("arn:none"), Name: aws.String("none")},
				{ARN: aws.String(otherARN), Name: aws.String("copy"), CreatedDate: &test.created, Tags: tags},
			}
			w.secrets.Others = map[string]string{}
			if test.value != "" {
				w.secrets.Others[otherARN] = test.value
			}
			if result := w.review(t); codes(result) != test.want || test.want == "accounts-shared" && !result.HasError() {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// TestSharedAccountsByOtherNames: one list of users has several names: ports of a
// Nexus, two host names of one file, two hosts of one administrator.
func TestSharedAccountsByOtherNames(t *testing.T) {
	const otherARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:copy-AbCdEf"
	const adminARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:" + adminSecret + "-XyZ123"
	for name, test := range map[string]struct {
		vendor, username string
		tags             map[string]string
		want             string
	}{
		"nexus, another port":            {"nexus", "ecs puller", map[string]string{rotation.RegistryTag: "nexus.example.com:8083", rotation.DriverTag: "nexus"}, "accounts-shared"},
		"nexus, another port, no other":  {"nexus", "web puller", map[string]string{rotation.RegistryTag: "nexus.example.com:8083", rotation.DriverTag: "nexus"}, ""},
		"nexus, another name, one admin": {"nexus", "ecs puller_clone", map[string]string{rotation.RegistryTag: "images.example.com", rotation.DriverTag: "nexus", rotation.AdminTag: adminARN}, "accounts-shared"},
		"nexus, another one":             {"nexus", "ecs puller", map[string]string{rotation.RegistryTag: "images.example.com", rotation.DriverTag: "nexus", rotation.AdminTag: adminSecret + "-2"}, ""},
		"quay, another organization":     {"quay", "shop+ecs", map[string]string{rotation.RegistryTag: "quay.io/shop", rotation.DriverTag: "quay"}, ""},
		"quay, the same robot":           {"quay", "acme+ecs", map[string]string{rotation.RegistryTag: "quay.io/acme/web", rotation.DriverTag: "quay"}, "accounts-shared"},
		"htpasswd, another host":         {"", "ci", map[string]string{rotation.RegistryTag: "mirror.example.com", rotation.DriverTag: htpasswd.Name, htpasswd.LocationTag: "s3://acme/auth/htpasswd"}, "accounts-shared"},
		"htpasswd, another file":         {"", "ci", map[string]string{rotation.RegistryTag: "registry.example.com/other", rotation.DriverTag: htpasswd.Name, htpasswd.LocationTag: "s3://acme/other/htpasswd"}, ""},
		"htpasswd, another port":         {"", "ci", map[string]string{rotation.RegistryTag: "registry.example.com:5000", rotation.DriverTag: "gitlab"}, ""},
		"htpasswd, no registry":          {"", "ci", map[string]string{rotation.RegistryTag: "not a host", rotation.DriverTag: htpasswd.Name}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.vendor != "" {
				w, _, _ = newVendorWorld(vendors()[test.vendor])
			}
			var tags []smtypes.Tag
			for key, value := range test.tags {
				tags = append(tags, smtypes.Tag{Key: &key, Value: &value})
			}
			w.secrets.Listed = []smtypes.SecretListEntry{{ARN: aws.String(otherARN), Name: aws.String("copy"), CreatedDate: &start, Tags: tags}}
			if w.secrets.Others == nil {
				w.secrets.Others = map[string]string{}
			}
			w.secrets.Others[otherARN] = fmt.Sprintf(`{"username":%q,"password":"x"}`, test.username)
			if result := w.review(t); codes(result) != test.want {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// TestTokensOutliveCronSchedules: a token is in use for two of a schedule's longest
// intervals, also where the next one is short. What the dates of Secrets Manager tell
// counts where the expression can't be read.
func TestTokensOutliveCronSchedules(t *testing.T) {
	for name, test := range map[string]struct {
		schedule string
		days     string
		last     time.Time
		due      time.Time
		refused  bool
	}{
		"monthly, a week":        {"cron(0 8 1 * ? *)", "access/7", start.AddDate(0, 0, -20), start.AddDate(0, 0, 10), true},
		"monthly, ninety days":   {"cron(0 8 1 * ? *)", "access/90", start.AddDate(0, 0, -20), start.AddDate(0, 0, 10), false},
		"monthly, forty days":    {"cron(0 8 1 * ? *)", "access/40", start.AddDate(0, 0, -20), start.AddDate(0, 0, 10), true},
		"daily, a week":          {"cron(0 8 * * ? *)", "access/7", start.AddDate(0, 0, -1), start.Add(time.Hour), false},
		"never rotated, a week":  {"cron(0 8 1 * ? *)", "access/7", time.Time{}, start.AddDate(0, 0, 10), true},
		"never rotated, a month": {"cron(0 8 1 * ? *)", "access/31", time.Time{}, start.AddDate(0, 0, 10), true},
		"within its window":      {"cron(0 8 1 * ? *)", "access/50", start.AddDate(0, 0, -31), start.Add(10 * time.Hour), true},
		"within its window, two": {"cron(0 8 1 * ? *)", "access/62", start.AddDate(0, 0, -31), start.Add(10 * time.Hour), false},
		"twice a month, a month": {"cron(0 8 1,15 * ? *)", "access/34", time.Time{}, start.AddDate(0, 0, 10), false},
		"uneven months":          {"cron(0 8 1 1,2 ? *)", "access/90", start.AddDate(0, 0, -31), start.AddDate(0, 0, 1), true},
		"overdue for months":     {"cron(0 8 1 * ? *)", "access/70", start.AddDate(0, -4, 0), start.AddDate(0, 0, 10), false},
		"weekdays":               {"cron(0 8 ? * MON-FRI *)", "access/7", start.AddDate(0, 0, -1), start.AddDate(0, 0, 3), false},
		"hours":                  {"rate(12 hours)", "access/1", start.Add(-12 * time.Hour), start, false},
		"can't be read, a month": {"cron(0 8 1 * * 2030)", "access/31", time.Time{}, start.AddDate(0, 0, 10), false},
		"can't be read, a week":  {"cron(0 8 1 * * 2030)", "access/7", time.Time{}, start.AddDate(0, 0, 10), true},
		"no schedule":            {"", "access/7", time.Time{}, time.Time{}, false},
		"a rate":                 {"rate(30 days)", "access/7", start, start.AddDate(0, 0, 30), true},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, _ := newVendorWorld(vendors()["gitlab, group access tokens"])
			w.secrets.Tags[gitlab.TokenTag], w.secrets.Schedule, w.secrets.Rotated, w.secrets.Due = test.days, test.schedule, test.last, test.due
			if result := w.review(t); strings.Contains(codes(result), "driver-needs") != test.refused {
				t.Errorf("got %+v", result)
			}
		})
	}
}

// TestManual: a person's credential is tested, becomes the current one, and is
// asked for when it is due.
func TestManual(t *testing.T) {
	w := newWorld(t)
	works := map[string]string{"robot": canary, "other": "new-token"}
	w.accepts = func(username, password string) bool { return password != "" && works[username] == password }
	w.withImages(map[string]string{"team/app": "*"})
	w.secrets.Values["version-0"] = `{"username":"robot","password":"` + canary + `"}`
	w.secrets.Tags[rotation.DriverTag], w.secrets.Tags[rotation.AdminTag] = manual.Name, adminSecret
	delete(w.secrets.Tags, htpasswd.LocationTag)
	w.objects.Write(configBucket, "prod/ecs.config", fileWith("robot", canary))
	leave := func(text string) { w.secrets.Others = map[string]string{adminSecret: text} }
	leave(`{"username":"robot","password":"` + canary + `","secrets":["prod/*"]}`)

	// Nothing new is there.
	w.secrets.Due = start.AddDate(0, 0, 10)
	if result := w.review(t); codes(result) != "credential-awaited" {
		t.Errorf("looked at: %+v", result)
	}
	w.secrets.Begin(version1)
	if result := w.run(t, "createSecret", version1); codes(result) != "credential-awaited" || !result.HasError() {
		t.Errorf("got %+v", result)
	}
	// What is there doesn't work.
	leave(`{"username":"other","token":"typo","secrets":["prod/*"]}`)
	w.run(t, "createSecret", version1)
	w.run(t, "setSecret", version1)
	if result := w.run(t, "testSecret", version1); codes(result) != "login-refused" {
		t.Errorf("got %+v", result)
	}
	w.usable(t)
	// It does.
	leave(`{"username":"other","token":"new-token","secrets":["prod/*"]}`)
	w.secrets.Begin("version-2")
	w.rotate(t, "version-2")
	w.usable(t)
	if string(w.objects.Read(configBucket, "prod/ecs.config")) != string(fileWith("other", "new-token")) {
		t.Error("the file doesn't have the new credential")
	}
	// The previous one is a person's to delete.
	w.secrets.Tags[rotation.GraceTag], w.secrets.Rotated, w.secrets.Due = "1h hard", start.Add(-2*time.Hour), start.AddDate(0, 2, 0)
	if result := w.review(t); codes(result) != "previous-works" {
		t.Errorf("looked at: %+v", result)
	}
	delete(works, "robot")
	if result := w.review(t); codes(result) != "previous-ended" {
		t.Errorf("looked at: %+v", result)
	}
	// Another secret's owner can't take it.
	leave(`{"username":"other","token":"new-token","secrets":["shop/*"]}`)
	w.secrets.Begin("version-3")
	if result := w.run(t, "createSecret", "version-3"); codes(result) != "administrator-for-others" {
		t.Errorf("got %+v", result)
	}
	// Put in as AWSPENDING by hand.
	delete(w.secrets.Tags, rotation.AdminTag)
	works["third"] = "third-token"
	w.secrets.Values["version-3"] = `{"username":"third","password":"third-token"}`
	w.rotate(t, "version-3")
	w.usable(t)
}

// TestLambdaDriver: only functions that the operator allows are called, and what
// they answer is believed only in its form.
func TestLambdaDriver(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*world)
		want    string
	}{
		"not allowed":     {func(w *world) { w.secrets.Tags["ecs-guardrails:function"] = functionARN + "-evil" }, "driver-needs"},
		"no tag":          {func(w *world) { delete(w.secrets.Tags, "ecs-guardrails:function") }, "driver-needs"},
		"it fails":        {func(w *world) { w.operators.Fails = true }, "registry-api"},
		"no JSON":         {answering("list", canary), "registry-api"},
		"no credential":   {answering("issue", `{"username":"a","id":"1"}`), "registry-api"},
		"no id":           {answering("issue", `{"username":"a","password":"b"}`), "registry-api"},
		"a colon":         {answering("issue", `{"username":"a:b","password":"b","id":"1"}`), "registry-api"},
		"list's form":     {answering("list", `{"credentials":[{"id":"1"}]}`), "registry-api"},
		"refused":         {answering("issue", `{"error":"refused"}`), "administrator-refused"},
		"missing":         {answering("issue", `{"error":"missing"}`), "account-missing"},
		"busy":            {answering("issue", `{"error":"busy"}`), "call-retried"},
		"its own words":   {answering("issue", `{"error":"`+canary+`"}`), "registry-api"},
		"the one in use":  {answering("issue", `{"username":"by hand","password":"`+canary+`","id":"1"}`), "registry-api"},
		"null":            {answering("issue", `null`), "registry-api"},
		"a list":          {answering("issue", `[{"username":"a","password":"b","id":"1"}]`), "registry-api"},
		"nothing":         {answering("issue", ``), "registry-api"},
		"another type":    {answering("issue", `{"username":"a","password":{"`+canary+`":1},"id":"1"}`), "registry-api"},
		"no date":         {answering("issue", `{"username":"a","password":"b","id":"1","expires":"`+canary+`"}`), "registry-api"},
		"error's type":    {answering("issue", `{"error":["`+canary+`"]}`), "registry-api"},
		"list's version":  {answering("list", `{"credentials":[{"id":"1","secretVersion":"`+canary+` ../x"}]}`), "registry-api"},
		"list's length":   {answering("list", `{"credentials":[`+strings.TrimSuffix(strings.Repeat(`{"id":"1","secretVersion":"v"},`, 5000), ",")+`]}`), "registry-api"},
		"two in one JSON": {answering("issue", `{"username":"a","password":"b","id":"1"}{"error":"`+canary+`"}`), "registry-api"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := newVendorWorld(allVendors()["lambda"])
			test.prepare(w)
			before := len(s.Live())
			w.secrets.Begin(version1)
			if result := w.run(t, "createSecret", version1); codes(result) != test.want {
				t.Errorf("got %+v", result)
			}
			w.usable(t)
			if len(s.Live()) != before {
				t.Error("a credential was issued or ended")
			}
			if version, value := w.secrets.Staged("AWSPENDING"); version != version1 || value != "" {
				t.Errorf("the pending version has a value: %v", value != "")
			}
		})
	}
	// A user name and password may hold whatever JSON can.
	t.Run("odd characters", func(t *testing.T) {
		const username, password = "robot é\t\"<&>'", "p:a/ß \"'\\ \u2028 😀"
		w, _, _ := newVendorWorld(allVendors()["lambda"])
		w.accepts = func(u, p string) bool { return u == username && p == password || p == canary }
		w.withImages(map[string]string{"own/app": "*"})
		w.operators.Answer = map[string]string{"issue": fmt.Sprintf(`{"username":%s,"password":%s,"id":"1"}`, quoted(t, username), quoted(t, password))}
		w.objects.Write(configBucket, "prod/ecs.config", fileWith("by hand", canary))
		w.secrets.Begin(version1)
		w.rotate(t, version1)
		_, value := w.secrets.Staged("AWSCURRENT")
		if u, p := credentialOf(t, value); u != username || p != password {
			t.Error("the current version has another credential")
		}
		if string(w.objects.Read(configBucket, "prod/ecs.config")) == string(fileWith("by hand", canary)) {
			t.Error("the file wasn't written")
		}
	})
	t.Run("its rights and end", func(t *testing.T) {
		w, _, _ := newVendorWorld(allVendors()["lambda"])
		w.operators.Answer = map[string]string{"verify": `{"pull":false}`}
		if result := w.review(t); codes(result) != "account-rights" || result.Status == finding.Compliant {
			t.Errorf("got %+v", result)
		}
		w.operators.Answer = map[string]string{"verify": `{"pull":true,"disabled":true}`}
		if result := w.review(t); codes(result) != "account-disabled" {
			t.Errorf("got %+v", result)
		}
		w.operators.Answer, w.operators.Ends = nil, start.AddDate(0, 0, 20)
		if result := w.review(t); codes(result) != "credential-ends" || result.HasError() {
			t.Errorf("got %+v", result)
		}
	})
}

func quoted(t *testing.T, text string) string {
	t.Helper()
	encoded, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// answering has the operator's function give an answer of its own to an action.
func answering(action, text string) func(*world) {
	return func(w *world) { w.operators.Answer = map[string]string{action: text} }
}
