package interleavings

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

var (
	full = flag.Bool("full", false, "try the orders of make interleavings")
	only = flag.String("only", "", "`text` that a pair's name has to contain")
)

// leastOrders is how many orders make interleavings tries at least.
const leastOrders = 2000

func allPairs() []Pair {
	return slices.Concat(rolePairs(), filePairs(), definitionPairs(), rotationPairs(), failurePairs())
}

// TestInterleavings tries the orders of all pairs. make test tries those with one
// switch between the two, make interleavings all, or of the pairs with the most
// of them those with two switches.
func TestInterleavings(t *testing.T) {
	limits := Limits{Switches: 1}
	if *full {
		limits = Limits{Orders: 300, Switches: 2}
	}
	var pairs []Pair
	for _, pair := range allPairs() {
		if strings.Contains(pair.Name, *only) {
			pairs = append(pairs, pair)
		}
	}
	results := make([]Result, len(pairs))
	t.Run("pairs", func(t *testing.T) {
		for index, pair := range pairs {
			t.Run(pair.Name, func(t *testing.T) {
				t.Parallel()
				results[index] = pair.Explore(t, limits)
				if results[index].Writes == 0 {
					t.Error("no order of this pair changes anything: there is nothing to compare")
				}
				for _, complaint := range slices.Concat(results[index].Differences, results[index].Orphans) {
					t.Error(complaint)
				}
			})
		}
	})
	table := tableOf(results)
	t.Log("\n" + table.text)
	if *full && *only == "" && table.orders < leastOrders {
		t.Errorf("%d orders are fewer than %d", table.orders, leastOrders)
	}
	keep(t, table.text)
}

// table is what people read of the results.
type table struct {
	text   string
	orders int
}

func tableOf(results []Result) table {
	var text strings.Builder
	writer := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(writer, "pair\torders tried\tof\tends\tserial ends\tdifferences\torphans")
	orders, differences, orphans := 0, 0, 0
	for _, result := range results {
		scope := "all"
		if !result.Complete {
			scope = fmt.Sprintf("those with <= %d switches", result.Switches)
		}
		fmt.Fprintf(writer, "%s\t%d\t%s\t%d\t%d\t%d\t%d\n", result.Name, result.Orders, scope, result.Ends, result.Serial, len(result.Differences), len(result.Orphans))
		orders, differences, orphans = orders+result.Orders, differences+len(result.Differences), orphans+len(result.Orphans)
	}
	// Writing to memory can't fail.
	_ = writer.Flush()
	fmt.Fprintf(&text, "\n%d pairs, %d orders tried: %d differences in the end state, %d orphans\n", len(results), orders, differences, orphans)
	return table{text.String(), orders}
}

// keep puts the table where make interleavings shows it, and its last line where
// make test shows the figures of its tests.
func keep(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	figure := "Interleavings: " + lines[len(lines)-1] + "\n"
	for path, content := range map[string]string{"../../.local/figures/interleavings": figure, "../../.local/interleavings.txt": text} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
