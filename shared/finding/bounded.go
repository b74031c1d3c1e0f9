package finding

import (
	"cmp"
	"fmt"
	"slices"
)

// Bounded collects the findings about one file, of which a report keeps the gravest:
// a file that is something else altogether could have one on each line.
type Bounded struct {
	Findings []Finding
	// most is how many the report keeps.
	most int
	// counts are the findings by the rank of their severity, left those that were
	// not kept.
	counts [3]int
	left   int
}

// NewBounded makes a collection for a report of so many findings at the most.
func NewBounded(most int) Bounded { return Bounded{most: most} }

// Enough says that there are so many findings as grave as this that another one
// would not be shown. It counts the one that its caller then keeps to itself, and
// spares a file of a mebibyte of faults their sentences.
func (b *Bounded) Enough(severity Severity) bool {
	count := 0
	for rank := range severity.Rank() + 1 {
		count += b.counts[rank]
	}
	if count < 2*b.most {
		return false
	}
	b.left++
	return true
}

// Add keeps a finding.
func (b *Bounded) Add(f Finding) {
	b.counts[f.Severity.Rank()]++
	b.Findings = append(b.Findings, f)
}

// Report sorts the findings, the gravest first and then by place, each once. Where
// there are too many it ends with a finding of this code.
func (b *Bounded) Report(tooMany string) []Finding {
	slices.SortFunc(b.Findings, func(one, other Finding) int {
		return cmp.Or(
			cmp.Compare(one.Severity.Rank(), other.Severity.Rank()), cmp.Compare(one.Line, other.Line), cmp.Compare(one.Column, other.Column),
			cmp.Compare(one.Code, other.Code), cmp.Compare(one.Variable, other.Variable), cmp.Compare(one.Message, other.Message))
	})
	b.Findings = slices.Compact(b.Findings)
	if left := len(b.Findings) + b.left - (b.most - 1); left > 1 {
		b.Findings = append(b.Findings[:min(len(b.Findings), b.most-1)], Finding{
			Code: tooMany, Severity: Info,
			Message: fmt.Sprintf("%d more findings, none of them worse than those shown, are left out.", left),
			Fix:     "Correct what is shown, and judge the file again.",
		})
	}
	return b.Findings
}
