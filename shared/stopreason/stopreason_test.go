package stopreason

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReferenceExamples(t *testing.T) {
	raw, err := os.ReadFile("testdata/known.json")
	if err != nil {
		t.Fatal(err)
	}
	var known []struct {
		ID    ID
		Ours  Ours
		Texts []string
	}
	if err := json.Unmarshal(raw, &known); err != nil {
		t.Fatal(err)
	}
	for _, entry := range known {
		for _, text := range entry.Texts {
			got := Classify(text)
			if got.ID != entry.ID {
				t.Errorf("%s\n  is %s, want %s", text, got.ID, entry.ID)
			}
		}
		if causes[entry.ID].ours != entry.Ours {
			t.Errorf("%s: ours is %q, want %q", entry.ID, causes[entry.ID].ours, entry.Ours)
		}
	}
}

// The texts are the format strings of agent 1.105.1, filled in as the agent and
// the AWS SDK for Go v2 do; what the rules don't know must be unrecognised.
func TestAgentTexts(t *testing.T) {
	raw, err := os.ReadFile("testdata/agent.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts []struct {
		Source, Class, Text string
		ID                  ID
	}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if got := Classify(text.Text); got.ID != text.ID || got.Class != text.Class {
			t.Errorf("%s: %s\n  is %s of class %q, want %s of %q", text.Source, text.Text, got.ID, got.Class, text.ID, text.Class)
		}
	}
}

// Texts as people posted them in public, with names and accounts replaced, and
// the sentences of the ECS developer guide.
func TestPublicTexts(t *testing.T) {
	raw, err := os.ReadFile("testdata/public.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts []struct {
		ID                  ID
		Class, Object, Text string
	}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if got := Classify(text.Text); got.ID != text.ID || got.Class != text.Class || got.Object != text.Object {
			t.Errorf("%s\n  is %s of class %q about %q, want %s of %q about %q", text.Text, got.ID, got.Class, got.Object, text.ID, text.Class, text.Object)
		}
	}
}

func TestApplicationExitsAreNeverOurs(t *testing.T) {
	for _, text := range []string{
		"Essential container in task exited",
		"ESSENTIAL CONTAINER IN TASK EXITED",
		"Essential container in task exited: CannotConnect: toomanyrequests",
		"Essential container in task exited (exit code: 1): ResourceNotFoundException: Secrets Manager can't find the specified secret.",
		"Essential container in task exited - exit code 137 - OOMKilled",
		"Essential container exited",
		"EssentialContainerExited",
		"Container exited with code 143",
		"app exited with non-zero exit code 2",
		"exitCode: 1",
		"\"exitCode\": 139",
		"Exited (1) 3 minutes ago",
		"Task failed ELB health checks in (target-group arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123)",
		"Task failed container health checks",
		"(service web, taskSet ecs-svc/1) (task 0123) failed container health checks.",
		"(service web) (task 0123) (port 8080) is unhealthy in (target-group web) due to (reason Health checks failed with these codes: [401])",
		"(service web) (instance i-0123) (port 32768) is unhealthy in (target-group web) due to (reason Request timed out)",
		"OutOfMemoryError: Container killed due to memory usage",
		"Task stopped by user", "Scaling activity initiated by (deployment ecs-svc/0123)",
		"panic: open /run/secrets/db: permission denied",
		"Error: getaddrinfo ENOTFOUND registry.internal",
		"FATAL: password authentication failed for user \"app\"",
		"exec /docker-entrypoint.sh: no such file or directory",
		"connect ETIMEDOUT 10.0.0.5:5432", "dial tcp 10.0.0.5:5432: i/o timeout", "401 Unauthorized", "403 Forbidden", "502 Bad Gateway",
		"java.lang.OutOfMemoryError: Java heap space", "no space left on device", "Login failed for user 'sa'", "token expired at 12:00",
	} {
		got := Classify(text)
		if got.Failure() || got.Ours != No {
			t.Errorf("%s\n  is %s, ours %s; want nothing of ours", text, got.ID, got.Ours)
		}
	}
}

func TestUnknownTextsKeepTheirClass(t *testing.T) {
	for text, class := range map[string]string{
		"":                         "",
		"CannotPullContainerError": "CannotPullContainerError",
		"cannotpullcontainererror: the moon is full": "CannotPullContainerError",
		"ResourceInitializationError: the moon":      "ResourceInitializationError",
		"Resourceinitializationerror: the moon":      "ResourceInitializationError",
		"CannotCreateContainerError: the moon":       "CannotCreateContainerError",
		"BrandNewError: the moon":                    "BrandNewError",
		"The moon is full":                           "",
	} {
		if got := Classify(text); got.ID != Unrecognised || got.Class != class || got.Ours != No {
			t.Errorf("%q is %s of class %q, want unrecognised of %q", text, got.ID, got.Class, class)
		}
	}
}

func TestDeniedBy(t *testing.T) {
	const denied = "Asm fetching secret from the service for arn:aws:secretsmanager:us-east-1:123456789012:secret:r-AbCdEf: AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/exec/0 is not authorized to perform: secretsmanager:GetSecretValue on resource: arn:aws:secretsmanager:us-east-1:123456789012:secret:r-AbCdEf "
	for tail, want := range map[string]struct {
		by   string
		ours Ours
	}{
		"because no identity-based policy allows the secretsmanager:GetSecretValue action":  {roleLacksIt, Yes},
		"BECAUSE NO IDENTITY-BASED POLICY ALLOWS THE ACTION":                                {roleLacksIt, Yes},
		"because no resource-based policy allows the secretsmanager:GetSecretValue action":  {deniedByOtherAccount, No},
		"with an explicit deny in a resource-based policy":                                  {deniedByObject, No},
		"with an explicit deny in an identity-based policy":                                 {deniedByRole, No},
		"with an explicit deny in a service control policy":                                 {deniedByOrganization, No},
		"because no service control policy allows the secretsmanager:GetSecretValue action": {deniedByOrganization, No},
		"with an explicit deny in a resource control policy":                                {deniedByResources, No},
		"because no permissions boundary allows the secretsmanager:GetSecretValue action":   {deniedByBoundary, No},
		"with an explicit deny in a permissions boundary":                                   {deniedByBoundary, No},
		"because no VPC endpoint policy allows the secretsmanager:GetSecretValue action":    {deniedByEndpoint, No},
		"because no session policy allows the secretsmanager:GetSecretValue action":         {deniedBySession, No},
		"because no": {"", Yes}, // cut off: a simulation has to tell
		"":           {"", Yes},
	} {
		if got := Classify(denied + tail); got.DeniedBy != want.by || got.Ours != want.ours || got.ID != "registry-secret-denied" {
			t.Errorf("%q: %s, denied by %q, ours %s; want %q, %s", tail, got.ID, got.DeniedBy, got.Ours, want.by, want.ours)
		}
	}
}

func TestSeveralFailuresOfOneText(t *testing.T) {
	text := "Unable to download env file with key a.env from bucket b, error: operation error S3: GetObject, https response error StatusCode: 404, RequestID: 0, HostID: 0, NoSuchKey: ;" +
		"unable to download env file with key c.env from bucket b, error: operation error S3: GetObject, https response error StatusCode: 403, RequestID: 0, HostID: 0, api error AccessDenied: Access Denied"
	if got := Classify(text); got.ID != "env-file-denied" || got.Object != "s3://b/c.env" {
		t.Errorf("is %s about %s, want the failure that is ours", got.ID, got.Object)
	}
	all := All(text)
	if len(all) != 2 || all[0].Object != "s3://b/a.env" || all[0].ID != "env-file-gone" {
		t.Errorf("all are %+v, want both files", all)
	}
}

// TestObjectsAreNames: a word of the sentence isn't a name, and would send people to
// look for it.
func TestObjectsAreNames(t *testing.T) {
	for text, want := range map[string]string{
		"ResourceInitializationError: failed to download env files: file download command: non-empty error stream: RequestCanceled: request context cancelled caused by: context deadline exceeded": "",
		"ResourceInitializationError: failed to download env files: file app.env not found":                                                                                                         "app.env",
		"ResourceInitializationError: failed to download env files: file download not found":                                                                                                        "download",
	} {
		if got := Classify(text).Object; got != want {
			t.Errorf("%s\n  is about %q, want %q", text, got, want)
		}
	}
	word := regexp.MustCompile(`^[a-z]+$`)
	for _, known := range knownTexts(t) {
		for _, of := range All(known.text) {
			if word.MatchString(of.Object) {
				t.Errorf("%s\n  is about %q", known.text, of.Object)
			}
		}
	}
}

func TestAdviceOfEveryCause(t *testing.T) {
	unfilled := regexp.MustCompile(`\{[A-Za-z]+\}|  |\w \.( |$)|\.\.$`)
	for _, id := range IDs() {
		for name, reason := range map[string]Reason{
			"nothing named": {ID: id},
			"all named":     {ID: id, Object: "prod/app", Named: Named{Role: "exec", SecretKey: "password", Host: "registry.example.com"}},
			"denied":        {ID: id, DeniedBy: deniedByBoundary},
			"a shell's":     {ID: id, Object: "x; rm -rf /"},
		} {
			advise(&reason)
			for _, text := range []string{reason.Cause, reason.Cure, reason.Advice} {
				if text == "" || text[len(text)-1] != '.' || unfilled.MatchString(text) || text[0] >= 'a' {
					t.Errorf("%s, %s: %q isn't whole sentences", id, name, text)
				}
			}
			if strings.Contains(reason.Cure, "-- x;") || strings.Contains(reason.Cure, "-id x;") || strings.Contains(reason.Cure, "-name x;") {
				t.Errorf("%s: a command has what a shell would run: %q", id, reason.Cure)
			}
		}
	}
}

func FuzzClassify(f *testing.F) {
	for _, k := range knownTexts(f) {
		f.Add(k.text)
	}
	for _, r := range reports(f) {
		f.Add(r.Text)
	}
	f.Add(`{"tasks":[{"stoppedReason":"Task failed to start","containers":[{"reason":"CannotPullContainerError: toomanyrequests"}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		got := Classify(text)
		if _, known := causes[got.ID]; !known {
			t.Errorf("id %q is none of the causes", got.ID)
		}
		if Classify(text).ID != got.ID {
			t.Error("the same text has two causes")
		}
		if !utf8.ValidString(got.Object + got.Advice + got.Class) {
			t.Error("not UTF-8")
		}
	})
}
