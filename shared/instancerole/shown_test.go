package instancerole

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// secretKey is no key: it only has the form of an AWS secret access key.
const secretKey = "k7DMwJalrXUtn/K7MDENG2bPxRfiCY8XuMp1Eh5Q"

// TestNothingIsShownThatIsNotWhatItShouldBe: a secret in the wrong place stays
// there, wherever the writer of a role, a policy or an instance can put it.
func TestNothingIsShownThatIsNotWhatItShouldBe(t *testing.T) {
	for _, canary := range []string{"ghp_16C7e42F292c6912E7710c838347Ae178B4a", "dckr_pat_aBcDeFgHiJkLmNoPqRsTuVwXyZ0", canarySecret, secretKey, "aws:RequestTag/" + secretKey, strings.ReplaceAll(secretKey, "/", "K"), "<!channel> [here](https://evil.example)"} {
		quoted, _ := json.Marshal(canary)
		for place, role := range map[string]storedRole{
			"a tag of capabilities": {tags: map[string]string{capabilitiesTag: canary}},
			"the opt-out's value":   {tags: map[string]string{"ecs-guardrails:ignore": canary}},
			"a principal":           {trust: `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com","AWS":` + string(quoted) + `},"Action":"sts:AssumeRole"}]}`},
			"only a principal":      {trust: `{"Statement":[{"Effect":"Allow","Principal":{"Federated":` + string(quoted) + `},"Action":"sts:AssumeRole"}]}`},
			"a condition key":       {attached: []PolicyARN{agentARN}, inline: []string{`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{` + string(quoted) + `:"x"}}}]}`}},
			"a condition's value":   {inline: []string{`{"Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":` + string(quoted) + `}}}]}`}},
			"a cluster's name":      {inline: []string{statements(`{"Effect":"Allow","Action":"ecs:DiscoverPollEndpoint","Resource":"*"}`, `{"Effect":"Allow","Action":"ecs:RegisterContainerInstance","Resource":`+strings.Replace(string(quoted), `"`, `"arn:aws:ecs:*:123456789012:cluster/`, 1)+`}`)}},
			"a record":              {tags: map[string]string{attachedTag: canary, loanPrefix + "x": canary, declinedTag: "2025-11-22T00:10:00Z " + canary}},
		} {
			t.Run(fmt.Sprintf("%.6s in %s", canary, place), func(t *testing.T) {
				role.name = "ecsInstanceRole"
				if role.trust == "" {
					role.trust = ec2Trust
				}
				a := newAccount(&role)
				told, err := json.Marshal(handle(t, testSettings(), a, `{"eventSource":"iam.amazonaws.com","eventName":"TagRole","eventTime":"2025-11-22T10:30:00Z","requestParameters":{"roleName":"ecsInstanceRole"}}`))
				if err != nil {
					t.Fatal(err)
				}
				if part := strings.TrimPrefix(canary, "aws:RequestTag/"); strings.Contains(string(told), part) || strings.Contains(string(told), part[:9]) {
					t.Errorf("the result shows it: %s", told)
				}
			})
		}
	}
}

// TestTokensAreNotShown, even where they have the form of what is shown.
func TestTokensAreNotShown(t *testing.T) {
	const token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	for got, want := range map[string]string{
		shownPrincipals([]string{"ec2.amazonaws.com", "arn:aws:iam::123456789012:user/" + token, "AIDA; drop"}): "ec2.amazonaws.com, (not shown: it looks like a GitHub token), a principal of an unknown form (not shown)",
		shownWords([]string{"dockr", token}): "dockr, a text that is no capability's name",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
