package instancerole

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"ecsguardrails/shared/policysimulation"
)

// questions lists what to ask about a role of these capabilities.
func questions(wanted Capabilities, at site) []policysimulation.Question {
	var questions []policysimulation.Question
	ask := func(n need) {
		if resource := at.arn(n.on); resource != "" {
			questions = append(questions, policysimulation.Question{Action: n.action, Resource: resource})
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
	return questions
}

// contextEntries give the condition keys that are known of each call that an
// instance makes.
func contextEntries(role Role, at site, now time.Time) []types.ContextEntry {
	entries := append(policysimulation.OfRole(role.ARN, at.account, at.region, now),
		policysimulation.Text("ecs:CreateAction", "RegisterContainerInstance"),
		policysimulation.Text("ecs:cluster", at.arn(cluster)),
		policysimulation.Text("ecs:account-setting", "awsvpcTrunking"),
		policysimulation.ViaService("s3", at.region, at.partition),
	)
	if at.bucket != "" {
		entries = append(entries, policysimulation.Text("kms:EncryptionContext:aws:s3:arn", at.arn(configObject)))
	}
	for _, key := range slices.Sorted(maps.Keys(role.Tags)) {
		entries = append(entries, policysimulation.Text("aws:PrincipalTag/"+key, role.Tags[key]))
	}
	return entries
}
