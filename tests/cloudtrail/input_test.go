package cloudtrail

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

func TestInputOfTargets(t *testing.T) {
	const event = `{"id":"1","detail":{"role":"r\"1","count":2,"list":[{"name":"a"},{"name":"b"}]}}`
	transformer := func(template string) types.Target {
		return types.Target{InputTransformer: &types.InputTransformer{
			InputTemplate: &template,
			InputPathsMap: map[string]string{"role": "$.detail.role", "count": "$.detail.count", "second": "$.detail.list[1].name", "none": "$.detail.none"},
		}}
	}
	cases := []struct {
		name   string
		target types.Target
		want   string
	}{
		{"the event", types.Target{}, event},
		{"a constant", types.Target{Input: aws.String(`{"a":1}`)}, `{"a":1}`},
		{"a part", types.Target{InputPath: aws.String("$.detail.list[0]")}, `{"name":"a"}`},
		{"all by path", types.Target{InputPath: aws.String("$.id")}, `"1"`},
		{"a sentence", transformer(`"<role> has <count> of <second>"`), `"r\"1 has 2 of b"`},
		{"an object", transformer(`{"role": <role>, "count": <count>, "note": "<second>!"}`), `{"role": "r\"1", "count": 2, "note": "b!"}`},
		{"a path to nothing", transformer(`{"none": <none>}`), `{"none": null}`},
		{"the rule's name", transformer(`{"rule": <aws.events.rule-name>, "other": <unknown>}`), `{"rule": "ours", "other": <unknown>}`},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			got, err := input(types.Rule{Name: aws.String("ours")}, test.target, []byte(event))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
