package authorization

import (
	"strings"
	"testing"
)

func TestKeyDemands(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:123456789012:key/a1"
	for name, test := range map[string]struct{ key, actions, want string }{
		"no key":          {"", "sqs:SendMessage", ""},
		"a message":       {key, "sqs:SendMessage", "kms:GenerateDataKey sqs.eu-west-1.amazonaws.com, kms:Decrypt sqs.eu-west-1.amazonaws.com"},
		"two objects":     {key, "s3:GetObject s3:GetObject", "kms:Decrypt s3.eu-west-1.amazonaws.com"},
		"a file's tags":   {key, "s3:GetObjectTagging", ""},
		"another service": {key, "ecs:DescribeClusters", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var demands []Demand
			for action := range strings.FieldsSeq(test.actions) {
				demands = append(demands, Demand{Action: action, Resource: "x"})
			}
			var got []string
			for _, of := range keyDemands(test.key, demands) {
				if of.Resource != key {
					t.Errorf("it is about %s", of.Resource)
				}
				got = append(got, of.Action+" "+of.Context["kms:ViaService"][0])
			}
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("got %q, want %q", text, test.want)
			}
		})
	}
}
