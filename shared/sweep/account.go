package sweep

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// call is one that the stack's rules wait for, as EventBridge hands it on from
// CloudTrail.
type call struct{ source, name string }

// Surroundings are what decides whether the account's events reach the stack.
type Surroundings struct {
	Kinds  []Kind
	Region string
	Trails []Trail
	// Forwarding are the rules that forward IAM's events to this region; asked
	// only in a region that has none itself.
	Forwarding []string
	Buckets    []BucketEvents
}

// Trail is one of those that cover this region.
type Trail struct {
	Name, ARN string
	// Global says that it has the events of global services, as IAM's.
	Global  bool
	Logging bool
	// Unknown is the error code with which CloudTrail keeps it to itself, as it
	// does to members of an organization about its trail.
	Unknown  string
	Basic    []types.EventSelector
	Advanced []types.AdvancedEventSelector
}

// BucketEvents says where a bucket sends events for uploads.
type BucketEvents struct {
	Name string
	// Own is the stack's own bucket, which calls validate-config itself.
	Own         bool
	EventBridge bool
	// Suffixes are those of the keys whose uploads invoke a function.
	Suffixes []string
	Unknown  string
}

// listSurroundings reads what decides whether events come.
func (o observer) listSurroundings(ctx context.Context, observed *Observation, _ func() bool) error {
	found := &Surroundings{Kinds: observed.Part.Of, Region: o.region}
	observed.Surroundings = found
	group, ctx := errgroup.WithContext(ctx)
	if len(found.calls()) > 0 {
		group.Go(func() (err error) {
			found.Trails, err = o.trails(ctx)
			return err
		})
	}
	if slices.Contains(found.Kinds, Roles) && o.region != iamRegion(o.region) {
		group.Go(func() (err error) {
			found.Forwarding, err = o.forwarding(ctx)
			return err
		})
	}
	if slices.Contains(found.Kinds, ConfigObjects) {
		found.Buckets = make([]BucketEvents, len(o.settings.buckets()))
		for i, bucket := range o.settings.buckets() {
			group.Go(func() (err error) {
				found.Buckets[i], err = o.bucketEvents(ctx, bucket)
				return err
			})
		}
	}
	return group.Wait()
}

// calls are those that must be logged in this region.
func (s Surroundings) calls() []call {
	var calls []call
	if slices.Contains(s.Kinds, Roles) {
		calls = append(calls, call{"ec2.amazonaws.com", "RunInstances"})
		if s.Region == iamRegion(s.Region) {
			calls = append(calls, call{"iam.amazonaws.com", "CreateRole"}, call{"iam.amazonaws.com", "DetachRolePolicy"})
		}
	}
	if slices.Contains(s.Kinds, TaskDefinitions) {
		calls = append(calls, call{"ecs.amazonaws.com", "RegisterTaskDefinition"})
	}
	return calls
}

// iamRegion is where CloudTrail hands on the events of global services, in the
// partition of a region.
func iamRegion(region string) string {
	for prefix, home := range map[string]string{
		"us-gov-": "us-gov-west-1", "cn-": "cn-north-1", "eusc-": "eusc-de-east-1",
		"us-iso-": "us-iso-east-1", "us-isob-": "us-isob-east-1", "eu-isoe-": "eu-isoe-west-1", "us-isof-": "us-isof-south-1",
	} {
		if strings.HasPrefix(region, prefix) {
			return home
		}
	}
	return "us-east-1"
}

// trails reads the trails of this region: its own, copies of those of other
// regions, and the organization's. The likeliest come first, and the first that
// logs all there is ends it.
func (o observer) trails(ctx context.Context) ([]Trail, error) {
	described, err := o.clients.Trails.DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(described.TrailList, func(a, b types.Trail) int {
		return cmp.Compare(likelihood(b), likelihood(a))
	})
	var trails []Trail
	for _, trail := range described.TrailList {
		// By its ARN, because its name finds neither a copy nor an organization's trail
		// (GetTrailStatus, CloudTrail API Reference).
		trail := Trail{
			Name: aws.ToString(trail.Name), ARN: aws.ToString(trail.TrailARN),
			Global: aws.ToBool(trail.IncludeGlobalServiceEvents) || aws.ToBool(trail.IsMultiRegionTrail),
		}
		if err := o.readTrail(ctx, &trail); err != nil {
			return nil, err
		}
		trails = append(trails, trail)
		if trail.Logging && trail.Global && trail.Unknown == "" && trail.logs(call{"any.amazonaws.com", "Any"}) {
			break
		}
	}
	return trails, nil
}

func likelihood(trail types.Trail) (points int) {
	for _, yes := range []*bool{trail.IsMultiRegionTrail, trail.IncludeGlobalServiceEvents} {
		if aws.ToBool(yes) {
			points += 2
		}
	}
	if !aws.ToBool(trail.IsOrganizationTrail) {
		points++
	}
	return points
}

func (o observer) readTrail(ctx context.Context, trail *Trail) error {
	group, ctx := errgroup.WithContext(ctx)
	var unknown [2]string
	group.Go(func() error {
		status, err := o.clients.Trails.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &trail.ARN})
		if err != nil {
			return kept(err, &unknown[0])
		}
		trail.Logging = aws.ToBool(status.IsLogging)
		return nil
	})
	group.Go(func() error {
		selectors, err := o.clients.Trails.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: &trail.ARN})
		if err != nil {
			return kept(err, &unknown[1])
		}
		trail.Basic, trail.Advanced = selectors.EventSelectors, selectors.AdvancedEventSelectors
		return nil
	})
	err := group.Wait()
	trail.Unknown = cmp.Or(unknown[0], unknown[1])
	return err
}

// kept takes down that a service keeps something to itself, which is no reason
// to stop.
func kept(err error, code *string) error {
	if kind := awserror.Classify(err); kind == awserror.Transient {
		return err
	}
	*code = cmp.Or(awserror.Code(err), "an error")
	return nil
}

// logs reports whether the trail's selectors take a call that writes. A trail
// without any takes all management events.
func (t Trail) logs(recorded call) bool {
	if len(t.Basic) == 0 && len(t.Advanced) == 0 {
		return true
	}
	return slices.ContainsFunc(t.Basic, func(selector types.EventSelector) bool {
		return (selector.IncludeManagementEvents == nil || *selector.IncludeManagementEvents) &&
			selector.ReadWriteType != types.ReadWriteTypeReadOnly && !slices.Contains(selector.ExcludeManagementEventSources, recorded.source)
	}) || slices.ContainsFunc(t.Advanced, func(selector types.AdvancedEventSelector) bool {
		fields := map[string]string{
			"eventCategory": "Management", "readOnly": "false", "eventSource": recorded.source, "eventName": recorded.name, "eventType": "AwsApiCall",
		}
		management := false
		for _, field := range selector.FieldSelectors {
			name := aws.ToString(field.Field)
			management = management || name == "eventCategory"
			// A field that differs from call to call, as the caller's ARN, has no value
			// here: what asks for one does not take all calls, what excludes one does.
			if !takes(field, fields[name]) {
				return false
			}
		}
		return management
	})
}

// takes reports whether a value meets all of a field's operators
// (AdvancedFieldSelector, CloudTrail API Reference).
func takes(field types.AdvancedFieldSelector, value string) bool {
	anyOf := func(list []string, matches func(string, string) bool) bool {
		return slices.ContainsFunc(list, func(text string) bool { return matches(value, text) })
	}
	equal := func(a, b string) bool { return a == b }
	return (len(field.Equals) == 0 || anyOf(field.Equals, equal)) &&
		(len(field.StartsWith) == 0 || anyOf(field.StartsWith, strings.HasPrefix)) &&
		(len(field.EndsWith) == 0 || anyOf(field.EndsWith, strings.HasSuffix)) &&
		!anyOf(field.NotEquals, equal) && !anyOf(field.NotStartsWith, strings.HasPrefix) && !anyOf(field.NotEndsWith, strings.HasSuffix)
}

// accountID is this stack's, by its own roles; "" where the settings name none.
func (s Settings) accountID() string {
	for _, own := range s.OwnRoles {
		if role, err := arn.Parse(strings.TrimSpace(own)); err == nil {
			return role.AccountID
		}
	}
	return ""
}

// forwarding gives the rules in IAM's region whose target is this region's
// default bus.
func (o observer) forwarding(ctx context.Context) ([]string, error) {
	for _, own := range o.settings.OwnRoles {
		role, err := arn.Parse(strings.TrimSpace(own))
		if err != nil {
			continue
		}
		bus := arn.ARN{Partition: role.Partition, Service: "events", Region: o.region, AccountID: role.AccountID, Resource: "event-bus/default"}
		rules, err := o.rulesFor(ctx, "default", bus.String(), func(options *eventbridge.Options) { options.Region = iamRegion(o.region) })
		if awserror.Classify(err) == awserror.Denied {
			// An organization may close the other region; then no rule is known.
			return nil, nil
		}
		return rules, err
	}
	return nil, nil
}

func (o observer) rulesFor(ctx context.Context, bus, target string, where ...func(*eventbridge.Options)) ([]string, error) {
	var rules []string
	for token := (*string)(nil); ; {
		output, err := o.clients.Rules.ListRuleNamesByTarget(ctx, &eventbridge.ListRuleNamesByTargetInput{
			EventBusName: &bus, TargetArn: &target, NextToken: token,
		}, where...)
		if err != nil {
			return nil, fmt.Errorf("list the rules of the bus %s for %s: %w", bus, target, err)
		}
		rules = append(rules, output.RuleNames...)
		if token = output.NextToken; token == nil {
			return rules, nil
		}
	}
}

func (o observer) bucketEvents(ctx context.Context, bucket string) (BucketEvents, error) {
	found := BucketEvents{Name: bucket, Own: bucket == o.settings.ConfigBucket}
	output, err := o.clients.Storage.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: &bucket})
	if err != nil {
		return found, kept(err, &found.Unknown)
	}
	found.EventBridge = output.EventBridgeConfiguration != nil
	for _, function := range output.LambdaFunctionConfigurations {
		created := slices.ContainsFunc(function.Events, func(event s3types.Event) bool {
			return slices.Contains([]s3types.Event{"s3:ObjectCreated:*", "s3:ObjectCreated:Put"}, event)
		})
		if suffix, all := suffixOf(function.Filter); created && all {
			found.Suffixes = append(found.Suffixes, suffix)
		}
	}
	return found, nil
}

// suffixOf gives a filter's suffix; it is false for one that takes a prefix only.
func suffixOf(filter *s3types.NotificationConfigurationFilter) (suffix string, all bool) {
	if filter == nil || filter.Key == nil {
		return "", true
	}
	for _, rule := range filter.Key.FilterRules {
		if strings.EqualFold(string(rule.Name), "suffix") {
			suffix = aws.ToString(rule.Value)
		} else if aws.ToString(rule.Value) != "" {
			return "", false
		}
	}
	return suffix, true
}

// judge says what keeps events from coming.
func (s Settings) judge(in Surroundings) []finding.Finding {
	var findings []finding.Finding
	add := func(f finding.Finding) { findings = append(findings, f) }
	var unlogged, unknown []string
	var silent Trail
	for _, call := range in.calls() {
		fits := func(trail Trail) bool { return trail.Global || !strings.HasPrefix(call.source, "iam.") }
		logged := slices.ContainsFunc(in.Trails, func(t Trail) bool { return t.Unknown == "" && t.Logging && fits(t) && t.logs(call) })
		name := strings.TrimSuffix(call.source, ".amazonaws.com") + ":" + call.name
		if logged {
			continue
		}
		index := slices.IndexFunc(in.Trails, func(t Trail) bool { return t.Unknown != "" && fits(t) })
		if index < 0 {
			unlogged = append(unlogged, name)
			continue
		}
		if len(unknown) == 0 {
			silent = in.Trails[index]
		}
		unknown = append(unknown, name)
	}
	region := finding.Words("region", in.Region)
	switch calls := finding.Names("calls", unlogged); {
	case len(unlogged) == 0:
	case len(in.Trails) == 0:
		add(noTrail.With(calls, region))
	default:
		stopped, others := silentTrails(in.Trails)
		add(noTrailLogs.With(calls, region, finding.Names("stopped", stopped), finding.Names("others", others)))
	}
	if len(unknown) > 0 {
		add(trailUnknown.With(finding.Names("calls", unknown), region, finding.Answer("answer", silent.Unknown), finding.Name("trail", silent.ARN)))
	}
	if home := iamRegion(in.Region); slices.Contains(in.Kinds, Roles) && in.Region != home && len(in.Forwarding) == 0 {
		add(iamElsewhere.With(finding.Words("home", home), region))
	}
	for _, bucket := range in.Buckets {
		if bucket.Unknown != "" {
			add(bucketUnknown.With(finding.Name("bucket", bucket.Name), finding.Answer("answer", bucket.Unknown)))
			continue
		}
		if missing := s.untold(bucket); len(missing) > 0 {
			template := bucketSilent
			if bucket.Own {
				template = ownBucketSilent
			}
			add(template.With(finding.Name("bucket", bucket.Name), finding.Names("suffixes", missing)))
		}
	}
	return findings
}

// untold are the suffixes of whose upload the bucket does not tell. The stack's
// own bucket calls the function; for the others, a rule waits on EventBridge.
func (s Settings) untold(bucket BucketEvents) []string {
	var missing []string
	for _, suffix := range slices.Concat(s.ConfigSuffixes, s.EnvironmentFileSuffixes) {
		told := bucket.EventBridge && (!bucket.Own || slices.Contains(s.ConfigBuckets, bucket.Name)) ||
			bucket.Own && slices.ContainsFunc(bucket.Suffixes, func(end string) bool { return strings.HasSuffix(string(suffix), end) })
		if !told {
			missing = append(missing, string(suffix))
		}
	}
	return missing
}

// silentTrails names the trails that are turned off, and those of other events.
func silentTrails(trails []Trail) (stopped, others []string) {
	for _, trail := range trails {
		if !trail.Logging && trail.Unknown == "" {
			stopped = append(stopped, trail.Name)
		} else {
			others = append(others, trail.Name)
		}
	}
	return stopped, others
}
