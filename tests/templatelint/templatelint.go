package templatelint

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

//go:embed lint.py
var program string

// Finding is what cfn-lint says about one combination.
type Finding struct {
	Combination, Rule, Path, Message string
	Regions                          []string
}

// Result is what came of all combinations.
type Result struct {
	// Templates is how many different ones the combinations make. Resources counts
	// those that were looked at, each once as long as it is the same.
	Templates, Resources int
	// Conditions tells which hold, by combination and region.
	Conditions map[string]map[string]map[string]bool
	Findings   []Finding
	// Processor is how much of a processor's time it took.
	Processor time.Duration
}

// Lint has cfn-lint look at a template for each combination. A combination without
// regions is for all.
func Lint(ctx context.Context, checkout, template string, combinations []Combination) (Result, error) {
	programs, err := toolchain.Install(ctx, checkout, toolchain.SAM, os.Stderr)
	if err != nil {
		return Result{}, err
	}
	everywhere := slices.Sorted(maps.Keys(regions))
	for index := range combinations {
		if len(combinations[index].Regions) == 0 {
			combinations[index].Regions = everywhere
		}
		if combinations[index].Parameters == nil {
			combinations[index].Parameters = map[string]string{}
		}
	}
	work, err := json.Marshal(map[string]any{"template": template, "regions": regions, "combinations": combinations})
	if err != nil {
		return Result{}, fmt.Errorf("encoding the combinations: %w", err)
	}
	command := exec.CommandContext(ctx, filepath.Join(programs, "python"), "-c", program)
	// The translator asks botocore for its region.
	command.Env = append(os.Environ(), "AWS_DEFAULT_REGION=us-east-1")
	var output, complaints bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(work), &output, &complaints
	if err := command.Run(); err != nil {
		return Result{}, fmt.Errorf("linting the rendered templates: %w\n%s", err, toolchain.LastLines(complaints.String(), 15))
	}
	var result Result
	if err := json.Unmarshal(output.Bytes(), &result); err != nil {
		return Result{}, fmt.Errorf("reading what cfn-lint found: %w", err)
	}
	result.Processor = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	return result, nil
}
