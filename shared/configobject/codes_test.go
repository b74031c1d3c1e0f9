package configobject_test

import (
	"flag"
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/userdata"
)

var update = flag.Bool("update", false, "write the tables of findings into the README")

func TestREADMEListsTheCodes(t *testing.T) {
	findingtest.README(t, "../../functions/validate-config/README.md", *update, map[string][]finding.Code{
		"### About the object":        slices.Concat(configobject.Codes, pipeline.Codes),
		"### About the bucket":        configbucket.Codes,
		"### About ecs.config":        ecsconfig.Codes(),
		"### About environment files": environmentfile.Codes(),
		"### About user data":         userdata.Codes(),
	})
}
