package instancerole

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
	"github.com/ecs-guardrails/ecs-guardrails/shared/owner"
	"github.com/ecs-guardrails/ecs-guardrails/shared/trustpolicy"
)

// sign says why a role is taken for one of ECS instances.
type sign int

const (
	// noSign: nothing says so.
	noSign sign = iota
	// seen: an instance that runs ECS uses it. That entitles to nothing.
	seen
	// matched: its name matches the operator's pattern.
	matched
	// tagged: it has the tag for it.
	tagged
)

func (s Settings) signOf(o Observation) sign {
	switch {
	case strings.EqualFold(strings.TrimSpace(o.Role.Tags[instanceRoleTag]), "true"):
		return tagged
	case s.InstanceRolePattern.Matches(o.Role.Name):
		return matched
	case o.Evidence.OfECS(), o.Target.Instance.Managed:
		return seen
	default:
		return noSign
	}
}

// notOurs says why a role is left alone, or nil where it is ours.
func (s Settings) notOurs(o Observation) *finding.Finding {
	if o.Role == nil {
		return leave(profileEmpty, finding.Name("profile", o.Target.Profile))
	}
	role, name := *o.Role, finding.Name("role", o.Role.Name)
	account := ""
	if parsed, err := arn.Parse(role.ARN); err == nil {
		account = parsed.AccountID
	}
	switch {
	case o.Target.Account != "" && account != "" && o.Target.Account != account:
		return leave(ofOtherAccount, finding.Name("account", o.Target.Account), finding.Name("here", account))
	case ownRole(s.OwnRoles, role.Name, account):
		return leave(roleOwn)
	case optout.ServiceLinked(role.Path, role.Name):
		return leave(serviceLinked, name)
	case optout.IdentityCenter(role.Path, role.Name):
		return leave(reserved, name)
	case o.Target.Undo:
		return nil
	case o.Target.Teardown:
		if len(s.readRecord(role.Tags).loans) == 0 {
			return leave(nothingLent, name)
		}
		return nil
	case optout.Asked(role.Tags):
		return leave(ignored, name, finding.Words("tag", optout.Tag))
	}
	trustsInstances := role.trust.TrustsInstances()
	switch s.signOf(o) {
	case noSign:
		if !trustsInstances {
			return leave(otherTrust, name)
		}
		return leave(noSignOfECS, name, finding.Words("pattern", string(s.InstanceRolePattern)))
	case matched:
		if !trustsInstances && isForOtherService(role.trust) {
			return leave(otherServices, name, finding.Words("principals", shownPrincipals(role.trust.Others())))
		}
	case seen:
		if o.Evidence.userData.ecs || o.Target.Instance.Managed {
			break
		}
		// An image alone makes no container instance.
		if slices.ContainsFunc([]string{role.Name, o.Target.Profile, o.Target.Instance.Name}, otherNames.MatchString) {
			return leave(otherName, name, finding.Words("instance", instanceOf(o)))
		}
	}
	return nil
}

func leave(template finding.Template, values ...finding.Value) *finding.Finding {
	f := template.With(values...)
	return &f
}

// instanceOf names the instance that the evidence is of, as in "instance i-1234".
func instanceOf(o Observation) string {
	if o.Evidence.Instance == "" {
		return "instance"
	}
	return "instance " + finding.Shown(o.Evidence.Instance)
}

// isForOtherService reports whether only services trust the role that have
// nothing to do with ECS: its name then says nothing.
func isForOtherService(trust trustpolicy.Policy) bool {
	others := trust.Others()
	if len(others) == 0 {
		return false
	}
	return !slices.ContainsFunc(others, func(principal string) bool {
		return !trustpolicy.IsService(principal) ||
			slices.ContainsFunc([]trustpolicy.Service{trustpolicy.EC2, trustpolicy.SSM, trustpolicy.ECS, trustpolicy.ECSTasks}, func(service trustpolicy.Service) bool {
				return trustpolicy.NamesService([]string{principal}, service)
			})
	})
}

// leftAlone says for what else than ECS a role is, nil where nothing tells. The
// tag for instance roles overrides it.
func (s Settings) leftAlone(o Observation) *finding.Finding {
	purpose := otherPurpose(o)
	if purpose == "" || s.signOf(o) == tagged {
		return nil
	}
	return leave(otherUse, finding.Name("role", o.Role.Name), finding.Words("purpose", purpose))
}

// distrusted is the error of a role under which no instance can act, nil where
// one can.
func (s Settings) distrusted(o Observation) *finding.Finding {
	if o.Target.Undo || o.Target.Teardown {
		return nil
	}
	trust, name := o.Role.trust, o.Role.Name
	service := trustpolicy.EC2
	if trust.Trusts(trustpolicy.SSM) && !trust.Trusts(trustpolicy.EC2) {
		service = trustpolicy.SSM
	}
	wrong := func(template finding.Template, values ...finding.Value) *finding.Finding {
		f := template.With(append(values, finding.Name("role", name), finding.Argument("name", name), finding.Quote("principal", principalOf(service)))...)
		return &f
	}
	if !trust.TrustsInstances() {
		trusted := "no one"
		if others := trust.Others(); len(others) > 0 {
			trusted = shownPrincipals(others)
		}
		return wrong(trustsOthers, finding.Words("principals", trusted))
	}
	account := s.siteOf(o).account
	for _, trusted := range []trustpolicy.Service{trustpolicy.EC2, trustpolicy.SSM} {
		if trust.Trusts(trusted) && len(trust.Excludes(trusted, account)) == 0 {
			return nil
		}
	}
	return wrong(trustExcludes, finding.Words("keys", finding.ShownKeys(trust.Excludes(service, account))), finding.Words("service", principalOf(service)), finding.Name("account", account))
}

// principalOf is how a trust policy names a service.
func principalOf(service trustpolicy.Service) string { return string(service) + ".amazonaws.com" }

// strangers are those besides instances who may assume the role.
func strangers(o Observation) []string {
	return o.Role.trust.Others(trustpolicy.EC2, trustpolicy.SSM)
}

// ownerOf recognizes the tool that manages the role.
func ownerOf(o Observation) owner.Owner {
	evidence := owner.Evidence{Tags: o.Role.Tags}
	for _, policy := range o.Attached {
		evidence.Policies = append(evidence.Policies, string(policy))
	}
	for _, call := range o.Target.Calls {
		// Who launches instances with a role needs not own it.
		if call.Name == "CreateRole" {
			evidence.Actor = call.Actor
		}
	}
	return owner.Recognize(evidence)
}

// isOwner reports whether a call was made by the tool or the principal that owns
// the role: a tool that writes infrastructure, or who created the role.
func (s Settings) isOwner(o Observation, call Call) bool {
	if owner.Recognize(owner.Evidence{Actor: call.Actor}).IsKnown() {
		return true
	}
	who := principal(call.Actor)
	if who == "" {
		return false
	}
	return who == o.Target.creator() ||
		slices.ContainsFunc(s.readRecord(o.Role.Tags).loans, func(made loan) bool { return made.creator == who })
}

// declined says by which call the role's owner took away what its instances need,
// and when; "" where no one did. A later AddRoleToInstanceProfile, or a call by
// hand, has the role looked after again.
func (s Settings) declined(o Observation) (by string, since Call) {
	recorded := s.readRecord(o.Role.Tags)
	if !recorded.declined.IsZero() {
		by, since = recorded.declinedBy, Call{Name: recorded.declinedBy, At: recorded.declined}
	}
	for _, call := range o.Target.Calls {
		switch {
		case slices.Contains(takingEvents, call.Name) && s.isOwner(o, call):
			by, since = call.Name, call
		case call.Name == "AddRoleToInstanceProfile" && !call.At.Before(since.At):
			by = ""
		}
	}
	if o.Target.ByHand {
		return "", since
	}
	return by, since
}

// wasGranted reports whether somebody else gave the role something that may make
// a loan needless.
func (s Settings) wasGranted(o Observation) bool {
	return slices.ContainsFunc(o.Target.Calls, func(call Call) bool { return slices.Contains(givingEvents, call.Name) })
}
