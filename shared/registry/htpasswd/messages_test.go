package htpasswd_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/htpasswd"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry/registrytest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/rotation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

func TestMessages(t *testing.T) { findingtest.Templates(t, rotation.Codes) }

// TestTheFilesNameIsShownAsText holds that the secret's tag, which others may write,
// puts nothing into a message but a name.
func TestTheFilesNameIsShownAsText(t *testing.T) {
	driver := htpasswd.New(&registrytest.ObjectStore{}, rand.NewChaCha8([32]byte{}), htpasswd.Limits{Objects: []string{"*"}})
	for kind, name := range findingtest.Hostile() {
		named := order()
		named.Tags = map[string]string{htpasswd.LocationTag: "s3://acme/" + name + "-htpasswd"}
		err := driver.Install(t.Context(), named, registry.Credential{Username: "ci_clone", Password: secret.New("new")})
		refusal, ok := errors.AsType[*finding.Refusal](err)
		if !ok {
			t.Errorf("%s: got %v", kind, err)
			continue
		}
		if faults := findingtest.Faults(refusal.Finding); len(faults) > 0 || len(refusal.Finding.Message) > 300 {
			t.Errorf("%s: %s: %s", kind, strings.Join(faults, "; "), refusal.Finding.Message)
		}
	}
}
