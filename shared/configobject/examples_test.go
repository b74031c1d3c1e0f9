package configobject_test

import (
	"slices"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configobject"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

// TestMain keeps the example of an environment file's name, too: environmentfile
// itself sees the content only.
func TestMain(m *testing.M) {
	name := slices.IndexFunc(environmentfile.Codes(), func(code finding.Code) bool { return code.Code == "environment-file-extension" })
	findingtest.Main(m, append(slices.Clone(configobject.Codes), environmentfile.Codes()[name]))
}
