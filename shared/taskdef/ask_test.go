package taskdef

import (
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
)

// TestTheDeepestChainIsAnswered: everything at once that makes the function ask,
// cold. The pipeline ends after six waves.
func TestTheDeepestChainIsAnswered(t *testing.T) {
	s := newServiceStack(running("prod", "web", arnOf("app", 1)))
	s.settings.DeregisterSuperseded = Retention{Ends: true}
	s.settings.CureExecutionRoles = true
	s.asking(nil)
	s.iam.roles[roleName] = &fakeRole{trust: trustsECS}
	for range 2 {
		if result := s.look("app"); result.Status == finding.Failed || len(codes(result)) > 0 && codes(result)[0] == "questions-unanswered" {
			t.Fatalf("%+v", result)
		}
		// The first look made a revision; this one finds what is left of the old one.
		s.now = s.now.Add(time.Hour)
		s.list = NewSecretList(s.secrets, func() time.Time { return s.now })
		s.iam.roles[roleName] = &fakeRole{trust: trustsECS}
		s.secrets.policies = nil
	}
}

// TestAskIsPure: asking twice gives the same questions, and changes nothing of
// what was observed.
func TestAskIsPure(t *testing.T) {
	s := newStack(tagged("shop", "registry.example.com"))
	s.asking(nil)
	s.ecs.add(registration("app", container("web", "registry.example.com/app")))
	observer := Observer{Definitions: s.ecs, Secrets: s.list, Named: s.named, Roles: s.roles, Files: s.files, Images: s.images, Region: region, Now: func() time.Time { return s.now }}
	observed, err := observer.Observe(t.Context(), Revision{Name: revision.Name{Family: "app"}})
	if err != nil {
		t.Fatal(err)
	}
	waves := 0
	for ; ; waves++ {
		first, second := s.settings.Ask(observed), s.settings.Ask(observed)
		if len(first) != len(second) || waves > 6 {
			t.Fatalf("wave %d: %v, and then %v", waves, first, second)
		}
		if len(first) == 0 {
			break
		}
		if observed, err = observer.Answer(t.Context(), observed, first); err != nil {
			t.Fatal(err)
		}
	}
	if waves < 3 {
		t.Errorf("%d waves", waves)
	}
}
