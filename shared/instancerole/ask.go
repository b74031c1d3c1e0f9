package instancerole

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/event"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policydocument"
	"github.com/ecs-guardrails/ecs-guardrails/shared/policysimulation"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// Question is one thing to read about a role.
type Question struct {
	// Name says what is asked, for messages of tests.
	Name string
	// read gives what puts the answer into an observation.
	read func(context.Context, *Observer, Observation) (func(*Observation), error)
}

// Ask gives what deciding about a role still needs to know. A role that is not
// ours needs nothing more, one that is two reads side by side, and only one that
// lacks something a further wave or two.
func (s Settings) Ask(o Observation) []Question {
	if o.Role == nil {
		if o.Target.Profile == "" && o.Evidence.OfECS() && o.launched == nil {
			return []Question{askLaunched()}
		}
		return nil
	}
	if s.notOurs(o) != nil || s.distrusted(o) != nil {
		return nil
	}
	if !o.listed {
		return s.firstQuestions(o)
	}
	if o.Target.Undo || o.Target.Teardown || s.leftAlone(o) != nil {
		return nil
	}
	if !o.again && s.isBesideARun(o) {
		return []Question{s.askAgain(o)}
	}
	if questions := s.openQuestions(o); len(questions) > 0 {
		return questions
	}
	return s.lastQuestions(o)
}

func (s Settings) firstQuestions(o Observation) []Question {
	switch {
	case o.Target.Undo:
		return []Question{askAttached()}
	case o.Target.Teardown:
		return []Question{askAttached(), askProfiles()}
	default:
		site := s.siteOf(o)
		return []Question{askAttached(), askSimulation(site, questionsAt(s.asked(*o.Role), site))}
	}
}

// openQuestions are about what the role seems to lack.
func (s Settings) openQuestions(o Observation) []Question {
	var questions []Question
	verdict := s.judge(o)
	if o.withoutOrganization == nil && verdict.organization() {
		questions = append(questions, askWithoutOrganization(o, questionsAt(s.asked(*o.Role), o.site)))
	}
	if o.policies == nil && verdict.needsPolicies() {
		questions = append(questions, askPolicies(verdict.undecided))
	}
	if !o.providers.read && verdict.kind == ec2Instance && verdict.isOpen(Agent) {
		questions = append(questions, askProviders())
	}
	if !o.profiles.read && len(o.providers.names) > 0 && !o.isOfManagedProvider() && verdict.isOpen(Agent) {
		questions = append(questions, askProfiles())
	}
	if o.fits == nil && o.policies != nil && o.site.cluster == "" && (verdict.isOpen(Agent) || verdict.isChosen()) {
		if sites := namedClusters(o); len(sites) > 0 {
			questions = append(questions, askFits(o, sites))
		}
	}
	if o.policies == nil && verdict.isWhole() && s.wasGranted(o) && len(s.readRecord(o.Role.Tags).standing(o.Attached)) > 0 {
		questions = append(questions, askPolicies(true))
	}
	return questions
}

// lastQuestions are about what would be attached.
func (s Settings) lastQuestions(o Observation) []Question {
	var questions []Question
	verdict := s.judge(o)
	if len(verdict.gaps) == 0 {
		return nil
	}
	if o.quota == 0 && len(o.Attached)+len(s.approved(verdict.kind)) > defaultQuota {
		questions = append(questions, askQuota())
	}
	if bool(s.RequireActorRight) && o.rights == nil && !o.Target.ByHand {
		if actor := o.Target.actor(); actor.PolicySource() != "" {
			if attach := s.choose(o, verdict).attach; len(attach) > 0 {
				questions = append(questions, askRights(o, actor, attach))
			}
		}
	}
	return questions
}

func askAttached() Question {
	return Question{"attached policies", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		attached, err := attachedTo(ctx, observer.Roles, o.Role.Name)
		return func(o *Observation) { o.Attached, o.listed = attached, true }, err
	}}
}

func askSimulation(place site, questions []policysimulation.Question) Question {
	return Question{"simulation", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		answers, err := observer.simulate(ctx, *o.Role, questions, contextEntries(*o.Role, place, o.Now))
		return func(o *Observation) { o.site, o.simulation = place, answers }, err
	}}
}

// askAgain reads after a pause what a run beside this one may just be changing.
func (s Settings) askAgain(o Observation) Question {
	questions := []Question{askAttached(), askSimulation(o.site, questionsAt(s.asked(*o.Role), o.site))}
	return Question{"after a pause", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another run about the role %s: %w", o.Role.Name, context.Cause(ctx))
		case <-time.After(runPause):
		}
		again, err := observer.Answer(ctx, o, questions)
		again.again = true
		return func(o *Observation) { *o = again }, err
	}}
}

func askWithoutOrganization(o Observation, questions []policysimulation.Question) Question {
	return Question{"simulation without the organization", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		answers, err := observer.simulate(ctx, *o.Role, questions, contextEntries(*o.Role, o.site, o.Now), policysimulation.OrganizationPolicies)
		return func(o *Observation) { o.withoutOrganization = answers }, err
	}}
}

// askPolicies reads what decides about a role. AWS's own policies name no
// customer's resources; they are read only where a condition key decides.
func askPolicies(all bool) Question {
	return Question{"policies", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		var attached []string
		for _, policy := range o.Attached {
			if all || !policy.ofAWS() {
				attached = append(attached, string(policy))
			}
		}
		policies, err := policysimulation.ReadPolicies(ctx, observer.Roles, o.Role.Name, attached, o.Role.Boundary)
		return func(o *Observation) { o.policies = policies }, err
	}}
}

func askProviders() Question {
	return Question{"capacity providers", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		names, err := observer.managedProfiles(ctx, o.site)
		return func(o *Observation) { o.providers = listing{true, names} }, err
	}}
}

func askProfiles() Question {
	return Question{"instance profiles", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		names, err := observer.profilesOf(ctx, o.Role.Name)
		return func(o *Observation) { o.profiles = listing{true, names} }, err
	}}
}

// askFits simulates the agent's work in clusters. All are asked about at once,
// so that ecs:cluster has several values.
func askFits(o Observation, sites []site) Question {
	var asked []policysimulation.Question
	var clusters []string
	for _, place := range sites {
		clusters = append(clusters, place.arn(cluster))
		asked = append(asked, questionsAt(Capabilities{Agent}, place)...)
	}
	return Question{"clusters", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		entries := slices.DeleteFunc(contextEntries(*o.Role, sites[0], o.Now), func(entry types.ContextEntry) bool {
			return aws.ToString(entry.ContextKeyName) == "ecs:cluster"
		})
		answers, err := observer.simulate(ctx, *o.Role, asked, append(entries, policysimulation.Texts("ecs:cluster", clusters)))
		fits := make([]fit, len(sites))
		for i, candidate := range sites {
			fits[i] = fit{candidate, answers}
		}
		return func(o *Observation) { o.fits = fits }, err
	}}
}

// askRights simulates whether a principal may attach policies to the role. The
// call's policy is a condition key, so that each is its own question.
func askRights(o Observation, actor event.Actor, attach []policy) Question {
	return Question{"the actor's right", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		rights := map[PolicyARN]policysimulation.Answer{}
		for _, p := range attach {
			answer, err := observer.mayAttach(ctx, actor, *o.Role, p.arn, o.site, o.Now)
			if err != nil {
				return nil, err
			}
			rights[p.arn] = answer
		}
		return func(o *Observation) { o.rights = rights }, nil
	}}
}

func askQuota() Question {
	return Question{"quota", func(ctx context.Context, observer *Observer, _ Observation) (func(*Observation), error) {
		quota, err := observer.quota(ctx)
		return func(o *Observation) { o.quota = quota }, err
	}}
}

func askLaunched() Question {
	return Question{"instance", func(ctx context.Context, observer *Observer, o Observation) (func(*Observation), error) {
		found, err := observer.launched(ctx, o.Target)
		return func(o *Observation) { o.launched = found }, err
	}}
}

// siteOf is where the role's instances work: the Region, the cluster that the
// instance's user data names, and what the settings say.
func (s Settings) siteOf(o Observation) site {
	place := site{
		partition: "aws",
		region:    o.region,
		cluster:   o.Evidence.userData.cluster,
		bucket:    s.ConfigBucket,
		object:    s.ConfigPrefix + "ecs.config",
		key:       s.ConfigKeyARN,
		logGroup:  s.LogGroup,
	}
	if parsed, err := arn.Parse(o.Role.ARN); err == nil {
		place.partition, place.account = parsed.Partition, parsed.AccountID
	}
	return place
}

// questionsAt lists what to ask about a role of these capabilities: all that any
// kind of instance needs, since the kind shows in what is read beside it.
func questionsAt(wanted Capabilities, place site) []policysimulation.Question {
	var questions []policysimulation.Question
	ask := func(n need) {
		question := policysimulation.Question{Action: n.action, Resource: place.arn(n.on)}
		if question.Resource != "" && !slices.Contains(questions, question) {
			questions = append(questions, question)
		}
	}
	for _, capability := range wanted {
		for _, n := range needs[capability] {
			ask(n)
		}
	}
	if slices.Contains(wanted, Agent) {
		for _, n := range managedInstanceNeeds {
			ask(n)
		}
		ask(trunking)
	}
	return questions
}

// contextEntries give the condition keys that are known of each call that an
// instance makes.
func contextEntries(role Role, place site, now time.Time) []types.ContextEntry {
	entries := append(policysimulation.OfRole(role.ARN, place.account, place.region, now),
		policysimulation.Text("ecs:CreateAction", "RegisterContainerInstance"),
		policysimulation.Text("ecs:cluster", place.arn(cluster)),
		policysimulation.Text("ecs:account-setting", "awsvpcTrunking"),
		policysimulation.ViaService("s3", place.region, place.partition),
	)
	if place.bucket != "" {
		entries = append(entries, policysimulation.Text("kms:EncryptionContext:aws:s3:arn", place.arn(configObject)))
	}
	for _, key := range slices.Sorted(maps.Keys(role.Tags)) {
		entries = append(entries, policysimulation.Text("aws:PrincipalTag/"+key, role.Tags[key]))
	}
	return entries
}

// known is what a role's policies are read with. All of its tags are known.
func known(o Observation, place site) policydocument.Context {
	return policysimulation.Known(contextEntries(*o.Role, place, o.Now)).Whole("aws:PrincipalTag/")
}

// maxFits bounds how many clusters are asked about, so that the answer stays
// within one page.
const maxFits = 20

// namedClusters gives the sites in the clusters that the role's own policies name
// for what the agent does there, and not for all.
func namedClusters(o Observation) []site {
	var sites []site
	add := func(pattern string) {
		place, ok := clusterOf(pattern, o.site)
		if ok && place != o.site && !slices.Contains(sites, place) && len(sites) < maxFits {
			sites = append(sites, place)
		}
	}
	for _, policy := range o.policies.Identity {
		for _, statement := range policy.Document.Statement {
			if !allowsAgent(statement) {
				continue
			}
			for _, pattern := range slices.Concat(statement.Resource, clustersIn(statement)) {
				add(o.withTags(pattern))
			}
		}
	}
	return sites
}

// allowsAgent reports whether a statement allows some of what the agent does in a
// cluster and cannot do without.
func allowsAgent(statement policydocument.Statement) bool {
	return statement.Effect == "Allow" && slices.ContainsFunc(needs[Agent], func(n need) bool {
		return (n.on == cluster || n.on == containerInstance) && n.optional == "" && statement.CoversAction(n.action)
	})
}

// clustersIn lists the patterns of the clusters that a statement's condition asks
// for.
func clustersIn(statement policydocument.Statement) (patterns []string) {
	for operator, compared := range statement.ConditionOn("ecs:cluster") {
		if !strings.Contains(operator, "not") {
			patterns = append(patterns, compared...)
		}
	}
	return patterns
}

// withTags puts the role's tags into a pattern's variables.
func (o Observation) withTags(pattern string) string {
	for key, value := range o.Role.Tags {
		pattern = strings.ReplaceAll(pattern, "${aws:PrincipalTag/"+key+"}", value)
	}
	return pattern
}

// clusterOf reads a pattern for clusters or container instances as a place that
// it matches.
func clusterOf(pattern string, assumed site) (site, bool) {
	place := assumed
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) != 6 || !policydocument.Matches(parts[2], "ecs") || !policydocument.Matches(parts[4], assumed.account) {
		return place, false
	}
	if region := parts[3]; regionName.MatchString(region) {
		place.region = region
	}
	_, name, found := strings.Cut(parts[5], "/")
	if !found {
		return place, false
	}
	if strings.HasPrefix(parts[5], "cluster/") && strings.Contains(name, "/") {
		return place, false
	}
	name, _, _ = strings.Cut(name, "/")
	// A place for the wildcards' sake: any name that the pattern matches.
	name = strings.NewReplacer("*", "", "?", "x").Replace(name)
	if !clusterName.MatchString(name) || secretshape.Find(name) != "" {
		return place, false
	}
	place.cluster = name
	ofCluster := policydocument.Matches(pattern, place.arn(cluster))
	return place, ofCluster || policydocument.Matches(pattern, place.arn(containerInstance))
}
