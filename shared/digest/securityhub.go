package digest

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/console"
	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// Importer is the part of Security Hub's client that telling it needs.
type Importer interface {
	BatchImportFindings(context.Context, *securityhub.BatchImportFindingsInput, ...func(*securityhub.Options)) (*securityhub.BatchImportFindingsOutput, error)
}

// The limits are those of AwsSecurityFinding in the Security Hub API Reference, in
// characters, and of BatchImportFindings, in findings.
const (
	maxImport         = 100
	maxHubTitle       = 256
	maxHubText        = 1024
	maxHubFix         = 512
	maxHubResource    = 512
	maxHubField       = 2048
	maxHubTries       = 10
	hubTimeout        = 20 * time.Second
	hubSchema         = "2018-10-08"
	hubType           = "Software and Configuration Checks/ECS Guardrails"
	hubUnknownFailure = "no reason was given"
)

// hubSeverities are Security Hub's words for ours.
var hubSeverities = map[finding.Severity]types.SeverityLabel{
	finding.Error: types.SeverityLabelHigh, finding.Warning: types.SeverityLabelMedium, finding.Info: types.SeverityLabelInformational,
}

// product is the default product of an account and region, under which its own
// programs import findings.
var product = regexp.MustCompile(`^arn:(aws[a-z-]*):securityhub:([a-z0-9-]+):(\d{12}):product/(\d{12})/default$`)

// inHub gives what says of which events Security Hub is told: those of the product's
// own account and region, as the service asks.
func inHub(productARN string) func(Event) bool {
	parts := product.FindStringSubmatch(productARN)
	return func(event Event) bool { return parts != nil && event.Account == parts[3] && event.Region == parts[2] }
}

// hubFinding writes a problem in the AWS Security Finding Format. After its end it
// is archived and has passed, by which Security Hub's own workflow and filters take
// it for done; the workflow status itself belongs to the customer.
func hubFinding(p Problem, productARN string, now time.Time) types.AwsSecurityFinding {
	parts := product.FindStringSubmatch(productARN)
	kind, id := hubResource(p, parts[1])
	state, compliance, updated := types.RecordStateActive, types.ComplianceStatusFailed, now
	description := p.Message
	if !p.Over.IsZero() {
		state, compliance = types.RecordStateArchived, types.ComplianceStatusPassed
		description = "Resolved. It was: " + description
	}
	if len(p.Others) > 0 {
		description += " Also found: " + strings.Join(p.Others, ", ") + "."
	}
	reported := types.AwsSecurityFinding{
		SchemaVersion: aws.String(hubSchema), Id: &p.ID, ProductArn: &productARN, ProductName: aws.String("ECS Guardrails"),
		GeneratorId: aws.String("ecs-guardrails/" + p.Function + "/" + p.Code), AwsAccountId: &p.Account, Types: []string{hubType},
		CreatedAt: hubTime(p.Since), FirstObservedAt: hubTime(p.Since), UpdatedAt: hubTime(updated), LastObservedAt: hubTime(p.Seen),
		Title:       aws.String(clip(escape.Line(shortName(p.Subject)+": "+p.Message), maxHubTitle)),
		Description: aws.String(clip(escape.Line(description), maxHubText)),
		FindingProviderFields: &types.FindingProviderFields{
			Severity: &types.FindingProviderSeverity{Label: hubSeverities[p.Severity], Original: aws.String(string(p.Severity))}, Types: []string{hubType},
		},
		Compliance: &types.Compliance{Status: compliance}, RecordState: state,
		Resources: []types.Resource{{Type: &kind, Id: &id, Partition: types.Partition(parts[1]), Region: &p.Region}},
		ProductFields: map[string]string{
			"ecs-guardrails/code": p.Code, "ecs-guardrails/function": p.Function, "ecs-guardrails/status": string(p.Status),
			"ecs-guardrails/subject": clip(escape.Line(p.Subject), maxHubField),
		},
	}
	if p.Fix != "" {
		reported.Remediation = &types.Remediation{Recommendation: &types.Recommendation{Text: aws.String(clip(escape.Line(p.Fix), maxHubFix))}}
	}
	if link := console.Of(p.Region, p.Subject); link != "" {
		reported.SourceUrl = &link
	}
	return reported
}

func hubTime(when time.Time) *string {
	return aws.String(when.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// hubKinds are the services and the beginnings of resources whose ARNs Security Hub
// has types for.
var hubKinds = []struct{ service, resource, kind string }{
	{"iam", "role/", "AwsIamRole"}, {"s3", "", "AwsS3Object"}, {"secretsmanager", "secret:", "AwsSecretsManagerSecret"},
	{"ecs", "task-definition/", "AwsEcsTaskDefinition"}, {"ecs", "service/", "AwsEcsService"}, {"ecs", "task/", "AwsEcsTask"},
}

// hubResource gives the type and ARN of a subject; Other, and the subject as it is
// named, where it has none.
func hubResource(p Problem, partition string) (kind, id string) {
	id = finding.StableSubject(p.Subject)
	id, _, _ = strings.Cut(id, "#")
	switch name, isRole := strings.CutPrefix(id, "role/"); {
	case isRole:
		id = "arn:" + partition + ":iam::" + p.Account + ":role/" + name
	case strings.HasPrefix(id, "s3://"):
		id = "arn:" + partition + ":s3:::" + strings.TrimPrefix(id, "s3://")
	}
	kind = "Other"
	if parts := strings.SplitN(id, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		for _, known := range hubKinds {
			if parts[2] == known.service && strings.HasPrefix(parts[5], known.resource) {
				kind = known.kind
				break
			}
		}
	}
	return kind, clip(escape.Line(id), maxHubResource)
}

// importUnsent tells Security Hub what it does not know yet, a hundred problems in a
// call, and gives the ledger as it is afterwards. What Security Hub doesn't take is
// tried again with the next events.
func importUnsent(ctx context.Context, client Importer, productARN string, ledger Ledger, now time.Time) Ledger {
	ctx, cancel := context.WithTimeout(ctx, hubTimeout)
	defer cancel()
	problems := slices.Clone(ledger.Problems)
	var unsent []int
	for i, p := range problems {
		if p.Unsent && inHub(productARN)(Event{Account: p.Account, Region: p.Region}) {
			unsent = append(unsent, i)
		}
	}
	if len(unsent) == 0 {
		return ledger
	}
	ledger.HubProblem = ""
	for batch := range slices.Chunk(unsent, maxImport) {
		findings := make([]types.AwsSecurityFinding, len(batch))
		for i, place := range batch {
			findings[i] = hubFinding(problems[place], productARN, now)
		}
		output, err := client.BatchImportFindings(ctx, &securityhub.BatchImportFindingsInput{Findings: findings})
		refused := map[string]string{}
		if err != nil {
			for _, place := range batch {
				refused[problems[place].ID] = hubReason(err)
			}
		} else {
			for _, failure := range output.FailedFindings {
				refused[aws.ToString(failure.Id)] = aws.ToString(failure.ErrorCode) + ": " + aws.ToString(failure.ErrorMessage)
			}
		}
		for _, place := range batch {
			p := &problems[place]
			reason, failed := refused[p.ID]
			if failed {
				ledger.HubProblem = clip(escape.Line(reason), maxText)
				p.Tries++
			}
			p.Unsent = failed && p.Tries < maxHubTries
		}
	}
	ledger.Problems = slices.DeleteFunc(problems, func(p Problem) bool { return !p.Over.IsZero() && !p.Unsent })
	return ledger
}

// hubReason says why a call failed, and what to do where that is known.
func hubReason(err error) string {
	if awserror.HasCode(err, "InvalidAccessException") {
		return "Security Hub is not enabled in this account and Region; enable it, or take security-hub out of CentralFindings"
	}
	return fmt.Sprintf("BatchImportFindings answered %s", orUnknown(awserror.Code(err)))
}

func orUnknown(code string) string {
	if code == "" {
		return hubUnknownFailure
	}
	return code
}
