package instancerole

import (
	"flag"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
)

var update = flag.Bool("update", false, "write the tables of findings into the README")

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/attach-policies/README.md", *update, map[string][]finding.Code{
		"## Findings":                  Codes,
		"These any function can have:": pipeline.Codes,
	})
}

func TestEveryCodeIsDocumented(t *testing.T) {
	findingtest.Sources(t, nil, Codes, pipeline.Codes)
}
