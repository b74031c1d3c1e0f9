package htpasswd_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func order() registry.Order {
	return registry.Order{
		Registry: registry.Registry{Host: "registry.example.com"},
		Current:  registry.Credential{Username: "ci", Password: secret.New("old")},
		Next:     "ci_clone",
		Tags:     map[string]string{htpasswd.LocationTag: "s3://acme/auth/ht passwd"},
	}
}

var limits = htpasswd.Limits{Objects: []string{"acme/auth/*passwd", "acme/exact"}, NoSuffixes: []string{"ecs.config", ".env"}}

// old is the line of the credential in use.
func old(t *testing.T) string {
	t.Helper()
	hashed, err := bcrypt.GenerateFromPassword([]byte("old"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return "ci:" + string(hashed) + "\n"
}

func TestInstall(t *testing.T) {
	store := &registrytest.ObjectStore{}
	ours := old(t)
	store.Write("acme", "auth/ht passwd", []byte("ops:x\n"+ours))
	driver := htpasswd.New(store, rand.NewChaCha8([32]byte{}), limits)
	issued, err := driver.Issue(t.Context(), order())
	credential := issued.Credential
	if err != nil || credential.Username != "ci_clone" {
		t.Fatalf("issued for %q, %v", credential.Username, err)
	}
	if store.Puts() != 1 {
		t.Error("issuing wrote the file")
	}
	for range 2 {
		if err := driver.Install(t.Context(), order(), credential); err != nil {
			t.Fatal(err)
		}
	}
	file := string(store.Read("acme", "auth/ht passwd"))
	if store.Puts() != 2 || !strings.HasPrefix(file, "ops:x\n"+ours+"ci_clone:$2y$") || strings.Contains(file, credential.Password.Reveal()) {
		t.Errorf("after %d writes the file is %q", store.Puts(), file)
	}
}

// TestInstallBesideAnEditor lets a person change the file between our reading
// and our writing.
func TestInstallBesideAnEditor(t *testing.T) {
	store := &registrytest.ObjectStore{}
	ours := old(t)
	store.Write("acme", "auth/ht passwd", []byte(ours))
	edits := 0
	store.BeforePut = func(store *registrytest.ObjectStore) {
		if edits++; edits <= 2 {
			store.Write("acme", "auth/ht passwd", append(store.Read("acme", "auth/ht passwd"), "person:z\n"...))
		}
	}
	driver := htpasswd.New(store, rand.NewChaCha8([32]byte{}), limits)
	if err := driver.Install(t.Context(), order(), registry.Credential{Username: "ci_clone", Password: secret.New("new")}); err != nil {
		t.Fatal(err)
	}
	if file := string(store.Read("acme", "auth/ht passwd")); !strings.HasPrefix(file, ours+"person:z\nperson:z\nci_clone:$2y$") {
		t.Errorf("the file is %q", file)
	}

	store.BeforePut = func(store *registrytest.ObjectStore) { store.Write("acme", "auth/ht passwd", []byte("again\n")) }
	if err := driver.Install(t.Context(), order(), registry.Credential{Username: "ci_clone", Password: secret.New("newer")}); err == nil {
		t.Error("a file that changes all the time was written")
	}
}

func TestInstallWithoutFile(t *testing.T) {
	driver := htpasswd.New(&registrytest.ObjectStore{}, rand.NewChaCha8([32]byte{}), limits)
	err := driver.Install(t.Context(), order(), registry.Credential{Username: "ci_clone", Password: secret.New("new")})
	refusal, ok := errors.AsType[*finding.Refusal](err)
	if !ok || refusal.Finding.Code != "htpasswd-missing" {
		t.Errorf("got %v", err)
	}
	store := &registrytest.ObjectStore{}
	store.Write("acme", "auth/ht passwd", make([]byte, 9<<20))
	err = htpasswd.New(store, rand.NewChaCha8([32]byte{}), limits).Install(t.Context(), order(), registry.Credential{Username: "ci_clone", Password: secret.New("new")})
	if refusal, ok := errors.AsType[*finding.Refusal](err); !ok || refusal.Finding.Code != "htpasswd-too-large" {
		t.Errorf("got %v", err)
	}
}

// TestInstallIntoAnotherFile names a file that is not the registry's.
func TestInstallIntoAnotherFile(t *testing.T) {
	hash := func(password string) string {
		hashed, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		return string(hashed)
	}
	for file, want := range map[string]string{
		"ci:" + hash("old") + "\n": "",
		// Of "old": openssl passwd -apr1 -salt saltsalt old; openssl dgst -sha1.
		"ops:x\nci:$apr1$saltsalt$2ixsfqlm3Q2thktB9QgN70\n": "",
		"ci:{SHA}wA27ydrfvh4jLpOnKd1HUvreCr8=\n":            "",
		"ci:$apr1$saltsalt$of.another.registry..\n":         "htpasswd-differs",
		"ci:{SHA}of another\n":                              "htpasswd-differs",
		"ci:$apr1$too-long-a-salt$x\n":                      "htpasswd-unverifiable",
		"ci:$5$rounds=5000$salt$x\n":                        "htpasswd-unverifiable",
		"ci:$2y$31$" + strings.Repeat("a", 53) + "\n":       "htpasswd-unverifiable",
		"ci:old\n": "htpasswd-unverifiable",
		"ci:" + hash("of another registry") + "\n":                     "htpasswd-differs",
		"ci:" + hash("old") + "\nci:" + hash("of another line") + "\n": "htpasswd-differs",
		"ops:" + hash("old") + "\n# ci:\n":                             "htpasswd-differs",
		"ECS_CLUSTER=prod\nECS_ENGINE_AUTH_DATA={}\n":                  "htpasswd-differs",
		"": "htpasswd-differs",
	} {
		store := &registrytest.ObjectStore{}
		store.Write("acme", "auth/ht passwd", []byte(file))
		driver := htpasswd.New(store, rand.NewChaCha8([32]byte{}), limits)
		for what, err := range map[string]error{
			"install": driver.Install(t.Context(), order(), registry.Credential{Username: "ci_clone", Password: secret.New("new")}),
			"revoke":  driver.Revoke(t.Context(), order(), "ci_clone"),
		} {
			refusal, refused := errors.AsType[*finding.Refusal](err)
			if want == "" && err != nil || want != "" && (!refused || refusal.Finding.Code != want || store.Puts() != 1) {
				t.Errorf("%s, %q: %v after %d writes", what, file, err, store.Puts())
			}
		}
	}
}

func TestExamine(t *testing.T) {
	driver := htpasswd.New(nil, nil, limits)
	if err := driver.Examine(order()); err != nil {
		t.Error(err)
	}
	for _, place := range []string{"s3://acme/exact", "s3://acme/auth/a/htpasswd"} {
		o := order()
		o.Tags = map[string]string{htpasswd.LocationTag: place}
		if err := driver.Examine(o); err != nil {
			t.Errorf("%q: %v", place, err)
		}
	}
	for _, place := range []string{"s3://acme/other", "s3://acme/exact2", "s3://acme2/exact", "s3://acme/auth/ecs.config", "s3://acme/auth/passwd.env", "", "acme/auth", "s3://acme", "s3://acme/", "s3:///key", "https://acme.s3.amazonaws.com/key"} {
		o := order()
		o.Tags = map[string]string{htpasswd.LocationTag: place}
		if driver.Examine(o) == nil {
			t.Errorf("%q was taken for the file's place", place)
		}
	}
	for _, name := range []string{"a:b", "a\nb", "#a", " a"} {
		o := order()
		o.Current.Username = name
		if driver.Examine(o) == nil {
			t.Errorf("%q was taken for a user's name", name)
		}
	}
}
