package ecsconfig_test

import (
	"bytes"
	"encoding/json"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

// processorTime is what this process has used so far, which a busy machine
// changes less than the time on the clock.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// cost is the least processor time and the fewest allocations of two runs,
// without the garbage collector's work, which depends on what ran before.
func cost(t *testing.T, run func()) (took time.Duration, allocations uint64) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	took, allocations = time.Hour, 1<<62
	for range 2 {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := processorTime(t)
		run()
		took = min(took, processorTime(t)-start)
		runtime.ReadMemStats(&after)
		allocations = min(allocations, after.Mallocs-before.Mallocs)
	}
	return took, allocations
}

// TestSpeed bounds what 1 MiB costs, of text as it is and of faults in every
// line. The processor time is bound by that of a reference on the same machine,
// with room for one that is busy: what grows faster than the file fails. The
// allocations are the same everywhere: a line beyond the ones that are reported
// costs no sentences.
func TestSpeed(t *testing.T) {
	document := []byte(`["` + strings.Repeat("x", 1<<20) + `"]`)
	reference, _ := cost(t, func() { _ = json.Valid(document) })
	const most, perLine, beside = 50, 3, 100_000
	for name, content := range big {
		took, allocations := cost(t, func() { ecsconfig.Judge(content) })
		lines := bytes.Count(content, []byte("\n"))
		t.Logf("%s: %v, %.1f times the reference, %d lines, %d allocations", name, took, float64(took)/float64(reference), lines, allocations)
		if took > most*reference {
			t.Errorf("%s takes %v, the reference %v", name, took, reference)
		}
		if allocations > uint64(perLine*lines+beside) {
			t.Errorf("%s: %d allocations for %d lines", name, allocations, lines)
		}
	}
}
