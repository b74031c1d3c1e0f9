package registry_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"registry.example.com":              "registry.example.com",
		"Registry.Example.com:5000/team":    "registry.example.com:5000/team",
		"https://registry.example.com/":     "registry.example.com",
		"registry.gitlab.com/acme/tools/":   "registry.gitlab.com/acme/tools",
		"https://index.docker.io/v1/":       "docker.io",
		"index.docker.io":                   "docker.io",
		"docker.io":                         "docker.io",
		"docker.io/acme":                    "docker.io/acme",
		"registry-1.docker.io/v2/":          "docker.io",
		"localhost:5000":                    "localhost:5000",
		"http://127.0.0.1:5000":             "127.0.0.1:5000",
		"localhost":                         "localhost",
		"registry:5000":                     "registry:5000",
		"123456789012.dkr.ecr.eu.amazonaws": "123456789012.dkr.ecr.eu.amazonaws",

		"":                           "",
		"registry":                   "",
		"http://registry.example":    "",
		"ftp://registry.example":     "",
		"user:pass@registry.example": "",
		"registry.example/?a=b":      "",
		"registry.example/#a":        "",
		"registry.example/UPPER":     "",
		"registry.example:port":      "",
		"registry.example/a b":       "",
		"://":                        "",
		"registry.example/../x":      "",
	} {
		t.Run(text, func(t *testing.T) {
			got, err := registry.Parse(text)
			if (err == nil) != (want != "") || got.String() != want && err == nil {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestParseImage(t *testing.T) {
	tests := []struct{ registry, text, name, reference string }{
		{"registry.example.com:5000", "registry.example.com:5000/team/app:1.2", "team/app", "1.2"},
		{"registry.example.com", "team/app", "team/app", "latest"},
		{"registry.example.com", "app:3", "app", "3"},
		{"registry.example.com/team", "registry.example.com/team/app", "team/app", "latest"},
		{"registry.example.com/team", "registry.example.com/teamwork/app", "", ""},
		{"registry.example.com", "other.example.com/app", "", ""},
		{"registry.example.com", "https://registry.example.com/app", "", ""},
		{"registry.example.com", "APP", "", ""},
		{"registry.example.com", "", "", ""},
		{"docker.io", "alpine", "library/alpine", "latest"},
		{"docker.io", "acme/app:1", "acme/app", "1"},
		{"docker.io", "index.docker.io/acme/app:1", "acme/app", "1"},
		{"localhost:5000", "localhost:5000/app", "app", "latest"},
		{
			"registry.example.com", "app:1@sha256:" + strings.Repeat("a", 64),
			"app", "sha256:" + strings.Repeat("a", 64),
		},
	}
	for _, test := range tests {
		t.Run(test.registry+" "+test.text, func(t *testing.T) {
			of, err := registry.Parse(test.registry)
			if err != nil {
				t.Fatal(err)
			}
			got, err := of.ParseImage(test.text)
			if (err == nil) != (test.name != "") || err == nil && (got.Name != test.name || got.Reference != test.reference) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"registry.example.com:5000/team", "https://index.docker.io/v1/", "[::1]:5000", "a.b/c@d:e"} {
		f.Add(seed, "team/app:1")
	}
	f.Fuzz(func(t *testing.T, text, image string) {
		got, err := registry.Parse(text)
		if err != nil {
			return
		}
		again, err := registry.Parse(got.String())
		if err != nil || again != got {
			t.Errorf("%q is %q, and that is %q, %v", text, got, again, err)
		}
		if parsed, err := got.ParseImage(image); err == nil && (parsed.Name == "" || parsed.Reference == "") {
			t.Errorf("%q in %q has parts missing: %+v", image, got, parsed)
		}
	})
}

func TestSuccessorsTakeTurns(t *testing.T) {
	if got := registry.OneAccount.Successor("ci"); got != "ci" {
		t.Errorf("one account is followed by %q", got)
	}
	for _, name := range []string{"ci", "robot$acme+ci", "_clone"} {
		second := registry.TwoAccounts.Successor(name)
		if second == name || registry.TwoAccounts.Successor(second) != name {
			t.Errorf("%q is followed by %q, and that by %q", name, second, registry.TwoAccounts.Successor(second))
		}
	}
}

func TestNewPassword(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	seen := map[string]bool{}
	for range 2000 {
		password, err := registry.NewPassword(random)
		if err != nil {
			t.Fatal(err)
		}
		text := password.Reveal()
		if len(text) != 40 || seen[text] {
			t.Fatalf("a password of %d characters, new: %v", len(text), !seen[text])
		}
		for _, class := range []string{"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"} {
			if !strings.ContainsAny(text, class) {
				t.Fatalf("a password lacks all of %s", class)
			}
		}
		seen[text] = true
	}
	if _, err := registry.NewPassword(iotest.ErrReader(iotest.ErrTimeout)); err == nil {
		t.Error("a password was made without randomness")
	}
}

// TestTokenVersion: only a name that a rotation could have given is ours.
func TestTokenVersion(t *testing.T) {
	order := registry.Order{SecretARN: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:r-AbCdEf", Version: "8f1b2f6e-4c1d-4f0a-9a57-3b6f3f3d2c11"}
	prefix := strings.TrimSuffix(order.TokenName(), order.Version)
	for name, want := range map[string]bool{
		order.TokenName(): true, prefix + "version-1": true, prefix: false, prefix + "a b": false, prefix + "../x": false, prefix + "é": false,
		prefix + strings.Repeat("a", 64): true, prefix + strings.Repeat("a", 65): false, "x" + order.TokenName(): false, "ecs-guardrails-000000000000-version-1": false,
	} {
		if version, ours := order.TokenVersion(name); ours != want || ours && prefix+version != name {
			t.Errorf("%q: %v", name, ours)
		}
	}
}

func TestImageString(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for image, want := range map[registry.Image]string{{Name: "team/app", Reference: "1"}: "team/app:1", {Name: "team/app", Reference: digest}: "team/app@" + digest} {
		if image.String() != want {
			t.Errorf("got %s, want %s", image, want)
		}
	}
}
