package instancerole

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// TestAnyRole holds what must be true of every role against many made by chance.
func TestAnyRole(t *testing.T) {
	t.Parallel()
	seeds := uint64(150)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 1))
		s, role, a := anyRole(random)
		before := slices.Clone(role.attached)
		about := fmt.Sprintf("seed %d: capabilities %v, role %+v", seed, s.Capabilities, *role)

		result := handle(t, s, a, `{"role":"ecsInstanceRole"}`)
		added := role.attached[len(before):]
		for _, attached := range added {
			if !slices.ContainsFunc(s.approved(ec2Instance), func(p policy) bool { return p.arn == attached }) {
				t.Errorf("%s: %s was attached, which no one approved", about, attached)
			}
		}
		if !slices.Equal(role.attached[:len(before)], before) || len(role.attached) > max(a.quota, len(before)) {
			t.Errorf("%s: attached were %v, and are %v", about, before, role.attached)
		}
		if len(added) > 0 && len(s.readRecord(role.tags).loans) == 0 {
			t.Errorf("%s: no record of %v", about, added)
		}
		lacks := gapsOf(t, s, a, a.organization)
		if whole := len(lacks) == 0; whole != (result.Status == finding.Compliant || result.Status == finding.Remediated) {
			t.Errorf("%s: ended as %s, and lacks %v", about, result.Status, lacks)
		}
		if result.Status == finding.Compliant && len(added) > 0 {
			t.Errorf("%s: compliant, and yet %v was attached", about, added)
		}

		// None of the added policies can be spared.
		lacks = gapsOf(t, s, a, "")
		for _, spared := range added {
			role.attached = slices.DeleteFunc(slices.Clone(role.attached), func(p PolicyARN) bool { return p == spared })
			if without := gapsOf(t, s, a, ""); len(without) <= len(lacks) {
				t.Errorf("%s: %s was not needed", about, spared)
			}
			role.attached = append(role.attached, spared)
		}

		handle(t, s, a, `{"undo":"ecsInstanceRole"}`)
		if slices.Sort(role.attached); !slices.Equal(role.attached, slices.Sorted(slices.Values(before))) {
			t.Errorf("%s: the undo left %v, before there were %v", about, role.attached, before)
		}
		if t.Failed() {
			return
		}
	}
}

// gapsOf asks the account itself what the role lacks, without the function.
func gapsOf(t *testing.T, s Settings, a *account, organization string) []Capability {
	t.Helper()
	role := a.roles["ecsInstanceRole"]
	at := site{partition: "aws", region: "us-east-1", account: accountNumber, bucket: s.ConfigBucket, object: s.ConfigPrefix + "ecs.config", key: s.ConfigKeyARN, logGroup: s.LogGroup}
	keys := map[string][]string{"ecs:createaction": {"RegisterContainerInstance"}, "kms:viaservice": {"s3.us-east-1.amazonaws.com"}}
	var gaps []Capability
	for _, capability := range s.Capabilities {
		if slices.ContainsFunc(needs[capability], func(n need) bool {
			resource := at.arn(n.on)
			return n.optional == "" && resource != "" && a.evaluate(role, organization, n.action, resource, keys).EvalDecision != "allowed"
		}) {
			gaps = append(gaps, capability)
		}
	}
	return gaps
}

func anyRole(random *rand.Rand) (Settings, *storedRole, *account) {
	s := testSettings()
	s.Capabilities = nil
	var all []string
	for _, capability := range capabilities {
		if random.IntN(2) == 0 {
			s.Capabilities = append(s.Capabilities, capability)
		}
		for _, n := range needs[capability] {
			all = append(all, n.action)
		}
	}
	if random.IntN(2) == 0 {
		s.ConfigKeyARN = keyARN
	}
	if random.IntN(4) == 0 {
		s.ConfigPolicyARN = s3ReadARN
	}
	some := func(oneIn int) []string {
		return slices.DeleteFunc(slices.Clone(all), func(string) bool { return random.IntN(oneIn) != 0 })
	}
	role := &storedRole{name: "ecsInstanceRole", trust: ec2Trust, attached: otherPolicies(random.IntN(12))}
	for _, p := range s.approved(ec2Instance) {
		if random.IntN(4) == 0 {
			role.attached = append(role.attached, p.arn)
		}
	}
	for range random.IntN(3) {
		role.inline = append(role.inline, allow(some(2)...))
	}
	if random.IntN(4) == 0 {
		role.inline = append(role.inline, deny(some(20)...))
	}
	if random.IntN(4) == 0 {
		role.boundary = without(append(some(20), "iam:*")...)
	}
	a := newAccount(role)
	a.quota = 10 + 10*random.IntN(2)
	a.nested = random.IntN(2) == 0
	if random.IntN(4) == 0 {
		a.organization = without(append(some(20), "iam:*")...)
	}
	return s, role, a
}
