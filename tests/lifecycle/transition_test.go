package lifecycle

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
)

// previousRelease is the template of the release before this one. A release
// replaces it by its own.
const previousRelease = "testdata/previous-release.yaml"

func load(t *testing.T, path string) *samtemplate.Template {
	t.Helper()
	template, err := samtemplate.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func shipped(t *testing.T) *samtemplate.Template {
	t.Helper()
	checkout, err := stack.Checkout()
	if err != nil {
		t.Fatal(err)
	}
	return load(t, filepath.Join(checkout, "template.yaml"))
}

func resources(t *testing.T, of *samtemplate.Template, parameters Parameters) map[string]samtemplate.RenderedResource {
	t.Helper()
	rendered, err := of.Render(parameters, "aws", stack.Region)
	if err != nil {
		t.Fatal(err)
	}
	return rendered.Resources
}

// TestEveryParameterIsFlipped: a parameter that this package doesn't know would be
// one whose change nothing tries.
func TestEveryParameterIsFlipped(t *testing.T) {
	known := map[string]bool{}
	for _, flip := range flips {
		known[flip.Parameter] = true
	}
	for _, parameter := range shipped(t).Parameters() {
		if !known[parameter.Name] {
			t.Errorf("no flip changes the parameter %s", parameter.Name)
		}
		delete(known, parameter.Name)
	}
	if len(known) > 0 {
		t.Errorf("these flips are of no parameter: %v", known)
	}
}

// TestEveryTypeHasItsRule: of a type without a rule, a replacement would go unseen.
func TestEveryTypeHasItsRule(t *testing.T) {
	for name, resource := range resources(t, shipped(t), nil) {
		if _, known := samtemplate.CreateOnly[resource.Type]; !known {
			t.Errorf("%s: which changes of a %s make a new one?", name, resource.Type)
		}
	}
}

// TestParametersBreakNothing flips each parameter, and flips it back.
func TestParametersBreakNothing(t *testing.T) {
	template := shipped(t)
	before := resources(t, template, base)
	var table ruled
	for _, flip := range flips {
		after := resources(t, template, flip.with(base))
		there, back := changes(before, after), changes(after, before)
		table.add(flip.Parameter+"="+flip.Value, there)
		table.add("back from "+flip.Parameter, back)
		if !there.Moves() && there.Updated == 0 && flip.Parameter != "Architecture" {
			// The architecture is in Globals alone, which every function has.
			t.Errorf("%s=%s changes nothing: it tries nothing", flip.Parameter, flip.Value)
		}
		for _, broken := range slices.Concat(there.Broken, back.Broken) {
			t.Errorf("%s=%s and back: %s", flip.Parameter, flip.Value, broken)
		}
	}
	of := changes(resources(t, load(t, previousRelease), Parameters{"Mode": "enforce", "FindingsEmail": "ops@example.com"}), before)
	of.Broken = slices.DeleteFunc(of.Broken, keptByIAM)
	table.add("the previous release, updated", of)
	table.keep(t)
}

// ruled is the table of transitions by CloudFormation's rules.
type ruled struct {
	rows   [][]string
	broken int
}

func (r *ruled) add(name string, of Changes) {
	r.broken += len(of.Broken)
	r.rows = append(r.rows, []string{name, fmt.Sprint(len(of.Added)), fmt.Sprint(len(of.Removed)), fmt.Sprint(len(of.Replaced)), fmt.Sprint(of.Updated), fmt.Sprint(len(of.Broken))})
}

// keep puts the table where make lifecycle shows it.
func (r *ruled) keep(t *testing.T) {
	t.Helper()
	keepTable(t, "lifecycle-rules.txt", []string{"by CloudFormation's rules", "added", "removed", "replaced", "updated", "broken"}, r.rows, r.broken)
}

// keepTable writes a table below .local.
func keepTable(t *testing.T, file string, head []string, rows [][]string, broken int) {
	t.Helper()
	var text strings.Builder
	writer := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		fmt.Fprintln(writer, strings.Join(row, "\t"))
	}
	// Writing to memory can't fail.
	_ = writer.Flush()
	fmt.Fprintf(&text, "\n%d transitions: %d broken\n\n", len(rows), broken)
	if err := os.MkdirAll("../../.local", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("../../.local", file), []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// keptByIAM reports whether what would break is a policy that stays where it is
// attached: IAM deletes none that a role has (DeletePolicy: DeleteConflict).
func keptByIAM(broken string) bool { return broken == "RegistrySecretsReadPolicy is deleted" }

// TestDeletionBreaksNothing: what others name stays when the stack goes. The
// functions go; {"leave": true} turns their rotations off before.
func TestDeletionBreaksNothing(t *testing.T) {
	for _, broken := range changes(resources(t, shipped(t), base), nil).Broken {
		name, _, _ := strings.Cut(broken, " ")
		if !slices.ContainsFunc([]string{"Function", "Topic", "Bus"}, func(end string) bool { return strings.HasSuffix(name, end) }) {
			t.Error(broken)
		}
	}
}

// TestReleaseBreaksNothing updates the previous release's stack to this template.
func TestReleaseBreaksNothing(t *testing.T) {
	of := changes(resources(t, load(t, previousRelease), Parameters{"Mode": "enforce", "FindingsEmail": "ops@example.com"}), resources(t, shipped(t), base))
	t.Logf("added %s\nremoved %s\nreplaced %s\n%d updated", list(of.Added), list(of.Removed), list(of.Replaced), of.Updated)
	if slices.Contains(of.Replaced, "TaskExecutionRole") {
		t.Error("the execution role is replaced: revisions name the old one, and new ones would name another")
	}
	for _, broken := range of.Broken {
		if !keptByIAM(broken) {
			t.Error(broken)
		}
	}
}

// TestPlantedBreaksAreSeen takes away what keeps resources that others hold.
func TestPlantedBreaksAreSeen(t *testing.T) {
	content, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		old, new string
		flip     Flip
		broken   string
	}{
		"an execution role that a condition deletes": {
			"  TaskExecutionRole:\n    Type: AWS::IAM::Role\n", "  TaskExecutionRole:\n    Type: AWS::IAM::Role\n    Condition: CuresExecutionRoles\n",
			Flip{"Allow", "none"}, "TaskExecutionRole is deleted",
		},
		"a policy whose description changes": {
			"      Description: Pull images from the Amazon ECR repositories of this account\n", "      Description: !Ref LogRetentionDays\n", Flip{"LogRetentionDays", "30"}, "is replaced",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(string(content), test.old) {
				t.Fatalf("the template has no %q any more", test.old)
			}
			planted, err := samtemplate.Parse([]byte(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(string(content), test.old, test.new),
				"DeletionPolicy: Retain\n", "DeletionPolicy: Delete\n"), "UpdateReplacePolicy: Retain\n", "UpdateReplacePolicy: Delete\n")))
			if err != nil {
				t.Fatal(err)
			}
			of := changes(resources(t, planted, base), resources(t, planted, test.flip.with(base)))
			if !slices.ContainsFunc(of.Broken, func(broken string) bool { return strings.Contains(broken, test.broken) }) {
				t.Errorf("broken are %q, want one that %q", of.Broken, test.broken)
			}
		})
	}
}
