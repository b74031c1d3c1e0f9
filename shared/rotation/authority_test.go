package rotation_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/racetest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
)

// fileWith is an ecs.config with one credential for registry.example.com.
func fileWith(username, password string) []byte {
	return fmt.Appendf(nil, "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"username\":%q,\"password\":%q}}\n", username, password)
}

// TestOnlyListedFilesGetTheCredential: neither a user name, nor an old password,
// nor a place beside a listed file gets the new password.
func TestOnlyListedFilesGetTheCredential(t *testing.T) {
	listed := "s3://" + configBucket + "/prod/*"
	for name, test := range map[string]struct {
		tag, key string
		content  []byte
		written  bool
		// look is what a look between rotations finds about the file.
		look string
	}{
		"listed":                         {listed, "prod/ecs.config", fileWith("ci", canary), true, ""},
		"listed by name":                 {"s3://" + configBucket + "/a/agent.conf", "a/agent.conf", fileWith("ci", canary), true, ""},
		"unlisted":                       {listed, "dev/ecs.config", fileWith("ci", canary), false, "config-unlisted"},
		"unlisted, as long a name":       {listed, "prod-2/ecs.config", fileWith("ci", canary), false, "config-unlisted"},
		"no list":                        {"", "prod/ecs.config", fileWith("ci", canary), false, "config-unlisted"},
		"unlisted, the user name alone":  {listed, "dev/ecs.config", fileWith("ci", "wrong"), false, ""},
		"listed, the user name alone":    {listed, "prod/ecs.config", fileWith("ci", "wrong"), false, ""},
		"listed, the standby account":    {listed, "prod/ecs.config", fileWith("ci_clone", "wrong"), false, ""},
		"listed, the password alone":     {listed, "prod/ecs.config", fileWith("ops", canary), false, ""},
		"listed, no suffix of the stack": {listed, "prod/other.config", fileWith("ci", canary), false, ""},
		"another bucket":                 {"s3://elsewhere/prod/*", "prod/ecs.config", fileWith("ci", canary), false, "config-unlisted"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets.Tags[rotation.ConfigTag] = test.tag
			if test.tag == "" {
				delete(w.secrets.Tags, rotation.ConfigTag)
			}
			w.objects.Write(configBucket, test.key, test.content)
			w.secrets.Begin(version1)
			w.rotate(t, version1)
			w.usable(t)
			_, value := w.secrets.Staged("AWSCURRENT")
			username, password := credentialOf(t, value)
			got := string(w.objects.Read(configBucket, test.key))
			if written := got == string(fileWith(username, password)); written != test.written || !written && got != string(test.content) {
				t.Errorf("the file was written: %v", written)
			}
			for _, place := range w.objects.Listed() {
				if test.tag == "" || place != strings.TrimSuffix(strings.TrimPrefix(test.tag, "s3://"), "*") {
					t.Errorf("the rotation listed %s", place)
				}
			}
			result := w.review(t)
			if codes(result) != test.look {
				t.Errorf("looked at: %+v", result)
			}
			if test.look != "" && !strings.Contains(result.Findings[0].Message, test.key) {
				t.Errorf("the finding doesn't name the file: %+v", result)
			}
			if strings.Contains(string(w.objects.Read(configBucket, test.key)), password) != test.written {
				t.Error("the look wrote the file")
			}
		})
	}
}

// TestUploadedAfterARotation: a file that is uploaded between rotations with the
// user name and no valid password gets nothing from a look.
func TestUploadedAfterARotation(t *testing.T) {
	w := newWorld(t)
	w.secrets.Begin(version1)
	w.rotate(t, version1)
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	for key, content := range map[string][]byte{"a/ecs.config": fileWith("ci", "guess"), "b/ecs.config": fileWith(username, "guess")} {
		w.objects.Write(configBucket, key, content)
	}
	if result := w.review(t); codes(result) != "" {
		t.Errorf("got %+v", result)
	}
	for _, key := range []string{"a/ecs.config", "b/ecs.config"} {
		if strings.Contains(string(w.objects.Read(configBucket, key)), password) {
			t.Errorf("%s got the password", key)
		}
	}
}

// TestAnOldTokenBuysNothing: with minted tokens, one from before the previous
// rotation doesn't get the new one, though it may still work.
func TestAnOldTokenBuysNothing(t *testing.T) {
	w, _, _ := newVendorWorld(vendors()["gitea"])
	var stolen string
	for n := range 4 {
		version := fmt.Sprintf("version-%d", n+1)
		w.secrets.Begin(version)
		w.rotate(t, version)
		if n == 0 {
			_, stolen = credentialOf(t, w.secrets.Values[version])
		}
	}
	held := strings.ReplaceAll(string(fileWith("ecs", stolen)), "registry.example.com", "gitea.example.com")
	w.objects.Write(configBucket, "prod/ecs.config", []byte(held))
	w.secrets.Begin("version-5")
	w.rotate(t, "version-5")
	if result := w.review(t); result.HasError() {
		t.Errorf("got %+v", result)
	}
	if string(w.objects.Read(configBucket, "prod/ecs.config")) != held {
		t.Error("a file with a token of four rotations ago got the new one")
	}
}

// TestStrangersFilesDontStopARotation: keys that XML can't hold, files with a key
// of their writer's, thousands of files and entries beside the listed one.
func TestStrangersFilesDontStopARotation(t *testing.T) {
	w := newWorld(t)
	w.objects.Unreadable = map[string]string{configBucket + "/prod/stranger/ecs.config": "InvalidRequest"}
	w.objects.Write(configBucket, "prod/ecs.config", fileWith("ci", canary))
	w.objects.Write(configBucket, "prod/\x01\n+ %41/ecs.config", fileWith("ci", canary))
	w.objects.Write(configBucket, "prod/stranger/ecs.config", nil)
	w.objects.Write(configBucket, "\x02/ecs.config", nil)
	var entries strings.Builder
	for n := range 6000 {
		fmt.Fprintf(&entries, `"registry.example.com/g%d":{"username":"ci","password":%q},`, n, canary)
	}
	many := "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={" + strings.TrimSuffix(entries.String(), ",") + "}\n"
	w.objects.Write(configBucket, "prod/z/ecs.config", []byte(many))
	w.secrets.Tags[rotation.ConfigTag] = "s3://" + configBucket + "/prod/*"
	w.begun(t)
	began := time.Now()
	result := w.run(t, "finishSecret", version1)
	if codes(result) != "config-unreadable config-oversized" || result.HasError() {
		t.Errorf("got %+v", result)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	for _, key := range []string{"prod/ecs.config", "prod/\x01\n+ %41/ecs.config"} {
		if string(w.objects.Read(configBucket, key)) != string(fileWith(username, password)) {
			t.Errorf("%q does not carry the new credential", key)
		}
	}
	if string(w.objects.Read(configBucket, "prod/z/ecs.config")) != many {
		t.Error("the file with 6,000 entries was written")
	}
	if result := w.review(t); result.HasError() {
		t.Errorf("looked at: %+v", result)
	}
}

func TestParseConfigEntry(t *testing.T) {
	for text, want := range map[string]rotation.ConfigEntry{
		"s3://b/k":              entry("b", "k", false, ""),
		"s3://b/p/k=c":          entry("b", "p/k", false, "c"),
		"s3://b/p/*":            entry("b", "p/", true, ""),
		"s3://b/p/":             entry("b", "p/", true, ""),
		"s3://b/p/*=prod":       entry("b", "p/", true, "prod"),
		"s3://b/p/=prod":        entry("b", "p/", true, "prod"),
		"s3://b/*":              entry("b", "", true, ""),
		"s3://b/team=a/k":       entry("b", "team=a/k", false, ""),
		"s3://b/team=a/k=a":     entry("b", "team=a/k", false, "a"),
		"s3://b/a/ecs.config=1": entry("b", "a/ecs.config", false, "1"),
	} {
		if got, err := rotation.ParseConfigEntry(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "s3://", "s3://b", "b/k", "s3:///k", "s3://b/p*", "s3://b/*/k", "s3://b/p/**", "s3://b/k=", "s3://b/k=a b", "https://b/k"} {
		if got, err := rotation.ParseConfigEntry(text); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

func FuzzParseConfigEntry(f *testing.F) {
	for _, seed := range []string{"s3://b/k", "s3://b/p/*=c", "s3://b/team=a/", "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entry, err := rotation.ParseConfigEntry(text)
		if err != nil {
			return
		}
		if entry.Bucket == "" || strings.Contains(entry.Key, "*") || entry.Prefix && entry.Key != "" && !strings.HasSuffix(entry.Key, "/") || !strings.HasPrefix(text, entry.Place.String()) {
			t.Errorf("%q was read as %+v", text, entry)
		}
	})
}

func entry(bucket, key string, prefix bool, cluster string) rotation.ConfigEntry {
	made := rotation.ConfigEntry{Prefix: prefix, Cluster: cluster}
	made.Bucket, made.Key = bucket, key
	return made
}

// TestAdministratorMustListItsSecrets: a secret that lists nothing serves no one.
func TestAdministratorMustListItsSecrets(t *testing.T) {
	for list, want := range map[string]string{
		``:                                "administrator-unlisted",
		`"secrets":[],`:                   "administrator-unlisted",
		`"secrets":null,`:                 "administrator-unlisted",
		`"secrets":["other/*"],`:          "administrator-for-others",
		`"secrets":["prod/*"],`:           "",
		`"secrets":["a","prod/regi*"],`:   "",
		`"secrets":["*"],`:                "",
		`"secrets":["prod/registry.ex"],`: "administrator-for-others",
	} {
		w, _, _ := newVendorWorld(vendors()["gitea"])
		w.secrets.Others[adminSecret] = `{` + list + `"url":"https://gitea.example.com","username":"ecs","password":"` + canary + `-admin"}`
		w.secrets.Begin(version1)
		result := w.run(t, "createSecret", version1)
		if got := strings.Contains(codes(result), "administrator-") && result.HasError(); got != (want != "") || want != "" && codes(result) != want {
			t.Errorf("%s: got %+v", list, result)
		}
		// A secret that can't rotate is never compliant.
		w.secrets.Unstage(version1, "AWSPENDING")
		if looked := w.review(t); want != "" && (looked.Status == finding.Compliant || !strings.Contains(codes(looked), want)) {
			t.Errorf("%s: looked at: %+v", list, looked)
		}
	}
}

// TestPlacesThatLookListed: which files a list covers, and what in them carries the
// credential, in variations that come close.
func TestPlacesThatLookListed(t *testing.T) {
	const cfg = "s3://" + configBucket
	entry := func(key, username, password string) string {
		return fmt.Sprintf("ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={%q:{\"username\":%q,\"password\":%q}}\n", key, username, password)
	}
	plain := entry("registry.example.com", "ci", canary)
	base64Of := func(username, password string) string {
		return base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	}
	for name, test := range map[string]struct {
		tag, key, content string
		written           bool
	}{
		"below the prefix":                     {cfg + "/dev/*", "dev/ecs.config", plain, true},
		"deep below the prefix":                {cfg + "/dev/*", "dev/a/b/ecs.config", plain, true},
		"a slash instead of the asterisk":      {cfg + "/dev/", "dev/ecs.config", plain, true},
		"the whole bucket":                     {cfg + "/*", "anything/ecs.config", plain, true},
		"a name with spaces and signs":         {cfg + "/dev/*", "dev/a b+c&d=é/ecs.config", plain, true},
		"a name with control characters":       {cfg + "/dev/*", "dev/\x01\x1f/ecs.config", plain, true},
		"a key that holds percent signs":       {cfg + "/dev/*", "dev/%2e%2e%2fprod/ecs.config", plain, true},
		"two entries":                          {cfg + "/prod/* " + cfg + "/dev/*", "dev/ecs.config", plain, true},
		"a file by name, with its cluster":     {cfg + "/dev/ecs.config=dev", "dev/ecs.config", plain, true},
		"a neighbour with a longer name":       {cfg + "/dev/*", "dev-2/ecs.config", plain, false},
		"a neighbour with the name at its end": {cfg + "/dev/*", "my/dev/ecs.config", plain, false},
		"a slash before it":                    {cfg + "/dev/*", "/dev/ecs.config", plain, false},
		"other letters":                        {cfg + "/dev/*", "Dev/ecs.config", plain, false},
		"letters that look alike":              {cfg + "/dev/*", "dеv/ecs.config", plain, false},
		"an encoded slash":                     {cfg + "/dev/*", "dev%2Fecs.config", plain, false},
		"steps upwards":                        {cfg + "/dev/*", "prod/../dev/ecs.config", plain, false},
		"the file of that name, below it":      {cfg + "/dev/ecs.config", "dev/ecs.config/ecs.config", plain, false},
		"a copy beside the file":               {cfg + "/dev/ecs.config", "dev/ecs.config.bak", plain, false},
		"an asterisk in the middle":            {cfg + "/*/ecs.config", "dev/ecs.config", plain, false},
		"an asterisk without a slash":          {cfg + "/dev*", "dev/ecs.config", plain, false},
		"a bucket by a pattern":                {"s3://*/dev/*", "dev/ecs.config", plain, false},
		"a longer bucket's name":               {cfg + "-2/dev/*", "dev/ecs.config", plain, false},
		"a bucket's name in upper case":        {"s3://" + strings.ToUpper(configBucket) + "/dev/*", "dev/ecs.config", plain, false},
		"the registry with its scheme":         {cfg + "/dev/*", "dev/ecs.config", entry("https://registry.example.com", "ci", canary), true},
		"the registry as Docker writes it":     {cfg + "/dev/*", "dev/ecs.config", entry("https://registry.example.com/v1/", "ci", canary), true},
		"as dockercfg":                         {cfg + "/dev/*", "dev/ecs.config", "ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"auth\":\"" + base64Of("ci", canary) + "\"}}\n", true},
		"a registry with a longer name":        {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com.evil.example", "ci", canary), false},
		"a registry at another port":           {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com:8443", "ci", canary), false},
		"a registry below the name":            {cfg + "/dev/*", "dev/ecs.config", entry("evil.registry.example.com", "ci", canary), false},
		"the name as another registry's user":  {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com@evil.example", "ci", canary), false},
		"the user in other letters":            {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com", "CI", canary), false},
		"the user with a space":                {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com", "ci ", canary), false},
		"the password with a line's end":       {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com", "ci", canary+"\n"), false},
		"the password's beginning":             {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com", "ci", canary[:len(canary)-1]), false},
		"no password":                          {cfg + "/dev/*", "dev/ecs.config", entry("registry.example.com", "ci", ""), false},
		"as dockercfg, without a password":     {cfg + "/dev/*", "dev/ecs.config", "ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"registry.example.com\":{\"auth\":\"" + base64Of("ci", "") + "\"}}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.secrets.Tags[rotation.ConfigTag] = test.tag
			w.objects.Write(configBucket, test.key, []byte(test.content))
			w.secrets.Begin(version1)
			for _, step := range rotation.Steps() {
				w.run(t, string(step), version1)
			}
			_, value := w.secrets.Staged("AWSCURRENT")
			username, password := credentialOf(t, value)
			got := string(w.objects.Read(configBucket, test.key))
			has := strings.Contains(got, password) || strings.Contains(got, base64Of(username, password))
			if fresh := password != canary; test.written && !(fresh && has) {
				t.Errorf("the file didn't get the credential: rotated %v", fresh)
			}
			if !test.written && got != test.content {
				t.Errorf("the file was written: %q", got)
			}
		})
	}
}

// TestAFullPrefixIsNoOnesElse: who fills their own prefix keeps no other listed file
// from the credential.
func TestAFullPrefixIsNoOnesElse(t *testing.T) {
	racetest.Skip(t)
	w := newWorld(t)
	w.secrets.Tags[rotation.ConfigTag] = "s3://" + configBucket + "/dev/* s3://" + configBucket + "/prod/*"
	for i := range 5000 {
		w.objects.Write(configBucket, fmt.Sprintf("dev/%04d/ecs.config", i), fileWith("ci", "wrong"))
	}
	w.objects.Write(configBucket, "prod/ecs.config", fileWith("ci", canary))
	w.secrets.Begin(version1)
	for _, step := range rotation.Steps() {
		if result := w.run(t, string(step), version1); result.HasError() {
			t.Fatalf("%s: %+v", step, result)
		}
	}
	w.usable(t)
	_, value := w.secrets.Staged("AWSCURRENT")
	username, password := credentialOf(t, value)
	if got := string(w.objects.Read(configBucket, "prod/ecs.config")); got != string(fileWith(username, password)) || password == canary {
		t.Errorf("the other team's file has %q", got)
	}
	if result := w.review(t); !strings.Contains(codes(result), "configs-too-many") {
		t.Errorf("the look doesn't say that some weren't read: %+v", result.Findings)
	}
}
