package instancerole

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// behind is an account whose reads show the tags of a role as they were, so many
// times: IAM's are eventually consistent.
type behind struct {
	*account
	readings int
	tags     []types.Tag
}

func (b *behind) GetRole(ctx context.Context, input *iam.GetRoleInput, change ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	output, err := b.account.GetRole(ctx, input, change...)
	if err == nil && b.readings > 0 {
		b.readings--
		output.Role.Tags = b.tags
	}
	return output, err
}

func TestRecordsThatIAMShowsLater(t *testing.T) {
	record := testSettings().loanKey(agentARN)
	loan := agentARN + " at=2025-11-22T00:10:00Z"
	for name, test := range map[string]struct {
		role     storedRole
		payload  string
		readings int
		// attached says what the role has in the end; ends, that the look succeeds.
		attached, ends bool
	}{
		"a record that shows at once":     {storedRole{tags: map[string]string{}}, `{"role":"ecsInstanceRole"}`, 0, true, true},
		"a record that shows later":       {storedRole{tags: map[string]string{}}, `{"role":"ecsInstanceRole"}`, 3, true, true},
		"a record that another run took":  {storedRole{tags: map[string]string{}}, `{"role":"ecsInstanceRole"}`, 99, false, false},
		"an undo that shows at once":      {storedRole{tags: map[string]string{record: string(loan)}, attached: []PolicyARN{agentARN}}, `{"undo":"ecsInstanceRole"}`, 0, false, true},
		"an undo that shows later":        {storedRole{tags: map[string]string{record: string(loan)}, attached: []PolicyARN{agentARN}}, `{"undo":"ecsInstanceRole"}`, 3, false, true},
		"an undo that another run undoes": {storedRole{tags: map[string]string{record: string(loan)}, attached: []PolicyARN{agentARN}}, `{"undo":"ecsInstanceRole"}`, 99, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				role := test.role
				role.name, role.trust = "ecsInstanceRole", ec2Trust
				a := newAccount(&role)
				late := &behind{account: a, readings: test.readings}
				for key, value := range role.tags {
					late.tags = append(late.tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
				}
				observer := &Observer{Settings: testSettings(), Region: "us-east-1", Roles: a, Account: a, Instances: a, Providers: a, Now: time.Now}
				result := assemble(testSettings(), observer, Applier{Roles: late}).Handle(t.Context(), []byte(test.payload)).Report().Results[0]
				if attached := slices.Contains(role.attached, agentARN); attached != test.attached {
					t.Errorf("attached is %v", role.attached)
				}
				if ends := result.Status == finding.Remediated; ends != test.ends {
					t.Errorf("ended as %s: %+v", result.Status, result.Findings)
				}
				for key := range role.tags {
					if !test.attached && strings.HasPrefix(key, loanPrefix) {
						t.Errorf("a record stays: %s", key)
					}
				}
			})
		})
	}
}
