package instancerole

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// site is where a role's instances do their work: it turns kinds of resources
// into ARNs.
type site struct {
	partition, region, account string
	// cluster is the one that the instance is to join, where the event told.
	cluster string
	// bucket, prefix, key and logGroup are the settings'.
	bucket, prefix, key, logGroup string
}

// anyName stands for a thing whose name nobody told, so that a policy for all
// of a kind fits and one for a single other thing does not.
const anyName = "ecs-guardrails"

// arn gives the resource's ARN, or "" where the settings have no such thing.
func (s site) arn(of resource) string {
	regional := func(service, resource string) string {
		return strings.Join([]string{"arn", s.partition, service, s.region, s.account, resource}, ":")
	}
	clusterName := cmp.Or(s.cluster, "default")
	switch of {
	case cluster:
		return regional("ecs", "cluster/"+clusterName)
	case containerInstance:
		return regional("ecs", "container-instance/"+clusterName+"/00000000000000000000000000000000")
	case repository:
		return regional("ecr", "repository/"+anyName)
	case configBucket, configObject:
		if s.bucket == "" {
			return ""
		}
		bucket := "arn:" + s.partition + ":s3:::" + s.bucket
		if of == configBucket {
			return bucket
		}
		return bucket + "/" + s.prefix + "ecs.config"
	case configKey:
		return s.key
	case logGroup:
		return regional("logs", "log-group:"+s.logGroup)
	case logStream:
		return regional("logs", "log-group:"+s.logGroup+":log-stream:"+anyName)
	default:
		return "*"
	}
}

// dnsSuffix is the partition's, for kms:ViaService.
func (s site) dnsSuffix() string {
	if s.partition == "aws-cn" {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}

// probe is one question to the simulator.
type probe struct{ action, resource string }

// answer is the simulator's.
type answer struct {
	decision types.PolicyEvaluationDecisionType
	// boundary and organization are set where one of them does not allow it.
	boundary, organization bool
	// policies names those whose statements decided.
	policies []string
	// missing lists the context keys that the role's policies speak of, and
	// nobody told: with them the decision might differ.
	missing []string
}

func (a answer) allowed() bool {
	return a.decision == types.PolicyEvaluationDecisionTypeAllowed && !a.boundary && !a.organization
}

// blocked reports whether no policy that is attached can change the answer.
func (a answer) blocked() bool {
	return a.boundary || a.organization || a.decision == types.PolicyEvaluationDecisionTypeExplicitDeny
}

// simulation holds the answers about one role.
type simulation map[probe]answer

// add takes in a page of results. For several resources the API may answer with
// one result per pair, or with one per action that holds the resources' own
// (ResourceSpecificResults); the latter carry no organization's decision.
func (s simulation) add(results []types.EvaluationResult) {
	for _, result := range results {
		action := strings.ToLower(aws.ToString(result.EvalActionName))
		whole := answer{
			decision:     result.EvalDecision,
			boundary:     outsideBoundary(result.PermissionsBoundaryDecisionDetail),
			organization: result.OrganizationsDecisionDetail != nil && !result.OrganizationsDecisionDetail.AllowedByOrganizations,
			policies:     policiesOf(result.MatchedStatements),
			missing:      result.MissingContextValues,
		}
		for _, specific := range result.ResourceSpecificResults {
			s[probe{action, aws.ToString(specific.EvalResourceName)}] = answer{
				decision:     specific.EvalResourceDecision,
				boundary:     outsideBoundary(specific.PermissionsBoundaryDecisionDetail),
				organization: whole.organization && specific.EvalResourceDecision != types.PolicyEvaluationDecisionTypeAllowed,
				policies:     policiesOf(specific.MatchedStatements),
				missing:      specific.MissingContextValues,
			}
		}
		name := cmp.Or(aws.ToString(result.EvalResourceName), "*")
		if _, specific := s[probe{action, name}]; !specific {
			s[probe{action, name}] = whole
		}
	}
}

func outsideBoundary(detail *types.PermissionsBoundaryDecisionDetail) bool {
	return detail != nil && !detail.AllowedByPermissionsBoundary
}

func policiesOf(statements []types.Statement) []string {
	var names []string
	for _, statement := range statements {
		if name := aws.ToString(statement.SourcePolicyId); name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// of answers for an action on a resource. An action that knows no resources is
// answered for "*", whatever was asked.
func (s simulation) of(action, resource string) (answer, error) {
	action = strings.ToLower(action)
	if exact, ok := s[probe{action, resource}]; ok {
		return exact, nil
	}
	if general, ok := s[probe{action, "*"}]; ok {
		return general, nil
	}
	return answer{}, fmt.Errorf("the simulation gave no answer for %s on %s", action, resource)
}

// asked lists what to ask about a role of these capabilities: all in one call,
// since the API answers for each pair of an action and a resource.
func asked(wanted Capabilities, at site) (actions, resources []string) {
	ask := func(n need) {
		if arn := at.arn(n.on); arn != "" {
			if !slices.Contains(resources, arn) {
				resources = append(resources, arn)
			}
			if !slices.Contains(actions, n.action) {
				actions = append(actions, n.action)
			}
		}
	}
	for _, capability := range wanted {
		for _, n := range needs[capability] {
			ask(n)
		}
	}
	if slices.Contains(wanted, Agent) {
		ask(trunking)
	}
	return actions, resources
}

// contextEntries give the condition keys that are known of each call that an
// instance makes.
func contextEntries(role Role, at site, now time.Time) []types.ContextEntry {
	text := func(name, value string) types.ContextEntry {
		return types.ContextEntry{ContextKeyName: &name, ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{value}}
	}
	truth := func(name, value string) types.ContextEntry {
		return types.ContextEntry{ContextKeyName: &name, ContextKeyType: types.ContextKeyTypeEnumBoolean, ContextKeyValues: []string{value}}
	}
	date := func(name string) types.ContextEntry {
		return types.ContextEntry{ContextKeyName: &name, ContextKeyType: types.ContextKeyTypeEnumDate, ContextKeyValues: []string{now.UTC().Format(time.RFC3339)}}
	}
	entries := []types.ContextEntry{
		text("ecs:CreateAction", "RegisterContainerInstance"),
		text("ecs:cluster", at.arn(cluster)),
		text("ecs:account-setting", "awsvpcTrunking"),
		text("kms:ViaService", "s3."+at.region+"."+at.dnsSuffix()),
		text("aws:RequestedRegion", at.region),
		text("aws:PrincipalArn", role.ARN),
		text("aws:PrincipalAccount", at.account),
		text("aws:PrincipalType", "AssumedRole"),
		text("aws:ResourceAccount", at.account),
		text("s3:ResourceAccount", at.account),
		date("aws:CurrentTime"),
		// An instance's credentials are renewed all the time, which is what the
		// console's "revoke active sessions" goes by.
		date("aws:TokenIssueTime"),
		truth("aws:SecureTransport", "true"),
		truth("aws:ViaAWSService", "false"),
		truth("aws:PrincipalIsAWSService", "false"),
	}
	if at.bucket != "" {
		entries = append(entries, text("kms:EncryptionContext:aws:s3:arn", at.arn(configObject)))
	}
	for _, key := range slices.Sorted(maps.Keys(role.Tags)) {
		entries = append(entries, text("aws:PrincipalTag/"+key, role.Tags[key]))
	}
	return entries
}
