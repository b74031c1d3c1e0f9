package rotation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
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
