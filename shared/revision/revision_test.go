package revision

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Name{
		"web":   {Family: "web"},
		"web:7": {Family: "web", Number: 7},
		"arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/a_b-C:12": {Family: "a_b-C", Number: 12, Region: "cn-north-1", Account: "123456789012"},
	} {
		if got, err := Parse(text); got != want || err != nil {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a b", "web:0", "web:01", "web:9999999999", "web:", ":7", "web:7:1", strings.Repeat("a", 256), "arn:aws:ecs:us-east-1:12:task-definition/web:1"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
